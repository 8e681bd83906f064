"""`render`: the specs as they are after defaults, patches and variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowerpower.cli import completion
from flowerpower.cli.options import Revision, command, flag
from flowerpower.cli.session import Session
from flowerpower.errors import UsageError

if TYPE_CHECKING:
    from flowerpower.specs.fields import Spec
    from flowerpower.specs.loader import Project
    from flowerpower.specs.origins import OriginTree

_KINDS = ("project", "pipeline", "schedule")


@command("render", "Print the specs as they are in an environment.", "flowerpower render --env prod nightly_sales")
def render(
    session: Session,
    revision: Revision,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Pipelines and schedules to show, as NAME or schedule.NAME; without any, all of them.",
            autocompletion=completion.both,
        ),
    ] = None,
    origin: Annotated[bool, flag("--origin", help="Show where each value came from.")] = False,
) -> None:
    """Print the specs after defaults, environment patches and variables, so that nobody has to guess."""
    from flowerpower.render.specs import origins_json, spec_values, spec_yaml

    written = session.project()
    project = written.spec
    addresses = _addresses(project, names or [], written.sources.texts)
    specs = {address: spec_values(_spec(project, address)) for address in addresses}
    origins = ((address, _origins(session, project, address, values)) for address, values in specs.items())
    if session.json:
        document: dict[str, Any] = _by_kind(project, specs)
        if origin:
            document["origins"] = _by_kind(project, {address: origins_json(tree) for address, tree in origins})
        session.document(document)
        return
    known = origins if origin else ((address, None) for address in specs)  # one after the other: there may be thousands
    texts = [
        f"# {' '.join(_parts(project, address))}  {project.places[address]}\n{spec_yaml(specs[address], tree)}"
        for address, tree in known
    ]
    session.result("---\n".join(texts).rstrip())


def _by_kind(project: Project, found: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {kind: {} for kind in _KINDS}
    for address, value in found.items():
        kind, name = _parts(project, address)
        document[kind][name] = value
    return document


def _parts(project: Project, address: str) -> tuple[str, str]:
    kind, _, name = address.partition(".")
    return kind, name or project.spec.name


def _addresses(project: Project, names: list[str], texts: Mapping[str, bytes]) -> list[str]:
    """Return the addresses that the names stand for, in the order of the project; raise `UsageError` for others."""
    found = [
        "project",
        *(f"pipeline.{name}" for name in sorted(project.pipelines)),
        *(f"schedule.{name}" for name in sorted(project.schedules)),
    ]
    if not names:
        return found
    short = [address.partition(".")[2] for address in found[1:]]
    unknown = [name for name in names if name not in found and name not in short]
    if unknown:
        from flowerpower.specs.left_out import ELSEWHERE, why_left_out
        from flowerpower.specs.messages import did_you_mean

        why = why_left_out(texts, project.env, unknown[0], ("pipeline", "schedule"))
        if why:
            raise UsageError(why, hint=ELSEWHERE)
        raise UsageError(
            f"no pipeline or schedule is named {', '.join(map(repr, unknown))} in environment {project.env!r}",
            hint=did_you_mean(unknown[0], [*found, *short]) or "`flowerpower render` without names shows all",
        )
    return [address for address in found if address in names or address.partition(".")[2] in names]


def _spec(project: Project, address: str) -> Spec:
    kind, name = _parts(project, address)
    found: dict[str, Mapping[str, Spec]] = {"pipeline": project.pipelines, "schedule": project.schedules}
    return found[kind][name] if kind in found else project.spec


def _origins(session: Session, project: Project, address: str, values: dict[str, Any]) -> dict[str, OriginTree]:
    from flowerpower.specs.origins import origins_of
    from flowerpower.specs.places import Places

    assert isinstance(project.places, Places)  # noqa: S101 - what was loaded from texts has them
    settings = session.settings
    given = {}
    for name, value in settings.variables.items():
        variable = f"FLOWERPOWER_VAR_{name}"
        given[name] = variable if settings.environment.get(variable) == value else f"--var {name}"
    return origins_of(project.places, address, values, given)
