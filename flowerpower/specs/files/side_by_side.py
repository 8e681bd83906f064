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
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from signal import SIGKILL
from typing import NoReturn

from flowerpower.specs.checks import verdict_of
from flowerpower.specs.files.again import Found, Known, check, shares_of
from flowerpower.specs.files.elsewhere import Elsewhere
from flowerpower.specs.files.kinds import kind_of_file
from flowerpower.specs.files.reading import Sources
from flowerpower.specs.loader import Loaded, Models
from flowerpower.specs.shares import Shares, both, from_lists, to_lists
from flowerpower.specs.text.yaml import parse, parse_once
from flowerpower.specs.verdict import Question, Verdict, from_dict, joined, to_dict

_NAME, _PIPELINE = (re.compile(rb"^%s: *['\"]?([^\s'\"#]+)" % key, re.MULTILINE) for key in (b"name", b"pipeline"))
_ACROSS = ("FP301", "FP32", "FP33")  # a pipeline that may be in the other half, and what is said of several at once
_NOTHING = Known()
_WORTHWHILE = 2000  # files; below, the second process costs more than it saves


@dataclass(frozen=True, slots=True)
class Part:
    """What was found in one half: its verdict, the addresses of its specs, and perhaps what each file adds."""

    verdict: Verdict
    addresses: frozenset[str]
    shares: Shares | None = None
    loaded: Loaded | None = None  # held on to: to free thousands of specs takes a while, and a child need not


def check_side_by_side(
    sources: Sources, questions: Sequence[Question], models: Models | None = None, *, apart: bool = False
) -> list[Found]:
    """Return the verdicts on a project, found in two processes where that is quicker; *apart* also by file."""
    if not _is_worthwhile(sources):
        return [Found(part.verdict, part.shares) for part in check_parts(sources, questions, models, apart=apart)]
    found = _halves_checked(sources, questions, models, apart=apart)
    missing = [question for question, each in zip(questions, found, strict=True) if each is None]
    again = iter(check_parts(sources, missing, models, apart=apart) if missing else ())
    return [each or Found((part := next(again)).verdict, part.shares) for each in found]


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


def check_parts(
    sources: Sources, questions: Sequence[Question], models: Models | None = None, *, apart: bool = False
) -> list[Part]:
    """Check sources in each environment that is asked about, with as little work as that takes."""
    first, *others = questions
    known = Known(models, None, parse_once() if others else parse)
    elsewhere = Elsewhere(sources, first, known)
    by_file = apart or any(elsewhere.wants_shares(other.env) for other in others)
    parts = [check_part(sources, first, known, apart=by_file)]
    here = Found(parts[0].verdict, parts[0].shares)
    for other in others:
        found = elsewhere.found(other, here)
        part = Part(found.verdict, parts[0].addresses, found.shares) if found else None
        parts.append(part or check_part(sources, other, known, apart=apart))
    return parts


def check_part(sources: Sources, question: Question, known: Known = _NOTHING, *, apart: bool = False) -> Part:
    """Check sources as if they were a project."""
    loaded = check(sources, question, known)
    draft = loaded.draft
    addresses = {f"pipeline.{name}" for name in draft.pipelines} | {f"schedule.{name}" for name in draft.schedules}
    shares = shares_of(loaded, sources, question, known) if apart else None
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


def _halves_checked(
    sources: Sources, questions: Sequence[Question], models: Models | None, *, apart: bool
) -> list[Found | None]:
    """Return what was found, None where the other process failed or the halves need each other."""

    here, there = halves(sources)
    with _Child(lambda: check_parts(there, questions, models, apart=apart)) as child:
        mine = check_parts(here, questions, models, apart=apart)
        answer = child.answer()
    if answer is None:
        return [None] * len(questions)
    verdicts, addresses, shares = json.loads(answer)
    theirs = map(Part, map(from_dict, verdicts), map(frozenset, addresses), from_lists(shares))
    return [_whole(*parts) for parts in zip(mine, theirs, strict=True)]


def _whole(first: Part, second: Part) -> Found | None:
    verdict = together(first, second)
    return Found(verdict, both(first.shares, second.shares)) if verdict else None


class _Child:
    """A forked process that checks a part and writes what it found; leaving the block ends it."""

    def __init__(self, work: Callable[[], Sequence[Part]]) -> None:
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


def _work_and_exit(work: Callable[[], Sequence[Part]], writer: int) -> NoReturn:
    status = 1
    try:
        with os.fdopen(writer, "wb") as stream:
            parts = work()
            verdicts, addresses = [to_dict(part.verdict) for part in parts], [[*part.addresses] for part in parts]
            stream.write(json.dumps([verdicts, addresses, to_lists([part.shares for part in parts])]).encode())
        status = 0
    finally:
        os._exit(status)  # whatever happened: the other process does it again and tells
