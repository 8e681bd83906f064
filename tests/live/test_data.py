"""What a project allows, its worker allows its runs."""

from __future__ import annotations

import pickle
from pathlib import Path

from support.command_line import CommandLine

from flowerpower import FlowerPowerProject


def test_a_worker_moves_data_as_the_project_allows_and_records_it(redis_url: str, tmp_path: Path) -> None:
    line, shared = CommandLine(tmp_path / "project"), tmp_path / "shared"
    line.write("flowerpower.yaml", f"name: acme\nredis: {redis_url}\nallow: {{pickle: true, paths: [{shared}]}}\n")
    line.write("flows/flow.py", "def rows(model: dict) -> list[dict]:\n    return [model]\n")
    line.write(
        "pipelines/p.yaml",
        f"""
modules: [flow]
outputs: [rows]
cache: true
load: {{model: {{format: pickle, path: {shared}/model.pickle}}}}
save: [{{outputs: [rows], format: parquet, path: {shared}/rows.parquet}}]
""",
    )
    shared.mkdir()
    (shared / "model.pickle").write_bytes(pickle.dumps({"weight": 1.5}))

    with FlowerPowerProject.load(tmp_path / "project") as project:
        project.apply(project.plan())
        run = project.jobs.enqueue("p")
        project.jobs.start_worker(burst=True, with_scheduler=False)
        summary = run.wait(timeout=60)

    (saved,), (loaded,) = summary["saves"], summary["loads"]
    assert (saved["rows"], saved["columns"], saved["bytes"]) == (1, 1, (shared / "rows.parquet").stat().st_size)
    assert (loaded["node"], loaded["bytes"]) == ("model", (shared / "model.pickle").stat().st_size)
