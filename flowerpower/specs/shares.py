"""A verdict taken apart by file, so that after an edit only the files that it concerns are checked again.

What is said of a spec depends on its own file, on the project file and the modules, and on the pipeline that it runs;
what a run of a pipeline lacks also on all schedules that run it. Whatever else one file can say of another, as two
specs of one name or a pipeline that is not there, makes a check of all files necessary. A law holds the checks to that.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any, NamedTuple

from flowerpower.errors import Problem
from flowerpower.specs.checks import endings_of
from flowerpower.specs.files.kinds import PROJECT_FILES
from flowerpower.specs.loader import Loaded
from flowerpower.specs.verdict import Ending, Verdict, in_order, problem_from, problem_to_dict

_NAMED = re.compile(rb"^ *pipeline: *['\"]?([^\s'\"#]+)", re.MULTILINE)
_OF_ALL = ("FP110", "FP301", "FP308", "FP310", "FP328")  # what is said of one file because of any other
_OF_A_PIPELINE = ("FP32", "FP33")  # ... because of the schedules that run the same pipeline
_OF_NAMES = b"previous_names"  # they are compared with those of all schedules
_AFTER, _AFTER_AS_KEY = b"after", re.compile(rb"\bafter['\"]?\s*:")  # whose values are names of schedules, too
_REMEMBERED = 200_000  # texts
_ESCAPED_KEY = re.compile(rb'"[^"\n]{0,200}\\[^"\n]{0,200}"\s*:')  # which may be any key, written otherwise


class Share(NamedTuple):
    """What one file adds: a digest of it, its specs, the pipelines that its schedules run, and what was found."""

    digest: str
    addresses: tuple[str, ...]
    needs: tuple[str, ...]
    problems: tuple[Problem, ...] = ()
    endings: tuple[Ending, ...] = ()


class Shares(NamedTuple):
    """What files add to a verdict made at *made_at* (epoch seconds); `rest` is said whatever specs there are.

    A file whose part nobody can tell from that of others has no share.
    """

    files: Mapping[str, Share]
    rest: tuple[Problem, ...]
    made_at: int


class Work(NamedTuple):
    """What is left to do after an edit: the files whose share is not known, and those that a check of them needs."""

    unknown: frozenset[str]
    context: frozenset[str]


def taken_apart(loaded: Loaded, texts: Mapping[str, bytes], alone: Iterable[Problem], now: int) -> Shares | None:
    """Return the shares of files in what was found at *now*, None where too much of it concerns several at once.

    *alone* is what is said of the project without any spec.
    """
    draft = loaded.draft
    rest = tuple(problem for problem in loaded.problems if not _is_spec(problem.place.file, texts))
    across = any(problem.code in _OF_ALL for problem in loaded.problems) or compares_names(texts)
    lost = any(schedule.pipeline not in draft.pipelines for schedule in draft.schedules.values())
    if draft.unsound or across or lost:
        return None
    parts = _Parts(loaded)
    entangled = {pipeline for problem in _linked(loaded.problems) for pipeline in parts.pipelines(problem.place.file)}
    found = {path: parts.share(path, texts[path], now) for path in texts if path not in PROJECT_FILES}
    shared = {path: share for path, share in found.items() if entangled.isdisjoint({*share.addresses, *share.needs})}
    return Shares(shared, rest, now)


def left_to_do(shares: Shares, texts: Mapping[str, bytes], now: int) -> Work | None:
    """Return what must be checked at *now* for the verdict on *texts*; None where that is all of them, or nearly."""
    if compares_names(texts) or now < shares.made_at:
        return None
    known = _known(shares, texts, now)
    unknown = frozenset(path for path in texts if path not in known and path not in PROJECT_FILES)
    if len(unknown) * 2 > len(texts):
        return None
    home = {address: path for path, share in known.items() for address in share.addresses}
    wanted = {f"pipeline.{name.decode('utf-8', 'replace')}" for path in unknown for name in _NAMED.findall(texts[path])}
    wanted |= {need for path in unknown & shares.files.keys() for need in shares.files[path].needs}
    return Work(unknown, frozenset(home[address] for address in wanted & home.keys()))


def put_together(
    shares: Shares, work: Work, loaded: Loaded, texts: Mapping[str, bytes], now: int
) -> tuple[Verdict, Shares] | None:
    """Return the verdict on *texts*, and its shares, from what was found in the files of *work*.

    None where that may say something of other files, or not all there is to say.
    """
    parts = _Parts(loaded)
    known = {path: share for path, share in shares.files.items() if path in texts and path not in work.unknown}
    addresses = [address for share in known.values() for address in share.addresses]
    addresses += [address for path in work.unknown for address in parts.addresses(path)]
    rest = {problem for problem in loaded.problems if not _is_spec(problem.place.file, texts)}
    entangled = {pipeline for problem in _linked(loaded.problems) for pipeline in parts.pipelines(problem.place.file)}
    open_ended = any(address in entangled for path in work.context for address in parts.addresses(path))
    across = any(problem.code in _OF_ALL for problem in loaded.problems)
    if across or open_ended or rest != set(shares.rest) or len(set(addresses)) < len(addresses):
        return None
    endings = [ending for share in known.values() for ending in share.endings]
    endings += [ending for path in sorted(work.unknown) for ending in parts.endings(path, now)]
    verdict = Verdict(
        loaded.draft.namespace,
        sum(address.startswith("pipeline.") for address in addresses),
        sum(address.startswith("schedule.") for address in addresses),
        in_order([*loaded.problems, *(problem for share in known.values() for problem in share.problems)]),
        now,
        tuple(endings),
    )
    part = {path: texts[path] for path in texts if path in work.unknown or path in work.context}
    new = taken_apart(loaded, part, shares.rest, now)
    found = {path: share for path, share in new.files.items() if path in work.unknown} if new else {}
    return verdict, Shares({**known, **found}, shares.rest, now)


def both(first: Shares | None, second: Shares | None) -> Shares | None:
    """Return the shares of a project that was checked in two halves."""
    if first is None or second is None or set(first.rest) != set(second.rest):
        return None
    return Shares({**first.files, **second.files}, first.rest, first.made_at)


def to_list(shares: Shares) -> list[Any]:
    """Return shares as a JSON value."""
    files = [
        (
            path,
            share.digest,
            share.addresses,
            share.needs,
            _dicts(share.problems),
            [end._asdict() for end in share.endings],
        )
        for path, share in shares.files.items()
    ]
    return [shares.made_at, _dicts(shares.rest), files]


def from_list(value: Sequence[Any]) -> Shares:
    """Return the shares of a JSON value; TypeError, KeyError or ValueError for any other."""
    made_at, rest, entries = value
    files = {
        path: Share(digest, tuple(addresses), tuple(needs), _problems(problems), tuple(Ending(**each) for each in ends))
        for path, digest, addresses, needs, problems, ends in entries
    }
    return Shares(files, _problems(rest), int(made_at))


def to_lists(several: Sequence[Shares | None]) -> list[Any]:
    """Return the shares of several environments as a JSON value: the first, and how the others differ from it."""
    first = several[0]
    if first is None:
        return [each and to_list(each) for each in several]
    return [to_list(first), *(each and _difference(first, each) for each in several[1:])]


def from_lists(values: Sequence[Any]) -> list[Shares | None]:
    """Return the shares of a JSON value; TypeError, KeyError or ValueError for any other."""
    first = from_list(values[0]) if values[0] else None
    if first is None:
        return [from_list(value) if value else None for value in values]
    return [first, *(_with_difference(first, value) if value else None for value in values[1:])]


def _difference(first: Shares, other: Shares) -> list[Any]:
    files = other.files if first.files is not other.files else {}
    differing = {path: each for path, each in files.items() if first.files.get(path) != each}
    return [*to_list(other._replace(files=differing)), [path for path in first.files if path not in other.files]]


def _with_difference(first: Shares, value: Sequence[Any]) -> Shares:
    *rest, gone = value
    differing = from_list(rest)
    if not differing.files and not gone:
        return differing._replace(files=first.files)
    files = {path: share for path, share in first.files.items() if path not in gone}
    return differing._replace(files={**files, **differing.files})


class _Parts:
    """What was found, by file."""

    def __init__(self, loaded: Loaded) -> None:
        self._draft = loaded.draft
        self._addresses: dict[str, list[str]] = {}
        self._problems: dict[str, list[Problem]] = {}
        for address, place in loaded.draft.places.items():
            if address != "project":
                self._addresses.setdefault(place.file, []).append(address)
        for problem in loaded.problems:
            self._problems.setdefault(problem.place.file, []).append(problem)

    def addresses(self, path: str) -> Sequence[str]:
        """Return the specs of a file."""
        return self._addresses.get(path, ())

    def needs(self, path: str) -> Iterator[str]:
        """Yield the pipelines that the schedules of a file run."""
        for address in self.addresses(path):
            kind, _, name = address.partition(".")
            if kind == "schedule":
                yield f"pipeline.{self._draft.schedules[name].pipeline}"

    def pipelines(self, path: str) -> Iterator[str]:
        """Yield the pipelines of a file, and those that its schedules run."""
        yield from (address for address in self.addresses(path) if address.startswith("pipeline."))
        yield from self.needs(path)

    def endings(self, path: str, now: int) -> Iterator[Ending]:
        """Yield the schedules of a file that will stop to fire one day."""
        names = [address.partition(".")[2] for address in self.addresses(path) if address.startswith("schedule.")]
        return endings_of([self._draft.schedules[name] for name in names], now)

    def share(self, path: str, text: bytes, now: int) -> Share:
        """Return the share of a file."""
        needs = tuple(dict.fromkeys(self.needs(path)))
        problems, endings = tuple(self._problems.get(path, ())), tuple(self.endings(path, now))
        return Share(_digest(text), tuple(self.addresses(path)), needs, problems, endings)


def _known(shares: Shares, texts: Mapping[str, bytes], now: int) -> dict[str, Share]:
    """Return the shares that still hold: of files as they were, whose pipelines are, and that time has not made old."""
    same = {
        path: share
        for path, share in shares.files.items()
        if path in texts and share.digest == _digest(texts[path]) and all(each.holds(now) for each in share.endings)
    }
    there = {address for share in same.values() for address in share.addresses}
    known = {path: share for path, share in same.items() if there.issuperset(share.needs)}
    run_before = _needed(shares.files.values())
    run_no_more = run_before - _needed(known.values())  # what nobody runs is checked by itself
    return {path: share for path, share in known.items() if run_no_more.isdisjoint(share.addresses)}


def _needed(shares: Iterable[Share]) -> AbstractSet[str]:
    return {need for share in shares for need in share.needs}


def _linked(problems: Iterable[Problem]) -> Iterator[Problem]:
    return (problem for problem in problems if problem.code.startswith(_OF_A_PIPELINE))


def compares_names(texts: Mapping[str, bytes]) -> bool:
    """Tell whether specs may name other schedules, so that only a look at all of them can tell what is right."""
    return any(map(_may_compare_names, texts.values()))


@lru_cache(maxsize=_REMEMBERED)
def _may_compare_names(text: bytes) -> bool:
    if _OF_NAMES in text or (b"\\" in text and _ESCAPED_KEY.search(text) is not None):
        return True
    return _AFTER in text and (_AFTER_AS_KEY.search(text) is not None or (b"&" in text and b"*" in text))


def forget_texts() -> None:
    """Let go of the texts that were looked at once for several environments."""
    _may_compare_names.cache_clear()
    _digest.cache_clear()


def _is_spec(file: str, texts: Mapping[str, bytes]) -> bool:
    return file in texts and file not in PROJECT_FILES


def _dicts(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    return [problem_to_dict(problem) for problem in problems]


def _problems(entries: Sequence[Mapping[str, Any]]) -> tuple[Problem, ...]:
    return tuple(problem_from(entry) for entry in entries)


@lru_cache(maxsize=_REMEMBERED)
def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
