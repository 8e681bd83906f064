"""What was applied, where Redis no longer says it: git does, at the commit that an altered record names.

With it a plan tells, field by field, what a stranger's hand changed from what git changed since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from flowerpower.errors import FlowerPowerError
from flowerpower.revision import COMMIT
from flowerpower.state.live import altered_addresses
from flowerpower.state.models import Desired, Json, Pipeline, Reading, Record, Schedule


@dataclass(frozen=True, slots=True)
class SpecsInGit:
    """The specs of a project in git: its folder, the environment, and the variables given by hand."""

    folder: Path | None  # None: in no folder, so git knows nothing of them
    env: str
    variables: Mapping[str, str]
    wary: bool = False  # it is somebody else's checkout


def with_applied_fields(reading: Reading, specs: SpecsInGit) -> Reading:
    """Return what was read, each altered record with the fields that were applied, if git has them to the letter.

    They count only if they make the very digest that the record claims: uncommitted changes, other variables and a
    commit that is not in this clone leave it as it was.
    """
    altered = {address: reading.records[address] for address in altered_addresses(reading.records)}
    if not altered or specs.folder is None:
        return reading
    code = {name: pipeline.code for name, pipeline in reading.state.pipelines.items()}
    commits = {record.commit for record in altered.values() if COMMIT.fullmatch(record.commit)}
    then = {commit: _specs_at(specs, commit, code) for commit in commits}
    known = {address: replace(record, applied=_fields(address, record, then)) for address, record in altered.items()}
    return replace(reading, records={**reading.records, **known})


def _specs_at(specs: SpecsInGit, commit: str, code: Mapping[str, str]) -> Desired | None:
    from flowerpower.specs.files.sources import read
    from flowerpower.specs.loader import load
    from flowerpower.state.desired import desired_state

    if specs.folder is None:
        return None
    try:
        texts = read(specs.folder, commit, wary=specs.wary).texts
    except FlowerPowerError:  # not in this clone
        return None
    project = load(texts, env=specs.env, variables=specs.variables).project
    if project is None:
        return None
    return desired_state(project, {name: code.get(name, "") for name in project.pipelines})


def _fields(address: str, record: Record, then: Mapping[str, Desired | None]) -> Mapping[str, Json] | None:
    applied = then.get(record.commit)
    if applied is None:
        return None
    kind, _, name = address.partition(".")
    found: Schedule | Pipeline | None = (
        applied.state.schedules.get(name) if kind == "schedule" else applied.state.pipelines.get(name)
    )
    return found.fields if found is not None and found.digest == record.digest else None
