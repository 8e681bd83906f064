"""What the sides of the Redis benchmarks start from: one project, wanted by flowerpower and by its peers alike."""

from __future__ import annotations

import json
import pickle
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.corpus import Trigger, write_project
from flowerpower.dataflow.reader import code_digest
from flowerpower.specs.files.sources import Sources, read
from flowerpower.specs.loader import Loaded, load
from flowerpower.state.desired import describe_run, desired_state, occurrence_at, trigger_of
from flowerpower.state.keys import Keys
from flowerpower.state.models import Desired, Schedule

KEYS = Keys("bench", "default")
_LATER = 3600  # nothing may fall due while it is measured


@dataclass(frozen=True, slots=True)
class World:
    """A folder with a project, the state it wants (`desired.pickle`) and the same as jobs for peers (`jobs.json`)."""

    folder: Path
    schedules: int
    pipelines: int

    @property
    def project(self) -> Path:
        """Return the folder of the spec files."""
        return self.folder / "project"


def make_world(folder: Path, schedules: int, trigger: Trigger | None = None) -> World:
    """Make a world of so many schedules and a tenth as many pipelines."""
    world = World(folder / f"world-{schedules}", schedules, schedules // 10)
    write_project(world.project, schedules=schedules, pipelines=world.pipelines, trigger=trigger)
    sources = read(world.project)
    desired = wanted(sources, load(sources.texts, env=KEYS.env, variables={}))
    (world.folder / "desired.pickle").write_bytes(pickle.dumps(desired))
    after = int(time.time()) + _LATER
    jobs = [_job(schedule, after) for schedule in desired.state.schedules.values()]
    (world.folder / "jobs.json").write_text(json.dumps(jobs))
    return world


def read_desired(folder: Path) -> Desired:
    """Return the wanted state of a world's folder."""
    desired: Desired = pickle.loads((folder / "desired.pickle").read_bytes())
    return desired


def wanted(sources: Sources, loaded: Loaded) -> Desired:
    """Return what a loaded project asks for."""
    project = loaded.project
    assert project is not None, loaded.problems
    code = {
        name: code_digest(spec.modules, sources.modules, project.spec.modules)
        for name, spec in project.pipelines.items()
    }
    return desired_state(project, code)


def _job(schedule: Schedule, after: int) -> dict[str, Any]:
    """Return what a peer needs to make the same job: every field that flowerpower gives it."""
    tick = trigger_of(schedule.fields).next_tick(after)
    assert tick is not None
    job, (description, meta) = occurrence_at(KEYS, schedule, tick), describe_run(schedule, tick)
    return {
        "id": job.id,
        "queue": job.queue,
        "due": job.due,
        "function": job.function,
        "args": list(job.args),
        "timeout": job.timeout,
        "result_ttl": job.result_ttl,
        "failure_ttl": job.failure_ttl,
        "retries": job.retries,
        "intervals": list(job.retry_intervals),
        "description": description,
        "meta": {**meta, "commit": "c0ffee"},
        "cron": str(schedule.fields.get("cron", "")),
        "every": int(str(schedule.fields.get("every", 0))),
    }
