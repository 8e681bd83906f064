"""The template is a test case of its own: what `init` makes runs as it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq

from flowerpower.pipelines.run import RunContext, run_pipeline
from flowerpower.scaffold import init
from flowerpower.specs.loader import load


def test_the_pipeline_of_a_new_project_runs_and_saves_its_outputs(tmp_path: Path) -> None:
    init(tmp_path)
    places = [path for path in tmp_path.rglob("*.yaml") if not path.relative_to(tmp_path).parts[0].startswith(".")]
    loaded = load({str(path.relative_to(tmp_path)): path.read_bytes() for path in places}, env="default", variables={})
    assert loaded.project is not None
    tick = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
    context = RunContext(tick, tick, run_id="r1", schedule="licences_hourly", pipeline="licences")

    run_pipeline(loaded.project.pipelines["licences"], context, root=tmp_path, folders=loaded.project.spec.modules)

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "licences-2026-11-22T0200.parquet",
        "licences-2026-11-22T0200.txt",
    ]
    report = pq.read_table(tmp_path / "out" / "licences-2026-11-22T0200.parquet")
    assert "apache-hamilton" in report["name"].to_pylist()
