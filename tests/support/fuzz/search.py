"""Look for cases that break something, make them small, and keep them."""

from __future__ import annotations

import hashlib
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning

from support.fuzz import arguments, plans, records, specs
from support.fuzz.case import Case, Finding, dump
from support.fuzz.trial import findings
from support.fuzz.world import World

EXAMPLES = 12  # of a kind, before it is the turn of the next
SHRINKING = 90.0  # seconds for one bug


class FoundError(AssertionError):
    """A case that breaks something; Hypothesis makes it smaller while the signature stays."""


@dataclass
class Search:
    """One search; each bug is reported once."""

    world: World
    folder: Path
    known: dict[str, Finding] = field(default_factory=dict)
    tried: Counter[str] = field(default_factory=Counter)  # cases by kind
    commands: Counter[str] = field(default_factory=Counter)
    took: Counter[str] = field(default_factory=Counter)  # seconds

    def cases(self, kind: str) -> st.SearchStrategy[Case]:
        """Return the cases of a kind in this world."""
        if kind == "redis":
            return records.cases(self.world.keys)
        return {"specs": specs, "plans": plans, "arguments": arguments}[kind].cases()  # type: ignore[no-any-return,attr-defined]

    def round(self, kind: str, number: int, examples: int) -> Path | None:
        """Try some cases; return the file of a small one that breaks something new."""
        smallest: dict[str, tuple[Case, Finding]] = {}
        started: list[float] = []

        @seed(number)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=False,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        )
        @given(self.cases(kind))
        def look(case: Case) -> None:
            if started and time.monotonic() - started[0] > SHRINKING:
                return
            self.tried[kind] += 1
            self.commands[kind] += len(case.commands)
            for finding in findings(case, self.world):
                wanted = next(iter(smallest), finding.signature)
                if finding.signature == wanted and finding.signature not in self.known:
                    started or started.append(time.monotonic())
                    smallest[wanted] = (case, finding)
                    _fail(finding.signature)

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", HypothesisWarning)  # of texts that are long on purpose
                look()
        except Exception as error:  # Hypothesis says more than once what was found
            if not smallest:
                raise error from None
        return next((self._keep(*pair) for pair in smallest.values()), None)

    def sweep(self, cases: Iterable[Case]) -> Iterator[Path]:
        """Try these cases; yield the files of what breaks something new."""
        for case in cases:
            self.tried["redis"] += 1
            self.commands["redis"] += len(case.commands)
            for finding in findings(case, self.world):
                if finding.signature not in self.known:
                    yield self._keep(self._shortened(case, finding), finding)

    def _shortened(self, case: Case, finding: Finding) -> Case:
        """Return the case with one command alone, if that breaks it too."""
        for command in case.commands:
            alone = replace(case, commands=(command,))
            if any(one.signature == finding.signature for one in findings(alone, self.world)):
                return alone
        return case

    def _keep(self, case: Case, finding: Finding) -> Path:
        self.known[finding.signature] = finding
        self.folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(finding.signature.encode()).hexdigest()[:8]
        file = self.folder / f"{case.kind}-{name}.json"
        file.write_text(dump(case) + "\n", encoding="utf-8")
        return file


def _fail(signature: str) -> NoReturn:
    raise FoundError(signature)


@dataclass
class Sweep:
    """Every damage of every key once: the cases, or the share of them that is wanted, and how far they were tried."""

    cases: Sequence[Case]
    done: int = 0

    def share(self, number: int, of: int) -> Sweep:
        """Return each *of*th case from the *number*th on: all shares together are the whole, each is as mixed as it."""
        return Sweep(self.cases[number - 1 :: of])

    def take(self, most: int) -> Iterator[Case]:
        """Yield the next cases, each counted as done once the one after it is asked for."""
        for case in self.cases[self.done : self.done + most]:
            yield case
            self.done += 1

    def __str__(self) -> str:
        """Return how far it came."""
        whole = len(self.cases)
        return f"sweep complete: all {whole} cases" if self.done == whole else f"sweep: {self.done} of {whole} cases"


def whole_sweep(search: Search, sweep: Sweep, number: int, tell: Callable[[str], None]) -> int:
    """Try every case of a sweep, and say from time to time how far it is; return how many bugs were found."""
    begun, found = time.monotonic(), 0
    while sweep.done < len(sweep.cases):
        found += _report(search, search.sweep(sweep.take(EXAMPLES)), number, tell)
        took = time.monotonic() - begun
        left = took / sweep.done * (len(sweep.cases) - sweep.done)
        tell(f"{sweep}, {took:.0f} s" + (f", about {left:.0f} s more" if left else ""))
    search.took["redis"] += time.monotonic() - begun
    return found


def for_a_while(
    search: Search, kinds: Sequence[str], number: int, end: float, tell: Callable[[str], None]
) -> tuple[int, Sweep]:
    """Search kind by kind, round by round, until time is over; return how many bugs were found, and the sweep."""
    found, sweep = 0, Sweep(records.sweep(search.world.keys, number))
    while time.monotonic() < end:
        for kind in kinds:
            begun = time.monotonic()
            swept = kind == "redis" and sweep.done < len(sweep.cases)
            files = search.sweep(sweep.take(EXAMPLES)) if swept else _of(search, kind, number)
            found += _report(search, files, number, tell)
            search.took[kind] += time.monotonic() - begun
        number += 1
    return found, sweep


def _report(search: Search, files: Iterator[Path], number: int, tell: Callable[[str], None]) -> int:
    found = 0
    for file in files:
        found += 1
        finding = list(search.known.values())[-1]
        said = f"FOUND by seed {number}: {finding.signature}\n  {' '.join(finding.command)[:300]}"
        tell(f"{said}\n  again: make fuzz REPLAY={file}")
    return found


def _of(search: Search, kind: str, number: int) -> Iterator[Path]:
    file = search.round(kind, number, EXAMPLES)
    if file is not None:
        yield file
