"""The wanted state in short: enough to see that it is what is live, and small enough to be kept between two commands.

It holds digests, and of each schedule what makes its pending job: no input, no configuration, nothing that a secret
would be put into.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from flowerpower.state.codec import canonical
from flowerpower.state.models import Desired, Json, Rules, Schedule

VERSION = 1
_JOB = {  # what `desired.occurrence_at` looks at
    "queue": str,
    "timeout": int,
    "result_ttl": int,
    "failure_ttl": int,
    "retry": dict,
    "jitter": int,
    "paused": bool,
}
_NEEDED = frozenset({"queue", "timeout", "result_ttl", "failure_ttl"})
_DIGITS = 32  # of a digest: 128 bits
_LINES = re.compile(rb"(?>[^ \n]+ [0-9a-f]{32} [0-9a-f]{32} [0-9]{1,9}\n)*+")
_LINE = re.compile(rb"[^\n]+")
_USED = re.compile(rb" ([0-9]{1,9})\n")


class Wanted(NamedTuple):
    """A wanted schedule: the same starts of digests mean the same spec, run and trigger, to the word."""

    name: str
    digest: str
    run: str
    job: int  # position among `Outline.jobs`

    def is_of(self, schedule: Schedule) -> bool:
        """Tell whether this is what a schedule of the same name is, to the word."""
        return schedule.digest.startswith(self.digest) and schedule.run.startswith(self.run)


@dataclass(frozen=True, slots=True)
class Outline:
    """The wanted state in short; `tree` is the digest of all files, which stands for a commit outside git."""

    tree: str
    rules: Rules
    pipelines: Mapping[str, str]  # name -> digest
    jobs: tuple[Mapping[str, Json], ...]  # fields that pending jobs are made of; many schedules share them
    lines: bytes  # one for each schedule

    @property
    def count(self) -> int:
        """The number of schedules."""
        return self.lines.count(b"\n")

    def schedules(self) -> Iterator[Wanted]:
        """Yield the wanted schedules."""
        for line in _LINE.finditer(self.lines):
            name, digest, run, job = line[0].decode(errors="replace").split(" ")
            yield Wanted(name, digest, run, int(job))


def outline_of(desired: Desired, tree: str) -> Outline:
    """Return the outline of a wanted state that was made of files with this digest."""
    jobs: dict[str, int] = {}
    lines: list[str] = []
    for name, schedule in desired.state.schedules.items():
        job = canonical({field: schedule.fields[field] for field in _JOB if field in schedule.fields})
        short = f"{schedule.digest[:_DIGITS]} {schedule.run[:_DIGITS]}"
        lines.append(f"{name} {short} {jobs.setdefault(job, len(jobs))}\n")
    return Outline(
        tree=tree,
        rules=desired.rules,
        pipelines={name: pipeline.digest for name, pipeline in desired.state.pipelines.items()},
        jobs=tuple(json.loads(job) for job in jobs),
        lines="".join(lines).encode(),
    )


def joined_outline(parts: Sequence[Outline], tree: str) -> Outline:
    """Return the outline of a project that was made of files with this digest, from those of its parts."""
    jobs: dict[str, int] = {}
    lines: list[bytes] = []
    for part in parts:
        numbers = [jobs.setdefault(canonical(job), len(jobs)) for job in part.jobs]
        lines.append(_renumbered(part.lines, numbers))
    return Outline(
        tree=tree,
        rules=parts[0].rules,
        pipelines={name: digest for part in parts for name, digest in part.pipelines.items()},
        jobs=tuple(json.loads(job) for job in jobs),
        lines=b"".join(lines),
    )


def _renumbered(lines: bytes, numbers: Sequence[int]) -> bytes:
    return _USED.sub(lambda found: b" %d\n" % numbers[int(found[1])], lines)


def encode_outline(outline: Outline) -> bytes:
    """Return the text of an outline: a line of JSON, then a line for each schedule."""
    front = {
        "version": VERSION,
        "tree": outline.tree,
        "guards": outline.rules.guards,
        "policies": outline.rules.policies,
        "pipelines": dict(outline.pipelines),
        "jobs": [dict(job) for job in outline.jobs],
        "schedules": outline.count,
    }
    return canonical(front).encode() + b"\n" + outline.lines


def decode_outline(raw: bytes) -> Outline | None:
    """Return the outline of a text; None for any other text."""
    front, _, lines = raw.partition(b"\n")
    try:
        data: dict[str, Any] = json.loads(front)
        jobs: list[dict[str, Json]] = data["jobs"]
        if data["version"] != VERSION or not all(map(_is_job, jobs)):
            return None
        if lines.count(b"\n") != data["schedules"] or not _LINES.fullmatch(lines):
            return None
        if any(int(number) >= len(jobs) for number in set(_USED.findall(lines))):
            return None
        rules = Rules(str(data["guards"]), str(data["policies"]))
        return Outline(str(data["tree"]), rules, dict(data["pipelines"]), tuple(jobs), lines)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _is_job(job: Mapping[str, Any]) -> bool:
    retry = job.get("retry") or {"max": 0}
    numbers = [retry["max"], *(retry.get("intervals") or [])]
    kinds_fit = all(isinstance(value, _JOB[name]) for name, value in job.items())
    return kinds_fit and job.keys() >= _NEEDED and all(isinstance(number, int) for number in numbers)
