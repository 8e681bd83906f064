"""Lifecycle adapters by name. MLflow is large: `make heavy` installs it. The Hamilton tracker has tests of its own."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from flowerpower.errors import MissingExtraError, PipelineError
from flowerpower.pipelines.failures import UserCodeError

from .conftest import Project

FLOW = """
    def doubled(x: int) -> int:
        return x * 2

    def total(doubled: int, token: str = "") -> float:
        if doubled < 0:
            raise ValueError(f"not with {token}")
        return doubled + 0.5
"""
SECRETS = {"PW": "hunter2-hunter2"}


def secrets(name: str) -> str:
    return SECRETS[name]


@contextmanager
def receiver() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Yield the address of a web server, and what was posted to it."""
    posted: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *values: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", posted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_progress_is_logged_node_by_node(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "flowerpower.run")

    project.module("flow", FLOW).run("total", inputs={"x": 1}, adapters=["progress"])

    said = [record.message for record in caplog.records if record.name == "flowerpower.run"]
    assert [text.partition(" in ")[0] for text in said] == ["node doubled is done", "node total is done"]


@pytest.mark.parametrize("executor", ["local", "threads"])
def test_spans_of_nodes_lie_below_that_of_the_run(
    project: Project, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)

    project.module("flow", FLOW).run("total", inputs={"x": 1}, adapters=["opentelemetry"], executor={"type": executor})

    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert list(spans) == ["doubled", "total", "p"]
    assert spans["total"].parent.span_id == spans["p"].context.span_id
    assert spans["p"].attributes["flowerpower.run"] == "run-1"
    assert spans["p"].attributes["flowerpower.tick"] == "2026-11-22T02:00:00+00:00"


def test_a_failure_is_in_its_spans_without_secrets(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as (url, posted):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        with pytest.raises(UserCodeError):
            project.module("flow", FLOW).run(
                "total", inputs={"x": -1, "token": "${secret:PW}"}, adapters=["opentelemetry"], secrets=secrets
            )

    assert [path for path, _ in posted] == ["/v1/traces"]
    assert b"ValueError: not with ***" in posted[0][1]
    assert b"RuntimeError" not in posted[0][1]
    assert b"hunter2" not in posted[0][1]


def test_lineage_tells_of_the_run_and_its_files(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.module("flow", "def out(raw: dict) -> dict:\n    return raw\n")
    (project.root / "in.json").write_text('{"a": 1}')
    with receiver() as (url, posted):
        monkeypatch.setenv("OPENLINEAGE_URL", url)
        project.run(
            "out",
            load={"raw": {"format": "json", "path": "in.json"}},
            save=[{"outputs": ["out"], "format": "json", "path": "out.json"}],
            adapters=["openlineage"],
        )

    events = [json.loads(body) for _, body in posted]
    assert [event["eventType"] for event in events] == ["START", "COMPLETE", "COMPLETE"]
    assert len({event["run"]["runId"] for event in events}) == 1
    assert {event["job"]["name"] for event in events} == {"p"}
    assert [found["name"] for found in events[-1]["inputs"]] == ["in.json"]
    assert [found["name"] for found in events[-1]["outputs"]] == ["out.json"]


def test_a_failed_run_fails_its_lineage_without_secrets(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as (url, posted):
        monkeypatch.setenv("OPENLINEAGE_URL", url)
        with pytest.raises(UserCodeError):
            project.module("flow", FLOW).run(
                "total", inputs={"x": -1, "token": "${secret:PW}"}, adapters=["openlineage"], secrets=secrets
            )

    assert [json.loads(body)["eventType"] for _, body in posted] == ["START", "FAIL"]
    assert b"hunter2" not in b"".join(body for _, body in posted)


@pytest.mark.parametrize("name", ["openlineage", "opentelemetry"])
def test_a_server_that_is_away_fails_no_run(
    project: Project, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "file")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", "/nowhere/events")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")

    result = project.module("flow", FLOW).run("total", inputs={"x": 1}, adapters=[name])

    assert result.values["total"] == 2.5
    if name == "openlineage":
        assert "the adapter 'openlineage' failed in pre_graph_execute and is left out of this run" in caplog.text


def test_an_adapter_of_the_project_is_named_by_its_module(project: Project) -> None:
    project.module(
        "audit",
        """
        from hamilton.lifecycle import NodeExecutionHook

        SEEN = []

        class Audit(NodeExecutionHook):
            def run_before_node_execution(self, *, node_name, **_):
                SEEN.append(node_name)

            def run_after_node_execution(self, **_):
                pass
        """,
    )
    project.module(
        "flow",
        "import audit\n\ndef out() -> int:\n    return 1\n\ndef seen(out: int) -> list:\n    return list(audit.SEEN)\n",
    )

    assert project.run("seen", adapters=["audit:Audit"]).values["seen"] == ["out", "seen"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("progess", "there is no adapter 'progess' | did you mean 'progress'?"),
        ("nowhere:Audit", "the adapter 'nowhere:Audit' cannot be made: ModuleNotFoundError"),
    ],
)
def test_an_adapter_that_cannot_be_had_is_refused(project: Project, name: str, expected: str) -> None:
    with pytest.raises(PipelineError) as caught:
        project.module("flow", FLOW).run("total", inputs={"x": 1}, adapters=[name])

    assert expected in f"{caught.value} | {caught.value.hint}"


@pytest.mark.parametrize(("name", "library"), [("mlflow", "mlflow"), ("tracker", "hamilton_sdk")])
def test_a_missing_library_says_what_to_install(
    project: Project, name: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    for loaded in [
        loaded
        for loaded in sys.modules
        if loaded.startswith(
            ("hamilton_sdk.", "flowerpower.pipelines.adapters.mlflow", "flowerpower.pipelines.adapters.tracking")
        )
    ]:
        monkeypatch.delitem(sys.modules, loaded)

    with pytest.raises(MissingExtraError) as caught:
        project.module("flow", FLOW).run("total", inputs={"x": 1}, adapters=[name])

    assert caught.value.hint == f"pip install 'flowerpower-gitops[{name}]'"


def test_mlflow_calls_no_server_of_its_makers(project: Project, tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="mlflow is not installed: make heavy")
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
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed: make heavy")

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
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed: make heavy")
    from flowerpower.pipelines.adapters import mlflow_runs

    monkeypatch.setattr(mlflow_runs, "_LIMITS", mlflow_runs._LIMITS | {"MLFLOW_HTTP_REQUEST_TIMEOUT": "1"})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mlflow.set_tracking_uri(f"http://127.0.0.1:{silent.getsockname()[1]}")
        result = project.module("flow", FLOW).run("total", inputs={"x": 1}, adapters=["mlflow"])

    assert result.values["total"] == 2.5
    assert "the adapter 'mlflow' cannot be made and is left out" in caplog.text
    assert not set(mlflow_runs._LIMITS) & set(os.environ)
