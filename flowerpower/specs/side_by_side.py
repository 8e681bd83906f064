"""Check a large project in two processes, each with the schedules of half of the pipelines and all that is no schedule.

What is said of a schedule depends on the project file, the modules, its pipeline and the other schedules of that; on
those of other pipelines only when two have one name, or one had another's. Where that is so, or a dataflow is in doubt,
the halves do not count. A law holds the checks to that.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from signal import SIGKILL
from typing import NoReturn

from flowerpower.specs.checks import check_sources, dataflow_problems, verdict_of, with_code
from flowerpower.specs.kinds import kind_of_file
from flowerpower.specs.loader import load
from flowerpower.specs.project import Project
from flowerpower.specs.reading import Sources
from flowerpower.specs.verdict import Verdict, from_dict, joined, to_dict

_PIPELINE = re.compile(rb"^pipeline: *['\"]?([^\s'\"#]+)", re.MULTILINE)
_OF_DATAFLOW = ("FP32", "FP33")
_WORTHWHILE = 2000  # schedule files; below, the second process costs more than it saves


@dataclass(frozen=True, slots=True)
class Asked:
    """What a check is asked: the environment, the variables, and the time in epoch seconds."""

    env: str
    variables: Mapping[str, str]
    now: int


@dataclass(frozen=True, slots=True)
class Part:
    """What was found in one part: its verdict, the names of its schedules, and the pipelines that they run."""

    verdict: Verdict
    names: frozenset[str]
    run: frozenset[str]


def check_side_by_side(sources: Sources, asked: Asked) -> Verdict:
    """Return the verdict on a project, found in two processes where that is quicker."""
    found = _halves_checked(sources, asked) if _is_worthwhile(sources) else None
    return found or verdict_of(
        check_sources(sources, env=asked.env, variables=asked.variables, now=asked.now), asked.now
    )


def halves(sources: Sources) -> tuple[Sources, Sources]:
    """Return the sources twice, each with the schedules of half of the pipelines, as far as their texts tell."""
    of_pipeline: dict[bytes, list[str]] = {}
    for path, text in sources.texts.items():
        if kind_of_file(path) == "schedule":
            found = _PIPELINE.search(text)
            of_pipeline.setdefault(found[1] if found else b"", []).append(path)
    parts: tuple[list[str], list[str]] = ([], [])
    for paths in sorted(of_pipeline.values(), key=len, reverse=True):
        min(parts, key=len).extend(paths)
    return _without(sources, frozenset(parts[1])), _without(sources, frozenset(parts[0]))


def check_part(sources: Sources, asked: Asked) -> tuple[Part, Project]:
    """Check a part of a project; the dataflow of a pipeline only if the part has a schedule of it."""
    loaded = load(sources.texts, env=asked.env, variables=asked.variables)
    run = frozenset(spec.pipeline for spec in loaded.draft.schedules.values())
    checked = with_code(loaded, sources, asked.now, only=run)
    return Part(verdict_of(checked, asked.now), frozenset(loaded.draft.schedules), run), loaded.draft


def together(first: Part, second: Part, draft: Project, sources: Sources) -> Verdict | None:
    """Return the verdict of both parts; None if what was said in one depends on the other.

    The *draft* of either has all pipelines: those that no schedule runs are looked at here.
    """
    if not (first.names.isdisjoint(second.names) and first.run.isdisjoint(second.run)):
        return None
    verdict = joined([first.verdict, second.verdict])
    alone = draft.pipelines.keys() - first.run - second.run
    doubts = any(problem.code.startswith(_OF_DATAFLOW) for problem in verdict.problems)
    if doubts or dataflow_problems(replace(draft, schedules={}), sources, only=alone):
        return None
    return verdict


def _without(sources: Sources, left_out: frozenset[str]) -> Sources:
    texts = {path: text for path, text in sources.texts.items() if path not in left_out}
    return Sources(texts, sources.problems, sources.modules)


def _is_worthwhile(sources: Sources) -> bool:
    """Tell whether there is enough to do, a processor to do it, and no thread that a fork would cut off."""
    many = sum(kind_of_file(path) == "schedule" for path in sources.texts) >= _WORTHWHILE
    if not many or any(b"previous_names" in text for text in sources.texts.values()):
        return False
    return hasattr(os, "fork") and (os.cpu_count() or 1) > 1 and threading.active_count() == 1


def _halves_checked(sources: Sources, asked: Asked) -> Verdict | None:
    """Return the verdict, None if the other process failed or the halves do not fit."""

    def work() -> bytes:
        part, _ = check_part(there, asked)
        return json.dumps([to_dict(part.verdict), [*part.names], [*part.run]]).encode()

    here, there = halves(sources)
    with _Child(work) as child:
        mine, draft = check_part(here, asked)
        answer = child.answer()
    if answer is None:
        return None
    verdict, names, run = json.loads(answer)
    return together(mine, Part(from_dict(verdict), frozenset(names), frozenset(run)), draft, sources)


class _Child:
    """A forked process that works and writes what it made; leaving the block ends it."""

    def __init__(self, work: Callable[[], bytes]) -> None:
        reader, writer = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            _work_and_exit(work, writer)
        os.close(writer)
        self._reader = os.fdopen(reader, "rb")
        self._status: int | None = None

    def __enter__(self) -> _Child:
        return self

    def answer(self) -> bytes | None:
        """Return what the process wrote, None if it failed."""
        written = self._reader.read()
        _, self._status = os.waitpid(self._process, 0)
        return written if self._status == 0 else None

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        if self._status is None:
            with suppress(OSError):
                os.kill(self._process, SIGKILL)
                os.waitpid(self._process, 0)


def _work_and_exit(work: Callable[[], bytes], writer: int) -> NoReturn:
    status = 1
    try:
        with os.fdopen(writer, "wb") as stream:
            stream.write(work())
        status = 0
    finally:
        os._exit(status)  # whatever happened: the other process does it again and tells
