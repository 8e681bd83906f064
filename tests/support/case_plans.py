"""Plans for golden cases: two project folders, `live` and `wanted`, and a `world.yaml` that says what else is there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from flowerpower.dataflow.modules import Files
from flowerpower.dataflow.reader import code_digest
from flowerpower.planning.diff import make_plan
from flowerpower.planning.graphs import graph_changes
from flowerpower.planning.guards import Allowed, Facts, check_plan
from flowerpower.planning.outlook import with_forecast
from flowerpower.planning.plan import Plan
from flowerpower.render.plan_json import plan_dict
from flowerpower.render.plan_markdown import plan_markdown
from flowerpower.render.plan_text import plan_text
from flowerpower.render.style import Emphasis
from flowerpower.specs.loader import load
from flowerpower.state.desired import desired_state, occurrence_at, trigger_of
from flowerpower.state.keys import Keys
from flowerpower.state.models import (
    Consumers,
    Cursor,
    Desired,
    Head,
    Hold,
    Occurrence,
    Reading,
    Record,
    Run,
    Schedule,
    Source,
    State,
)
from flowerpower.state.run_times import summarise

CASES = Path(__file__).resolve().parents[1] / "cases" / "render"


def _as_json(plan: Plan) -> object:
    return plan_dict(plan, plan_hash="sha256:0") | {"flowerpower_version": "0"}


RENDERED: Mapping[str, Callable[[Plan], str]] = {
    "expected.txt": lambda plan: plan_text(plan, width=100) + "\n",
    "narrow.txt": lambda plan: plan_text(plan, width=60) + "\n",
    "concise.txt": lambda plan: plan_text(plan, width=100, concise=True) + "\n",
    "expected.md": lambda plan: plan_markdown(plan, plan_hash="sha256:0123456789"),
    "expected.json": lambda plan: json.dumps(_as_json(plan), indent=1, ensure_ascii=False) + "\n",
}


def bold(text: str, emphasis: Emphasis) -> str:
    """Return a text as a terminal shows it whose every emphasis is bold; a hint is only text."""
    return text if emphasis == "hint" else f"\x1b[1m{text}\x1b[0m"


World = Mapping[str, Any]
HERE, OTHER, GONE = "1" * 40, "2" * 40, "3" * 40
"""Commits: one that holds the live files, one that holds none, one that a clone lacks."""


def plan_of_case(folder: Path) -> Plan:
    """Return the checked plan of a case folder."""
    world: World = yaml.safe_load((folder / "world.yaml").read_text())
    keys = Keys("acme", world.get("env", "default"))
    real = "applied_at" in world
    reading = _reading(keys, _desired(folder / "live", keys.env, None if real else {}), world)
    desired = _desired(folder / "wanted", keys.env, None if real else world.get("code", {}))
    source = Source(world.get("commit", "9f8e7d6c5b4a"), "git.example/acme/data", "ana")
    plan = make_plan(keys, desired, reading, source)
    if "applied_at" in world:
        live, wanted = _modules(folder / "live"), _modules(folder / "wanted")
        found: dict[str, Files | str] = {
            HERE: live,
            OTHER: {},
            GONE: f"commit {GONE[:7]} is not in this clone; fetch the whole history",
        }
        graphs = graph_changes(plan, reading, wanted, lambda commits, _: {commit: found[commit] for commit in commits})
        plan = replace(plan, graphs=graphs)
    facts = Facts(in_git=True, dirty=world.get("dirty", False), descends=world.get("descends", True))
    plan = replace(plan, checks=check_plan(plan, reading, facts, Allowed()))
    project = yaml.safe_load((folder / "wanted" / "flowerpower.yaml").read_text())
    times = summarise(world.get("runs", {}), reading.state)
    return with_forecast(plan, reading, lambda: times, project.get("timezone", "UTC"))


def _modules(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.py")}


def _desired(folder: Path, env: str, code: Mapping[str, str] | None) -> Desired:
    """Return what a folder asks for; without digests of code given, with the real ones."""
    texts = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.yaml")}
    if not texts:
        return Desired(State(), {}, {})
    texts |= {path.relative_to(folder).as_posix(): b"" for path in folder.rglob("*.py")}
    loaded = load(texts, env=env, variables={})
    project = loaded.project
    assert project is not None, loaded.problems
    if code is None:
        files, folders = _modules(folder), project.spec.modules
        code = {name: code_digest(spec.modules, files, folders) for name, spec in project.pipelines.items()}
    return desired_state(project, {name: code.get(name, "a1b2c3d4" * 8) for name in project.pipelines})


def _reading(keys: Keys, live: Desired, world: World) -> Reading:
    now = _epoch(world["now"])
    held = world.get("held", {})
    schedules, cursors = {}, {}
    for name, schedule in live.state.schedules.items():
        quiet = schedule.fields.get("paused") or name in held
        tick = None if quiet else trigger_of(schedule.fields).next_tick(now)
        job = None if tick is None else occurrence_at(keys, schedule, tick)
        cursors[name] = Cursor(now - 3600, 1, job.id if job else None)
        schedules[name] = _tampered(schedule, job, world)
    records = {
        address: Record(3, "seal", protected=address in world.get("protected", []), commit=_commit(address, world))
        for address in [
            *(f"schedule.{name}" for name in schedules),
            *(f"pipeline.{name}" for name in live.state.pipelines),
        ]
    }
    applied = Head(generation=12, apply_id="a", commit="1a2b3c4d5e6f", repository="git.example/acme/data")
    return Reading(
        now=now,
        head=applied if schedules else Head(),
        state=State(schedules, live.state.pipelines),
        records={**records, **{f"schedule.{name}": Record(3, "s", intact=False) for name in world.get("records", {})}},
        cursors=cursors,
        holds={name: _hold(values) for name, values in held.items()},
        active={
            run["id"]: Run(run["id"], run["name"], 0, 1, 0, run.get("execution", "")) for run in world.get("active", [])
        },
        firing=frozenset(world.get("firing", [])),
        unmanaged=world.get("unmanaged", {}),
        consumers=Consumers(
            {keys.queue(q): n for q, n in world.get("workers", {}).items()}, world.get("scheduler", "")
        ),
    )


def _commit(address: str, world: World) -> str:
    words = world.get("applied_at", {}).get(address.partition(".")[2], "here")
    return {"here": HERE, "here, dirty": f"{OTHER}+dirty", "gone": GONE}[words]


def _tampered(schedule: Schedule, job: Occurrence | None, world: World) -> Schedule:
    changes = world.get("jobs", {}).get(schedule.name, {})
    record = world.get("records", {}).get(schedule.name)
    if changes is None or job is None:
        return replace(schedule, occurrence=None)
    if record:
        schedule = replace(schedule, fields={**schedule.fields, **record}, digest="altered")
    return replace(schedule, occurrence=replace(job, **changes))


def _hold(values: Mapping[str, Any]) -> Hold:
    until = _epoch(values["until"]) if "until" in values else None
    return Hold(values["who"], values["why"], _epoch(values["since"]), until)


def _epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
