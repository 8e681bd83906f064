"""Checks of plug-ins: a house's own rules as code, beside the `policies:` that are written.

An entry point of the group `flowerpower.checks` is a function. It gets a `Specs` of plain values, as `flowerpower
render` shows them, and returns or yields a `Finding` for each mistake. It runs in `validate`, `plan` and `apply`, where
the project names its distribution under `plugins:`; never on specs that are not valid, and never with --untrusted.
A `PlanCheck` in the same group holds a function of a plan instead, and its errors refuse as guards do.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args
from weakref import WeakKeyDictionary

from flowerpower.errors import Problem, Severity, SpecError
from flowerpower.plugins import CHECKS_GROUP, Plugin, PluginWarning, load_plugins
from flowerpower.settings import plugins_are_off
from flowerpower.specs.files.kinds import PROJECT_FILES
from flowerpower.specs.silence import OF_OTHERS, silence
from flowerpower.specs.verdict import in_order

if TYPE_CHECKING:
    from flowerpower.opened import OpenedProject
    from flowerpower.planning.plan import Check as Verdict
    from flowerpower.planning.plan import Plan
    from flowerpower.specs.project import Project

_MOST = 1_000  # findings of one check that are told
_found: WeakKeyDictionary[OpenedProject, tuple[Problem, ...]] = WeakKeyDictionary()  # a check runs once


class Specs(NamedTuple):
    """What a check sees: the specs of one environment after patches and variables, placeholders not filled in."""

    namespace: str
    env: str
    project: Mapping[str, Any]
    pipelines: Mapping[str, Mapping[str, Any]]
    schedules: Mapping[str, Mapping[str, Any]]


class Finding(NamedTuple):
    """One mistake that a check has found. An error stands in the way of a plan, a warning and a note do not."""

    code: str  # as ACME12: letters, then a number
    message: str
    severity: Severity = "error"
    address: str = "project"  # or schedule.<name>, pipeline.<name>
    field: str = ""  # the key that is wrong
    hint: str = ""


Check = Callable[[Specs], Iterable[Finding]]


class PlanCheck(NamedTuple):
    """A check of what would change: its function gets the document that `plan --json` prints, as values of its own."""

    check: Callable[[dict[str, Any]], Iterable[Finding]]


def house_problems_everywhere(project: OpenedProject) -> tuple[Problem, ...]:
    """Return the same in each environment that a check of the project looks at, each mistake once."""
    if not _may_have_checks(project):
        return ()
    from flowerpower.specs.environments import told_once

    return told_once([(each.settings.env, house_problems(each)) for each in project.in_each_environment()])


def house_problems(project: OpenedProject) -> tuple[Problem, ...]:
    """Return what the checks of the project's plug-ins find, sorted by place; nothing while its specs are not valid."""
    if project not in _found:
        _found[project] = _look(project)
    return _found[project]


def _look(project: OpenedProject) -> tuple[Problem, ...]:
    if not _may_have_checks(project):
        return ()
    try:
        specs = project.spec
    except SpecError:
        return ()
    found = check_by_plugins(specs)
    return in_order(silence(found, project.sources.texts)) if found else ()


def refuse_by_checks(project: OpenedProject) -> None:
    """Raise `SpecError` for what checks of plug-ins find to be an error."""
    found = house_problems(project)
    if any(problem.severity == "error" for problem in found):
        raise SpecError(in_order([*project.problems, *found]))


def check_by_plugins(project: Project) -> list[Problem]:
    """Return what every check finds; one that fails is a PluginWarning that names its distribution."""

    def ask(check: Any) -> Iterable[Finding]:
        return () if isinstance(check, PlanCheck) else check(_plain(project)) or ()

    found = _findings(project.spec.plugins, ask, project.places)
    return [_problem(project, finding, plugin) for plugin, finding in found]


def verdicts_on(project: OpenedProject, plan: Plan, aside: Collection[str] = ()) -> tuple[Verdict, ...]:
    """Return what the checks of plans by the project's plug-ins say of one, as guards do, and is not said there yet.

    Errors with a code that is set *aside* warn.
    """
    named = () if project.settings.untrusted or plugins_are_off() else project.home.plugins
    return verdicts_by_plugins(named, plan, aside) if named else ()


