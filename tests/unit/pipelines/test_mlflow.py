"""Runs in MLflow, which is large: `make heavy` installs it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from flowerpower.errors import PipelineError
from flowerpower.pipelines.adapters.named import tell_of_end
from flowerpower.pipelines.adapters.setting import Ending, Setting
from flowerpower.pipelines.context import RunContext, Secrets
from flowerpower.pipelines.failures import UserCodeError

from .conftest import FLOW, TICK, Project, secrets

mlflow: Any = pytest.importorskip("mlflow", reason="mlflow is not installed: make heavy")


def test_mlflow_calls_no_server_of_its_makers(project: Project, tmp_path: Path) -> None:
    root, tests = Path(__file__).parents[3], Path(__file__).parents[2]
    script = f"""
        import sys
        sys.path[:0] = [{str(root)!r}, {str(tests)!r}]
        from pathlib import Path
        from unit.pipelines.conftest import Project
        sys.addaudithook(lambda event, given: print(given) if event == "socket.getaddrinfo" else None)
        Project(Path({str(project.root)!r})).run("total", inputs={{"x": 1}}, adapters=["mlflow"])
    """
    project.module("flow", FLOW)
    # Nothing else: MLflow tells nothing where it sees signs of a test.
    settings = {"MLFLOW_TRACKING_URI": f"file://{tmp_path}/runs", "MLFLOW_ALLOW_FILE_STORE": "true"}

    said = subprocess.run(
        [sys.executable, "-c", dedent(script)], env=settings, capture_output=True, text=True, check=True
    )

    assert said.stdout == ""


@pytest.fixture
def mlflow_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Any]]:
    """Let MLflow keep runs in a folder, and return what reads them, the first first."""
    monkeypatch.chdir(tmp_path)
    url = f"file://{tmp_path}/mlruns"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(url)

    def read() -> list[Any]:
        client = mlflow.MlflowClient(url)
        experiment = client.get_experiment_by_name("p").experiment_id
        return list(client.search_runs([experiment], order_by=["attributes.start_time"]))

    return read


def test_mlflow_gets_inputs_and_outputs_without_secrets(
    project: Project, tmp_path: Path, mlflow_runs: Callable[[], list[Any]]
) -> None:
    project.module("flow", FLOW).run(
        "total",
        inputs={"x": 1, "token": "${secret:PW}"},
        config={"mode": "${secret:PW}"},
        adapters=["mlflow"],
        secrets=secrets,
    )

    [found] = mlflow_runs()
    assert found.info.run_name == "run-1"
    assert found.info.status == "FINISHED"
    assert found.data.params == {"x": "1", "token": "***", "mode": "***"}
    assert found.data.metrics == {"total": 2.5}
    assert found.data.tags["flowerpower.tick"] == "2026-11-22T02:00:00+00:00"
    assert not list(tmp_path.glob("*.pickle"))


def test_mlflow_gets_no_secret_that_lies_deep_in_an_output(
    project: Project, tmp_path: Path, mlflow_runs: Callable[[], list[Any]]
) -> None:
    project.module(
        "flow",
        """
        def out(token: str) -> dict:
            return {token: ({"a": [token]}, {token})}
        """,
    )

    project.run("out", inputs={"token": "${secret:PW}"}, adapters=["mlflow"], secrets=secrets)

    assert mlflow_runs()
    told = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file() and file.suffix != ".py"}
    assert any(file.name == "out.json" for file in told)
    assert [file.name for file, content in told.items() if b"hunter2" in content] == []


def test_mlflow_shows_a_failed_run_as_failed(
    project: Project, mlflow_runs: Callable[[], list[Any]], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(UserCodeError):
        project.module("flow", FLOW).run("total", inputs={"x": -1}, adapters=["mlflow"])

    [found] = mlflow_runs()
    assert found.info.status == "FAILED"
    assert "left out" not in caplog.text


def test_mlflow_shows_a_run_as_failed_whose_result_cannot_be_saved(
    project: Project, mlflow_runs: Callable[[], list[Any]]
) -> None:
    with pytest.raises(PipelineError):
        project.module("flow", FLOW).run(
            "total",
            inputs={"x": 1},
            save=[{"outputs": ["total"], "format": "parquet", "path": "out.parquet"}],
            adapters=["mlflow"],
        )

    [found] = mlflow_runs()
    assert found.info.status == "FAILED"


def test_a_run_that_mlflow_lost_track_of_does_not_swallow_the_next(
    project: Project,
    mlflow_runs: Callable[[], list[Any]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from flowerpower.pipelines.adapters.mlflow_runs import Tracker

    def away(self: Tracker, name: str, *_: Any) -> None:
        raise ConnectionError(name)

    project.module("flow", FLOW)
    with monkeypatch.context() as patch:
        patch.setattr(Tracker, "_log", away)
        project.run("total", inputs={"x": 1}, adapters=["mlflow"])
    project.run("total", inputs={"x": 2}, adapters=["mlflow"])

    first, second = mlflow_runs()
    assert (first.info.status, first.data.params, first.data.metrics) == ("FINISHED", {"x": "1"}, {})
    assert (second.info.status, second.data.params, second.data.metrics) == ("FINISHED", {"x": "2"}, {"total": 4.5})
    assert caplog.text.count("left out") == 1


def test_an_mlflow_server_that_says_nothing_holds_no_run_up(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from flowerpower.pipelines.adapters import mlflow_runs

    monkeypatch.setattr(mlflow_runs, "_LIMITS", mlflow_runs._LIMITS | {"MLFLOW_HTTP_REQUEST_TIMEOUT": "1"})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mlflow.set_tracking_uri(f"http://127.0.0.1:{silent.getsockname()[1]}")
        result = project.module("flow", FLOW).run("total", inputs={"x": 1}, adapters=["mlflow"])

    assert result.values["total"] == 2.5
    assert "the adapter 'mlflow' cannot be made and is left out" in caplog.text
    assert not set(mlflow_runs._LIMITS) & set(os.environ)


def test_mlflow_ends_an_earlier_attempt_that_was_killed(project: Project, mlflow_runs: Callable[[], list[Any]]) -> None:
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("p")
    client.create_run(experiment, run_name="killed", tags={"flowerpower.run": "run-1"})
    client.create_run(experiment, run_name="another", tags={"flowerpower.run": "run-2"})

    project.module("flow", FLOW).run("total", inputs={"x": 1}, adapters=["mlflow"], attempt=2)

    assert {found.info.run_name: found.info.status for found in mlflow_runs()} == {
        "killed": "KILLED",
        "another": "RUNNING",
        "run-1": "FINISHED",
    }


def test_mlflow_is_told_of_a_run_whose_process_was_killed(
    mlflow_runs: Callable[[], list[Any]], caplog: pytest.LogCaptureFixture
) -> None:
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("p")
    for run, attempt in (("run-1", "1"), ("run-1", "2"), ("run-2", "1")):
        tags = {"flowerpower.run": run, "flowerpower.attempt": attempt}
        client.create_run(experiment, run_name=f"{run}, {attempt}", tags=tags)
    ended = client.create_run(experiment, run_name="ended", tags={"flowerpower.run": "run-1"})
    client.set_terminated(ended.info.run_id, "FAILED")

    tell_of_end("mlflow", Setting(RunContext(TICK, TICK, "run-1", "", "p"), Secrets(secrets)), Ending("killed", False))
    tell_of_end("mlflow", Setting(RunContext(TICK, TICK, "run-3", "", "q"), Secrets(secrets)), Ending("killed", False))

    assert {found.info.run_name: found.info.status for found in mlflow_runs()} == {
        "run-1, 1": "KILLED",
        "run-1, 2": "RUNNING",  # it was tried again before that was told
        "run-2, 1": "RUNNING",
        "ended": "FAILED",
    }
    assert "was not told" not in caplog.text


def test_mlflow_that_cannot_be_told_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from flowerpower.pipelines.adapters import mlflow_runs

    monkeypatch.setattr(mlflow_runs, "_LIMITS", mlflow_runs._LIMITS | {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"})
    mlflow.set_tracking_uri("http://127.0.0.1:1")

    tell_of_end("mlflow", Setting(RunContext(TICK, TICK, "run-1", "", "p"), Secrets(secrets)), Ending("killed", False))

    assert "the adapter 'mlflow' was not told that run-1 has ended: MlflowException" in caplog.text
