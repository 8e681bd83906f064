"""The files that live pipelines were applied from, found again and proved by their digest; never guessed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from flowerpower.dataflow.modules import Files
from flowerpower.dataflow.reader import code_digest
from flowerpower.state.models import Json, Pipeline, Reading

MOST_COMMITS = 10
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")

ReadCommits = Callable[[Sequence[str], Collection[str]], Mapping[str, Files | str]]
"""Return the modules below some folders in each of some commits, or why they cannot be read."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why the files of a live pipeline cannot be told."""

    why: str


def live_files(
    pipelines: Sequence[Pipeline], reading: Reading, files: Files, read: ReadCommits
) -> dict[str, Files | Unknown]:
    """Return the files of each live pipeline, by its name; *files* are those of today.

    A record may be older than the last apply, which then found the pipeline unchanged: its files are in the last
    commit as well. So that one is read first, and of the records' own commits only a few, for what is left.
    """
    found: dict[str, Files | Unknown] = {}
    commits: dict[str, str] = {}
    for pipeline in pipelines:
        record = reading.records.get(f"pipeline.{pipeline.name}")
        if record is None or not record.intact:
            found[pipeline.name] = Unknown("its record was altered in Redis")
        elif _is_made_of(pipeline, files):
            found[pipeline.name] = files
        else:
            commits[pipeline.name] = record.commit
    left = [pipeline for pipeline in pipelines if pipeline.name in commits]
    folders = sorted({folder for pipeline in left for folder in texts_of(pipeline.fields.get("folders"))})
    known: dict[str, Files | str] = {}
    for asked in (_last(reading, left), _own(commits, known, found)):
        wanted = list(asked)
        fresh = read(wanted, folders) if wanted else {}
        known |= fresh
        for pipeline in left:
            for commit in {_plain(reading.head.commit), _plain(commits[pipeline.name])} & fresh.keys():
                old = fresh[commit]
                if pipeline.name not in found and not isinstance(old, str) and _is_made_of(pipeline, old):
                    found[pipeline.name] = old
    return {pipeline.name: Unknown(_why(commits[pipeline.name], known)) for pipeline in left} | found


def texts_of(value: Json) -> tuple[str, ...]:
    """Return a list of texts from a record."""
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _last(reading: Reading, left: Sequence[Pipeline]) -> Iterator[str]:
    commit = _plain(reading.head.commit)
    if left and commit:
        yield commit


def _own(commits: Mapping[str, str], known: Mapping[str, object], found: Mapping[str, object]) -> Iterator[str]:
    """Yield the commits of the records that are not explained yet, those of most records first."""
    asked = Counter(_plain(commit) for name, commit in commits.items() if name not in found)
    yield from [commit for commit, _ in asked.most_common() if commit and commit not in known][:MOST_COMMITS]


def _is_made_of(pipeline: Pipeline, files: Files) -> bool:
    modules, folders = (texts_of(pipeline.fields.get(name)) for name in ("modules", "folders"))
    return code_digest(modules, files, folders) == pipeline.code


def _plain(commit: str) -> str:
    """Return the name of a commit, nothing for what is none: it comes from Redis and goes to git."""
    name = commit.removesuffix("+dirty")
    return name if _COMMIT.fullmatch(name) else ""


def _why(commit: str, known: Mapping[str, Files | str]) -> str:
    name = _plain(commit)
    if commit.startswith("tree:"):
        return "it was applied from a folder outside git"
    if not name:
        return "its record names no commit"
    if name not in known:
        return f"the changed pipelines are of too many commits; {MOST_COMMITS} are looked at"
    old = known[name]
    if isinstance(old, str):
        return old
    if commit.endswith("+dirty"):
        return f"it was applied with uncommitted changes, on top of {name[:7]}"
    return f"its files at {name[:7]} are not those that were applied"
