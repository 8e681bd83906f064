"""Check a large project in two processes, each with half of the pipelines and with the schedules of these.

What is said of a spec depends on the project file, the modules, the pipeline it names and the schedules that name that
too; on other specs only when two have one name, or one had another's. Where the halves turn out to need each other, or
a dataflow is not as it should be, they do not count. A law holds the checks to that.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from signal import SIGKILL
from typing import NoReturn

from flowerpower.specs.checks import verdict_of
from flowerpower.specs.files.again import Found, check, shares_of
from flowerpower.specs.files.kinds import kind_of_file
from flowerpower.specs.files.reading import Sources
from flowerpower.specs.loader import Loaded, Models
from flowerpower.specs.shares import Shares, both, from_list, to_list
from flowerpower.specs.verdict import Question, Verdict, from_dict, joined, to_dict

_NAME, _PIPELINE = (re.compile(rb"^%s: *['\"]?([^\s'\"#]+)" % key, re.MULTILINE) for key in (b"name", b"pipeline"))
_ACROSS = ("FP301", "FP32", "FP33")  # a pipeline that may be in the other half, and what is said of several at once
_WORTHWHILE = 2000  # files; below, the second process costs more than it saves


@dataclass(frozen=True, slots=True)
class Part:
    """What was found in one half: its verdict, the addresses of its specs, and perhaps what each file adds."""

    verdict: Verdict
    addresses: frozenset[str]
    shares: Shares | None = None
    loaded: Loaded | None = None  # held on to: to free thousands of specs takes a while, and a child need not


def check_side_by_side(
    sources: Sources, question: Question, models: Models | None = None, *, apart: bool = False
) -> Found:
    """Return the verdict on a project, found in two processes where that is quicker; *apart* also by file."""
    found = _halves_checked(sources, question, models, apart=apart) if _is_worthwhile(sources) else None
    if found is None:
        part = check_part(sources, question, models, apart=apart)
        found = Found(part.verdict, part.shares)
    return found


def halves(sources: Sources) -> tuple[Sources, Sources]:
    """Return two sources that have half of the pipelines each and what runs them, as far as the texts tell."""
    together: dict[bytes, list[str]] = {}
    for path, text in sources.texts.items():
        kind = kind_of_file(path)
        if kind != "project":
            found = (_NAME if kind == "pipeline" else _PIPELINE).search(text)
            name = found[1] if found else path.rpartition("/")[2].partition(".")[0].encode()
            together.setdefault(name, []).append(path)
    parts: tuple[list[str], list[str]] = ([], [])
    for paths in sorted(together.values(), key=len, reverse=True):
        min(parts, key=len).extend(paths)
    return _without(sources, frozenset(parts[1])), _without(sources, frozenset(parts[0]))


def check_part(sources: Sources, question: Question, models: Models | None = None, *, apart: bool = False) -> Part:
    """Check sources as if they were a project."""
    loaded = check(sources, question, models)
    draft = loaded.draft
    addresses = {f"pipeline.{name}" for name in draft.pipelines} | {f"schedule.{name}" for name in draft.schedules}
    shares = shares_of(loaded, sources, question, models) if apart else None
    return Part(verdict_of(loaded, question.now), frozenset(addresses), shares, loaded)


def together(first: Part, second: Part) -> Verdict | None:
    """Return the verdict of both halves; None if what was said in one may depend on the other."""
    verdict = joined([first.verdict, second.verdict])
    linked = any(problem.code.startswith(_ACROSS) for problem in verdict.problems)
    return None if linked or first.addresses & second.addresses else verdict


def _without(sources: Sources, left_out: frozenset[str]) -> Sources:
    texts = {path: text for path, text in sources.texts.items() if path not in left_out}
    return Sources(texts, sources.problems, sources.modules)


def _is_worthwhile(sources: Sources) -> bool:
    """Tell whether there is enough to do, a processor to do it, and no thread that a fork would cut off."""
    if len(sources.texts) < _WORTHWHILE or any(b"previous_names" in text for text in sources.texts.values()):
        return False
    return hasattr(os, "fork") and (os.cpu_count() or 1) > 1 and threading.active_count() == 1


def _halves_checked(sources: Sources, question: Question, models: Models | None, *, apart: bool) -> Found | None:
    """Return what was found, None if the other process failed or the halves need each other."""

    here, there = halves(sources)
    with _Child(lambda: check_part(there, question, models, apart=apart)) as child:
        mine = check_part(here, question, models, apart=apart)
        answer = child.answer()
    if answer is None:
        return None
    verdict, addresses, shares = json.loads(answer)
    theirs = Part(from_dict(verdict), frozenset(addresses), shares and from_list(shares))
    whole = together(mine, theirs)
    return Found(whole, both(mine.shares, theirs.shares)) if whole else None


class _Child:
    """A forked process that checks a part and writes what it found; leaving the block ends it."""

    def __init__(self, work: Callable[[], Part]) -> None:
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


def _work_and_exit(work: Callable[[], Part], writer: int) -> NoReturn:
    status = 1
    try:
        with os.fdopen(writer, "wb") as stream:
            part = work()
            found = [to_dict(part.verdict), [*part.addresses], part.shares and to_list(part.shares)]
            stream.write(json.dumps(found).encode())
        status = 0
    finally:
        os._exit(status)  # whatever happened: the other process does it again and tells