def verdicts_by_plugins(named: Sequence[str], plan: Plan, aside: Collection[str] = ()) -> tuple[Verdict, ...]:
    """Return what checks of plans by the plug-ins of these distributions say: errors refuse, the others warn."""
    from flowerpower.planning.plan import Check as Verdict
    from flowerpower.render.plan_json import plan_dict

    def ask(check: Any) -> Iterable[Finding]:
        return check.check(plan_dict(plan)) or () if isinstance(check, PlanCheck) else ()

    found = _findings(named, ask, {change.address for change in plan.changes})
    said = (
        Verdict(
            finding.code,
            "refuse" if finding.severity == "error" and finding.code not in aside else "warn",
            finding.message if finding.address == "project" else f"{finding.address}: {finding.message}",
            _way_past(finding, plugin, aside),
        )
        for plugin, finding in found
    )
    return tuple(one for one in said if one not in plan.checks)


def _findings(
    named: Sequence[str], ask: Callable[[Any], Iterable[Finding]], addresses: Container[str]
) -> list[tuple[Plugin, Finding]]:
    """Return what the checks answer when they are asked; one that fails is a PluginWarning."""
    found: list[tuple[Plugin, Finding]] = []
    with redirect_stdout(sys.stderr):  # what they print is no result of ours
        for plugin, check in load_plugins(CHECKS_GROUP, named):
            try:
                found += [(plugin, finding) for finding in _sound(ask(check), plugin, addresses)]
            except Exception as error:  # noqa: BLE001  foreign code; a broken one must not stop the rest
                said = str(error).strip().partition("\n")[0]
                _warn(plugin, f"failed: {type(error).__name__}: {said}")
    return found


def _sound(findings: Iterable[Finding], plugin: Plugin, addresses: Container[str]) -> Iterator[Finding]:
    for number, finding in enumerate(findings):
        if number == _MOST:
            _warn(plugin, f"found more than {_MOST:,} mistakes; the others are not told")
            return
        if not isinstance(finding, Finding) or finding.severity not in get_args(Severity):
            _warn(plugin, f"found something that is no finding: {finding!r:.80}")
        elif not OF_OTHERS.fullmatch(finding.code):
            _warn(plugin, f"has the code {finding.code[:40]!r}, which is none of its own, as ACME12 would be")
        elif finding.address != "project" and finding.address not in addresses:
            _warn(plugin, f"found {finding.code} at {finding.address[:80]!r}, which is not there")
        else:
            yield finding


def _problem(project: Project, finding: Finding, plugin: Plugin) -> Problem:
    path = (finding.field,) if finding.field else ()
    place = project.place(finding.address, *path)
    return Problem(finding.code, place, finding.message, _hint(finding, plugin), finding.severity)


def _hint(finding: Finding, plugin: Plugin) -> str:
    return finding.hint or f"a rule of {plugin.distribution}"


def _way_past(finding: Finding, plugin: Plugin, aside: Collection[str]) -> str:
    hint, flag = _hint(finding, plugin), f"--allow-check {finding.code}"
    if finding.severity != "error":
        return hint
    return f"set aside by {flag}" if finding.code in aside else f"{hint.rstrip('. ')}; if it is meant: {flag}"


def is_code(text: str) -> bool:
    """Tell whether a text could be the code of a check."""
    return OF_OTHERS.fullmatch(text) is not None


def _warn(plugin: Plugin, what: str) -> None:
    warnings.warn(f"the check {plugin.name!r} of {plugin.distribution} {what}", PluginWarning, stacklevel=3)


def _plain(project: Project) -> Specs:
    """Return the specs as values of their own: a check may do with them what it likes."""
    return Specs(
        project.namespace,
        project.env,
        project.spec.model_dump(mode="json"),
        {name: spec.model_dump(mode="json") for name, spec in project.pipelines.items()},
        {name: spec.model_dump(mode="json") for name, spec in project.schedules.items()},
    )


def _may_have_checks(project: OpenedProject) -> bool:
    """Tell whether it is worth reading the specs: most projects name no plug-ins, and are known from before."""
    if project.settings.untrusted or plugins_are_off():
        return False
    if project.ref is not None:
        return any(b"plugins" in project.sources.texts.get(name, b"") for name in PROJECT_FILES)
    if not isinstance(project.place, Path):
        return any(b"plugins" in text for text in project.written.of_project_file.values())
    files = (project.folder / name for name in PROJECT_FILES)
    return any(b"plugins" in file.read_bytes() for file in files if file.is_file())
