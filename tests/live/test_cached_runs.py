"""What is kept of a run says which of its nodes came from the cache, also where the run fails."""

from __future__ import annotations

from pathlib import Path

from redis import Redis
from support.command_line import command_line
from support.projects import write_project

from flowerpower import FlowerPowerProject
from flowerpower.render.details import details_dict, details_text

FLOW = """
def squared(number: int) -> int:
    return number * number


def inverse(squared: int, divisor: int) -> float:
    return squared / divisor
"""
PIPELINE = "modules: [flow]\noutputs: [inverse]\ninputs: {number: 3, divisor: 1}\ncache: true\n"


def test_the_record_of_a_run_tells_what_the_cache_had(redis_connection: Redis, redis_url: str, tmp_path: Path) -> None:
    folder = write_project(tmp_path, flow=FLOW, pipeline=PIPELINE)
    with FlowerPowerProject.load(folder, redis=redis_url) as project:
        project.apply(project.plan())
        first, second, failing = (project.jobs.enqueue("report", {"divisor": number}) for number in (1, 2, 0))
        project.jobs.start_worker(burst=True, with_scheduler=False)
        documents = [details_dict(run.details(), "acme.default") for run in (first, second, failing)]
        texts = [details_text(run.details()) for run in (first, second, failing)]

    cached = [{node["node"] for node in one["nodes"] if node.get("cached")} for one in documents]
    assert cached == [set(), {"squared"}, {"squared"}]
    assert [one["cached_count"] for one in documents] == [0, 1, 1]
    assert [one["status"] for one in documents] == ["succeeded", "succeeded", "failed"]
    assert "from the cache" not in texts[0]
    assert all("from the cache: 1 of 2 nodes (squared)" in text for text in texts[1:])


def test_the_command_tells_it_too_also_where_the_run_fails(tmp_path: Path, redis_url: str) -> None:
    line = command_line(tmp_path, redis_url)
    line.write("flows/flow.py", FLOW)
    line.write("pipelines/report.yaml", PIPELINE)

    answers = [line("run", "report", f"--set=divisor={number}") for number in (1, 2, 0)]

    assert [answer.code for answer in answers] == [0, 0, 1]
    assert "from the cache" not in answers[0].out
    assert "from the cache: 1 of 2 nodes (squared)" in answers[1].out
    assert "from the cache: 1 of 2 nodes (squared)" in answers[2].err
    document = line("run", "report", "--json").document
    assert document["cached_count"] == 2
    assert [node["cached"] for node in document["nodes"]] == [True, True]
