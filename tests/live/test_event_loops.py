"""The Python API where others work beside it: an event loop, as in a notebook or a web server, and many threads."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from support.projects import write_project

from flowerpower import FlowerPowerProject
from flowerpower.errors import PipelineError, WaitTimeoutError

FLOW = """
import asyncio


def fetched(number: int) -> int:
    sleeping = asyncio.sleep(0, number)
    try:
        return asyncio.run(sleeping)
    finally:
        sleeping.close()


def again(number: int) -> int:
    async def nested() -> int:
        return asyncio.run(None)

    return asyncio.run(nested())
"""
PIPELINE = "modules: [flow]\noutputs: [fetched]\ninputs: {number: 3}\n"


@pytest.fixture
def folder(redis_connection: Redis, tmp_path: Path) -> Path:
    return write_project(tmp_path, flow=FLOW, pipeline=PIPELINE)


def test_an_event_loop_goes_on_while_threads_run_and_wait(folder: Path, redis_url: str) -> None:
    beats = []

    async def beat() -> None:
        while True:
            beats.append(1)
            await asyncio.sleep(0.01)

    async def main(project: FlowerPowerProject) -> tuple[Any, Any]:
        beating = asyncio.create_task(beat())
        here = await asyncio.to_thread(project.pipelines.run, "report")
        run = project.jobs.enqueue("report")
        with pytest.raises(WaitTimeoutError):
            await asyncio.to_thread(run.wait, 0.3)
        beating.cancel()
        project.jobs.start_worker(burst=True, with_scheduler=False)
        return here.values["fetched"], run.wait(timeout=10)["outputs"]["fetched"]["value"]

    with FlowerPowerProject.load(folder, redis=redis_url) as project:
        project.apply(project.plan())
        assert asyncio.run(main(project)) == (3, 3)

    assert len(beats) > 10


def test_a_node_that_wants_a_loop_where_one_runs_is_told_a_way_out(folder: Path) -> None:
    project = FlowerPowerProject.load(folder)

    async def main() -> None:
        project.pipelines.run("report")

    with pytest.raises(PipelineError, match="event loop") as raised:
        asyncio.run(main())
    assert "await asyncio.to_thread(project.pipelines.run, ...)" in raised.value.hint

    with pytest.raises(PipelineError, match="event loop") as raised:
        project.pipelines.run("report", outputs=["again"])
    assert raised.value.hint == "", "no thread would help it"


def test_many_threads_share_a_project_from_its_first_use(folder: Path, redis_url: str) -> None:
    def look(number: int) -> str:
        calls = (
            lambda: bool(project.plan()),
            lambda: project.pipelines.run("report").values["fetched"],
            lambda: project.jobs.cancel(project.jobs.enqueue("report").id),
            lambda: [one.name for one in project.jobs.schedules()],
        )
        return str(calls[number % len(calls)]())

    with FlowerPowerProject.load(folder, redis=redis_url) as first:
        first.apply(first.plan())
    with FlowerPowerProject.load(folder, redis=redis_url) as project, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(look, range(24))) == ["False", "3", "dropped", "['often']"] * 6
