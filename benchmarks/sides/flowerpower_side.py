"""flowerpower: read, plan, apply and dispatch one world. Usage: ACTION REDIS_URL WORLD."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

from redis import Redis

from benchmarks.samples import Sample, print_samples, watch
from benchmarks.triggers import DUE
from benchmarks.worlds import KEYS, read_desired
from flowerpower.apply import apply_plan
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.planning.plan import Plan
from flowerpower.project import FlowerPowerProject
from flowerpower.settings import look_for_cycles_rarely, read_settings
from flowerpower.state.connection import connect
from flowerpower.state.models import Desired, Reading, Source, State
from flowerpower.state.store import Store

_CLOCK_KEY = "bench:now"
_CLOCK = f"local function now() return tonumber(redis.call('GET', '{_CLOCK_KEY}')), 0 end\n"
_SOURCE = Source(commit="c0ffee", repository="git.example/bench", who="bench")
_EDITED = 10  # schedules
_BEFORE = 30  # seconds before everything is due at which it is applied


def apply(url: str, world: Path) -> dict[str, Sample]:
    """Create everything, then delete it; each plan is made before the watch starts."""
    store = _store(url)
    plan = _plan(store, read_desired(world))
    with watch() as creating:
        apply_plan(plan, store, "create")
    created = _waiting(store)
    plan = _plan(store, Desired(State(), {}, {}))
    with watch() as deleting:
        apply_plan(plan, store, "delete")
    assert not store.connection.exists(KEYS.schedules), "records are left"
    return {"create": creating.sample(created), "delete": deleting.sample(created - _waiting(store))}


def prepare(url: str, world: Path) -> dict[str, Sample]:
    """Apply the world and leave it there; not measured."""
    store = _store(url)
    apply_plan(_plan(store, read_desired(world)), store, "prepare")
    return {"prepare": Sample(0.0, _waiting(store))}


def read_live(url: str, world: Path) -> dict[str, Sample]:
    """Read the live state with the real jobs."""
    store = _store(url)
    with watch() as reading:
        found = store.read()
    return {"read": reading.sample(_occurrences(found))}


def plan_first(url: str, world: Path) -> dict[str, Sample]:
    """Plan with nothing changed and nothing remembered, as CI does on a fresh clone."""
    cache = world / "cache-first"
    rmtree(cache, ignore_errors=True)
    return {"all of it": _planned(_project(url, world / "project", cache))}


def plan_edited(url: str, world: Path) -> dict[str, Sample]:
    """Plan with some schedules changed, as a plan of the same specs has told before."""
    folder, cache = world / "edited", world / "cache-edited"
    if not folder.exists():
        copytree(world / "project", folder)
        for file in sorted((folder / "schedules").iterdir())[:_EDITED]:
            file.write_bytes(file.read_bytes() + b"\npaused: true\n")
        _project(url, folder, cache).plan()
    return {"all of it": _planned(_project(url, folder, cache), changes=_EDITED)}


def plan_again(url: str, world: Path) -> dict[str, Sample]:
    """Plan with nothing changed, the specs as they were in the command before."""
    return {"plan": _planned(_project(url, world / "project", world / "cache"))}


def look_again(url: str, world: Path) -> dict[str, Sample]:
    """Check specs that are as they were, and read the live state."""
    project = _project(url, world / "project", world / "cache")
    with watch() as looking:
        known = project.recalled
        found = project.store.read()
    assert known, "the check was not remembered"
    return {"plan": looking.sample(_occurrences(found))._replace(memory=_peak())}


def _planned(project: FlowerPowerProject, changes: int = 0) -> Sample:
    with watch() as planning:
        planned = project.plan()
        planned.to_text()
        shown = project.problems
    assert len(planned.plan.changes) == changes, f"{len(planned.plan.changes)} changes"
    assert isinstance(shown, tuple)
    return planning.sample(len(planned.plan.after.schedules))._replace(memory=_peak())


def _project(url: str, folder: Path, cache: Path) -> FlowerPowerProject:
    """Return the project with everything imported and connected."""
    for module in ("planner", "memory", "in_parts", "specs.loader", "render.plan_text"):
        import_module(f"flowerpower.{module}")
    environ = {"FLOWERPOWER_CACHE_DIR": str(cache)}
    project = FlowerPowerProject.find(read_settings(project=folder, redis=url, environ=environ))
    project.store.connection.ping()
    return project


def _peak() -> float:
    """Return the most memory that this process ever had, in MB."""
    status = Path("/proc/self/status")
    if not status.exists():  # not on Linux
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def dispatch(url: str, world: Path) -> dict[str, Sample]:
    """Fire everything at once, by a scheduler that has worked before."""
    return {"dispatch": _dispatch(url, world, used=True)}


def dispatch_cold(url: str, world: Path) -> dict[str, Sample]:
    """Fire everything at once, by a scheduler that has just started and must read every record first."""
    return {"dispatch": _dispatch(url, world, used=False)}


def _dispatch(url: str, world: Path, *, used: bool) -> Sample:
    store = _store(url, _CLOCK)
    store.connection.set(_CLOCK_KEY, DUE - _BEFORE)
    apply_plan(_plan(store, read_desired(world)), store, "prepare")
    expected, fired = _waiting(store), 0
    scheduler = Scheduler(store, "bench")
    if used:
        scheduler.step()
    store.connection.set(_CLOCK_KEY, DUE)
    with watch() as dispatching:
        while fired < expected and (done := scheduler.step()):
            fired += done
    queued = sum(int(store.connection.llen(KEYS.queue_list(queue))) for queue in _queues(store))
    assert _waiting(store) == fired, "the next occurrences are not there"
    assert int(store.connection.zcount(KEYS.scheduled(KEYS.queue("default")), "-inf", DUE)) == 0, "ticks are left"
    return dispatching.sample(queued)


def _store(url: str, clock: str | None = None) -> Store:
    store = Store(connect(url), KEYS, clock)
    store.connection.ping()
    return store


def _plan(store: Store, desired: Desired) -> Plan:
    return replace(make_plan(KEYS, desired, store.read(), _SOURCE), checks=())


def _occurrences(reading: Reading) -> int:
    return sum(schedule.occurrence is not None for schedule in reading.state.schedules.values())


def _queues(store: Store) -> list[str]:
    found: Any = store.connection.smembers(KEYS.queues)
    return [key.decode().removeprefix(KEYS.queue_list("")) for key in found]


def _waiting(store: Store) -> int:
    """Return how many jobs wait, each looked up: a registry alone does not prove a job."""
    connection: Redis = store.connection
    pipe = connection.pipeline(transaction=False)
    for queue in _queues(store):
        found: Any = connection.zrange(KEYS.scheduled(queue), 0, -1)
        for member in found:
            pipe.hexists(KEYS.job(member.decode()), "data")
    return sum(pipe.execute())


ACTIONS: dict[str, Callable[[str, Path], dict[str, Sample]]] = {
    action.__name__: action
    for action in (apply, prepare, read_live, plan_first, plan_edited, plan_again, look_again, dispatch, dispatch_cold)
}

if __name__ == "__main__":
    look_for_cycles_rarely()  # as `plan`, `apply` and the scheduler do
    print_samples(ACTIONS[sys.argv[1]](sys.argv[2], Path(sys.argv[3])))
