"""Ask everything, one thing after the other; what fails to answer hides nothing of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from flowerpower.doctor.findings import Examination, Finding, Unknown, not_known, worst_first
from flowerpower.doctor.live import read_live
from flowerpower.doctor.live_checks import environment_findings, live_findings
from flowerpower.doctor.machine import read_git, read_machine, read_plugins
from flowerpower.doctor.machine_checks import git_findings, machine_findings, plugin_findings, project_findings
from flowerpower.doctor.server import ask, reach, read_server
from flowerpower.doctor.server_checks import server_findings
from flowerpower.errors import FlowerPowerError, SpecError, StoreError
from flowerpower.project import FlowerPowerProject
from flowerpower.schedule.zones import tzdata_version
from flowerpower.settings import Settings
from flowerpower.specs.environments import declared
from flowerpower.state.connection import connect, hide_credentials
from flowerpower.state.keys import Keys
from flowerpower.state.neighbours import read_neighbours
from flowerpower.state.signing import Signer
from flowerpower.state.store import Store

_CALL = "does the server run, and is this its address? --redis or `redis:` in flowerpower.yaml names it"
_WRONG = "correct the project file first; --redis names one that is looked at meanwhile"
_PATIENCE = 10.0  # seconds that Redis may take for one answer


def examine(settings: Settings, project: FlowerPowerProject | None) -> Examination:
    """Return what is found on this machine, in the project if there is one, and in its Redis; changes nothing."""
    place = project.place if project else settings.project
    folder = place if isinstance(place, Path) else None  # of a project at a URL git says nothing
    git = git_findings(read_git(folder or Path()), settings.env)
    found = [*machine_findings(read_machine()), *(git if project and folder else git[:1])]
    namespace, url, signer = "", settings.redis or "", None
    try:
        signer = Signer.of(settings.signing_key)
    except FlowerPowerError as error:
        found.append(Finding("machine", "signing key", "fail", str(error), error.hint))
    if project is None:
        message = "no project here: only this machine" + (" and Redis are" if url else " is") + " looked at"
        found.append(Finding("project", "folder", "warn", message, "flowerpower init, or name one with --project"))
    else:
        found += _about_specs(project)
    found += plugin_findings(read_plugins(_plugins_named(project)))
    keys = Keys("doctor", settings.env, settings.rq_prefix)
    try:
        known = project is None or _is_readable(project)
        if project is not None and known:
            namespace, url = f"{project.home.name}.{settings.env}", project.redis_url
            keys = Keys(project.home.name, settings.env, settings.rq_prefix)
        if url:
            found += _redis(url, keys, signer, declared(project.sources.texts) if project and known else None)
        elif not known:
            found.append(Finding("redis", "reachable", "unknown", "the project file names it, and is wrong", _WRONG))
    except SpecError as error:
        first = error.problems[0]
        found.append(Finding("redis", "reachable", "fail", f"{first.place}: {first.said}", first.hint or error.hint))
    except FlowerPowerError as error:
        hint = _CALL if error.hint == StoreError.hint else error.hint
        found.append(Finding("redis", "reachable", "fail", str(error), hint))
    return Examination(namespace, hide_credentials(url) if url else "", worst_first(found))


def _is_readable(project: FlowerPowerProject) -> bool:
    """Tell whether the project file is right; what is wrong with it is told by its own check."""
    try:
        return bool(project.home)
    except SpecError:
        return False


def _redis(url: str, keys: Keys, signer: Signer | None, environments: Sequence[str] | None) -> Iterable[Finding]:
    with connect(url, timeout=_PATIENCE) as connection:
        store = Store(connection, keys)
        reach(store)
        yield Finding("redis", "reachable", "ok", hide_credentials(url))
        yield from server_findings(read_server(store))
        if environments is not None:
            yield from live_findings(read_live(store, tzdata_version(), signer))
            neighbours = ask("looking for other environments", lambda: read_neighbours(store))
            yield from environment_findings(neighbours, keys, environments)


def _plugins_named(project: FlowerPowerProject | None) -> tuple[str, ...]:
    try:
        return tuple(project.home.plugins or ()) if project else ()
    except FlowerPowerError:  # what is wrong with the project file is told by its own check
        return ()


def _about_specs(project: FlowerPowerProject) -> list[Finding]:
    try:
        return project_findings(project.verdict)
    except FlowerPowerError as error:
        return [not_known("project", "specs", Unknown(str(error)), error.hint)]
