"""Adopt what other tools have scheduled: find it in Redis, and write specs for it, paused. Redis is only read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from flowerpower.adoption.adoption import FROM_LABEL, FUNCTION_LABEL, Adoption, Site, adopt_all
from flowerpower.errors import Problem, UsageError
from flowerpower.proposed import without_secrets
from flowerpower.schedule.errors import TriggerError
from flowerpower.schedule.zones import load_zone

if TYPE_CHECKING:
    from flowerpower.jobs.foreign import Foreign, Wanted
    from flowerpower.project import FlowerPowerProject

_MARK = re.compile(rf"{FROM_LABEL}[\"']?\s*:\s*[\"']?([^\s\"',}}]+)".encode())


@dataclass(frozen=True, slots=True)
class Taste:
    """How somebody wants it adopted."""

    timezone: str | None = None  # that of the hosts that ran the old ones
    with_arguments: bool = True


@dataclass(frozen=True, slots=True)
class AdoptReport:
    """What was found and what became of it; files and folder as they were, or would be, written."""

    folder: Path
    foreign: Foreign
    adoption: Adoption
    files: tuple[str, ...] = ()  # that were written
    problems: tuple[Problem, ...] = field(default=())  # errors that `validate` has with them
    environments: tuple[str, ...] = ()  # of the project, beside `default`


def known_marks(texts: Mapping[str, bytes]) -> frozenset[str]:
    """Return the marks of everything that was adopted before, in whatever environment its spec is."""
    found = {mark for text in texts.values() if FROM_LABEL.encode() in text for mark in _MARK.findall(text)}
    return frozenset(mark.decode("utf-8", "replace") for mark in found)


def adopt(project: FlowerPowerProject, wanted: Wanted, taste: Taste, *, write: bool) -> AdoptReport:
    """Find what other tools have scheduled in the project's Redis, and write specs for what is not adopted yet.

    No file that exists is touched, and Redis is only read. Raises `StoreError` when Redis cannot be read, `UsageError`
    when a file cannot be written; then none was.
    """
    from flowerpower.jobs.foreign import read_foreign
    from flowerpower.scaffold import write_new

    site = _site(project, taste)
    foreign = read_foreign(project.store, wanted)
    adoption = adopt_all(foreign.found, site, foreign.now)
    texts = {path: text.encode() for path, text in adoption.files.items()}
    if write and texts:
        write_new(project.folder, {Path(path): text for path, text in texts.items()})
    return AdoptReport(
        project.folder,
        foreign,
        adoption,
        tuple(texts) if write else (),
        _problems(project, texts),
        tuple(sorted(project.home.environments)),
    )


def _site(project: FlowerPowerProject, taste: Taste) -> Site:
    from flowerpower.scaffold import modeline
    from flowerpower.specs.loader import load

    home, sources = project.home, project.sources
    draft = load(sources.texts, env=project.settings.env, variables=project.settings.variables).draft
    labels = {name: pipeline.labels.get(FUNCTION_LABEL) for name, pipeline in draft.pipelines.items()}
    return Site(
        schedules=frozenset({*draft.schedules, *_stems(sources.texts, "schedules")}),
        pipelines=frozenset({*draft.pipelines, *_stems(sources.texts, "pipelines")}),
        modules=frozenset(PurePosixPath(path).stem for path in sources.modules),
        functions={function: name for name, function in labels.items() if function},
        folder=home.modules[0] if home.modules else "flows",
        queues=None if home.queues is None else tuple(home.queues),
        zones=_zones(taste.timezone, home.timezone),
        rq_prefix=project.settings.rq_prefix,
        place=without_secrets(project.named_redis),
        modelines={kind: modeline(project.folder, kind, "name") for kind in ("pipeline", "schedule")},
        with_arguments=taste.with_arguments,
    )


def _zones(given: str | None, own: str) -> tuple[str, ...]:
    """Return the zones that old cron expressions may be in; one that is given is the only one."""
    try:
        for zone in (given, own):
            load_zone(zone or "UTC")
    except TriggerError as error:
        raise UsageError(error.what, hint=error.hint) from None
    return (given,) if given else tuple(dict.fromkeys(("UTC", own)))


def _stems(texts: Mapping[str, bytes], folder: str) -> set[str]:
    return {PurePosixPath(path).stem for path in texts if path.startswith(f"{folder}/")}


def _problems(project: FlowerPowerProject, texts: Mapping[str, bytes]) -> tuple[Problem, ...]:
    """Return what would be wrong with the new files in this project, as its house rules may have it."""
    from flowerpower.specs.loader import load

    if not texts:
        return ()
    settings = project.settings
    loaded = load({**project.sources.texts, **texts}, env=settings.env, variables=settings.variables)
    return tuple(one for one in loaded.problems if one.severity == "error" and one.place.file in texts)
