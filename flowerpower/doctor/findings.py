"""What a check found: one line, its verdict, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar, get_args

# Worst first.
Verdict = Literal["fail", "warn", "unknown", "ok"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unknown:
    """What could not be found out, and why."""

    why: str


Fact: TypeAlias = T | Unknown


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says; `area` is redis, live, git, project, plug-ins or machine."""

    area: str
    name: str
    verdict: Verdict
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything that was found; `namespace` and `place` are empty where there is no project or no Redis."""

    namespace: str
    place: str
    findings: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """Tell whether nothing fails."""
        return all(finding.verdict != "fail" for finding in self.findings)

    def count(self, verdict: Verdict) -> int:
        """Return how many checks have that verdict."""
        return sum(finding.verdict == verdict for finding in self.findings)


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings with those that need somebody at the top, else in the order they were made."""
    return tuple(sorted(findings, key=lambda finding: get_args(Verdict).index(finding.verdict)))


def not_known(area: str, name: str, fact: Unknown, hint: str = "") -> Finding:
    """Return the finding of a check whose facts could not be read."""
    return Finding(area, name, "unknown", fact.why, hint)
