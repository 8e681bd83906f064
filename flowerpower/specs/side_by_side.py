"""Check a large project in two processes, each with half of the schedules and with all that is not a schedule.

What is said of a schedule depends on the project file, the pipelines and the modules, and on other schedules only when
two have one name, or one had another's; then the halves do not count. A law holds the checks to that.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from signal import SIGKILL
from typing import NoReturn

from flowerpower.specs.checks import check_sources, verdict_of
from flowerpower.specs.kinds import kind_of_file
from flowerpower.specs.reading import Sources
from flowerpower.specs.verdict import Verdict, from_dict, joined, to_dict

_WORTHWHILE = 2000  # schedule files; below, the second process costs more than it saves


def check_side_by_side(sources: Sources, *, env: str, variables: Mapping[str, str], now: int) -> Verdict:
    """Return the verdict on a project, found in two processes where that is quicker."""

    def check(part: Sources) -> tuple[Verdict, list[str]]:
        loaded = check_sources(part, env=env, variables=variables, now=now)
        return verdict_of(loaded, now), list(loaded.draft.schedules)

    found = _halves_checked(sources, check) if _is_worthwhile(sources) else None
    return found or check(sources)[0]


def halves(sources: Sources) -> tuple[Sources, Sources]:
    """Return the sources twice, each with every other schedule file."""
    schedules = [path for path in sources.texts if kind_of_file(path) == "schedule"]
    return _without(sources, frozenset(schedules[1::2])), _without(sources, frozenset(schedules[0::2]))


def _without(sources: Sources, left_out: frozenset[str]) -> Sources:
    texts = {path: text for path, text in sources.texts.items() if path not in left_out}
    return Sources(texts, sources.problems, sources.modules)


def _is_worthwhile(sources: Sources) -> bool:
    """Tell whether there is enough to do, a processor to do it, and no thread that a fork would cut off."""
    schedules = [text for path, text in sources.texts.items() if kind_of_file(path) == "schedule"]
    if len(schedules) < _WORTHWHILE or any(b"previous_names" in text for text in sources.texts.values()):
        return False
    return hasattr(os, "fork") and (os.cpu_count() or 1) > 1 and threading.active_count() == 1


def _halves_checked(sources: Sources, check: Callable[[Sources], tuple[Verdict, list[str]]]) -> Verdict | None:
    """Return the verdict, None if the other process failed or the halves have a name in common."""

    def write(part: Sources) -> bytes:
        verdict, names = check(part)
        return json.dumps([to_dict(verdict), names]).encode()

    mine, yours = halves(sources)
    with _Child(lambda: write(yours)) as child:
        verdict, names = check(mine)
        answer = child.answer()
    if answer is None:
        return None
    other, other_names = json.loads(answer)
    return joined([verdict, from_dict(other)]) if set(names).isdisjoint(other_names) else None


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
