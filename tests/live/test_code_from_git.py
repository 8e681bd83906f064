"""`code: git`: each run has the code of the commit that was applied when it was enqueued."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command_line import FILES, command_line

from flowerpower import FlowerPowerProject
from flowerpower.errors import PipelineError
from flowerpower.jobs.by_hand.manual import RunHandle

PROJECT = FILES["flowerpower.yaml"] + "code: git\n"


def test_what_workers_cannot_fetch_is_warned_of_before_it_is_applied(redis_url: str, tmp_path: Path) -> None:
    line = command_line(tmp_path / "acme", redis_url, {**FILES, "flowerpower.yaml": PROJECT})
    assert "code: git" not in line("plan").out

    line.git("remote", "add", "origin", str(tmp_path / "nowhere"))
    unpushed = line("apply", "--auto-approve")
    line.write("flows/flow.py", FILES["flows/flow.py"].replace("* 2", "* 4"))
    dirty = line("plan")

    assert (unpushed.code, "no branch of a remote is known here" in " ".join(unpushed.out.split())) == (0, True)
    assert "runs of the uncommitted changes here will fail" in " ".join(dirty.out.split())


def test_two_versions_are_in_flight_at_once_and_a_rollback_rolls_back_the_code(redis_url: str, tmp_path: Path) -> None:
    line = command_line(tmp_path / "acme", redis_url, {**FILES, "flowerpower.yaml": PROJECT})
    runs = []
    for flow in ("* 2", "* 3", None):
        if flow:
            line.write("flows/flow.py", FILES["flows/flow.py"].replace("* 2", flow))
            line.commit()
        with FlowerPowerProject.load(line.folder, redis=redis_url) as project:
            undone = None if flow else project.history(1).applies[0].apply_id
            project.apply(project.rollback_plan(undone) if undone else project.plan())
            runs.append(project.jobs.enqueue("report").id)
    with FlowerPowerProject.load(line.folder, redis=redis_url) as project:  # somebody names another commit in Redis
        handle, connection, active = project.jobs.enqueue("report"), project.store.connection, project.keys.active
        entry = json.loads(connection.hget(active, handle.id)) | {"commit": line.git("rev-parse", "HEAD")}
        connection.hset(active, handle.id, json.dumps(entry))
    line.write("flows/flow.py", "this is no Python, and was never committed\n")

    worker = line.process("worker", "--burst", "--no-scheduler", FLOWERPOWER_CACHE_DIR=str(tmp_path / "cache"))

    assert worker.code == 0, worker.err
    with FlowerPowerProject.load(line.folder, redis=redis_url) as project:
        results = [RunHandle(project.store, run).wait(10) for run in runs]
        with pytest.raises(PipelineError, match="is not the code that was applied"):
            RunHandle(project.store, handle.id).wait(10)
    assert [result["outputs"]["doubled"]["value"] for result in results] == [42, 63, 42]
    assert len(list((tmp_path / "cache/code").glob("*/*-*"))) == 2
