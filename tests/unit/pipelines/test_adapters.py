"""Lifecycle adapters by name. MLflow and the Hamilton tracker have tests of their own."""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from rq.timeouts import JobTimeoutException

from flowerpower.errors import MissingExtraError, PipelineError
from flowerpower.pipelines.adapters.named import import_adapters
from flowerpower.pipelines.adapters.setting import Setting
from flowerpower.pipelines.context import RunContext, Secrets
from flowerpower.pipelines.failures import UserCodeError
from flowerpower.pipelines.run import Access

from .conftest import FLOW, TICK, Project, secrets


@contextmanager
def receiver(*answers: int) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Yield the address of a web server, and what was posted to it; *answers* are its first ones, 200 takes a post."""
    statuses = [*answers]
    posted: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = statuses.pop(0) if statuses else 200
            if status == 200:
                posted.append((self.path, body))
            self.send_response(status)
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
    assert [event["eventType"] for event in events] == ["START", "COMPLETE"]
    assert len({event["run"]["runId"] for event in events}) == 1
    assert {event["job"]["name"] for event in events} == {"p"}
    assert [found["name"] for found in events[-1]["inputs"]] == ["in.json"]
    assert [found["name"] for found in events[-1]["outputs"]] == ["out.json"]


def test_lineage_names_no_secret_of_a_path(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.module("flow", "def out(raw: dict) -> dict:\n    return raw\n")
    (project.root / "in-hunter2-hunter2.json").write_text('{"a": 1}')
    with receiver() as (url, posted):
        monkeypatch.setenv("OPENLINEAGE_URL", url)
        project.run(
            "out",
            load={"raw": {"format": "json", "path": "in-${secret:PW}.json"}},
            save=[{"outputs": ["out"], "format": "json", "path": "memory://eve:pass@files/out.json"}],
            access=Access(paths=("memory://eve:pass@files/",)),
            adapters=["openlineage"],
            secrets=secrets,
        )

    event = json.loads(posted[-1][1])
    assert [found["name"] for found in event["inputs"]] == ["in-***.json"]
    assert [(found["namespace"], found["name"]) for found in event["outputs"]] == [("memory://files", "out.json")]
    assert b"hunter2" not in b"".join(body for _, body in posted)


def test_a_run_whose_result_cannot_be_saved_fails_its_lineage(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.module("flow", "def out(token: str) -> object:\n    return len(token)\n")
    with receiver() as (url, posted):
        monkeypatch.setenv("OPENLINEAGE_URL", url)
        with pytest.raises(PipelineError, match="a int cannot be written as text"):
            project.run(
                "out",
                inputs={"token": "${secret:PW}"},
                save=[{"outputs": ["out"], "format": "text", "path": "out/${secret:PW}.txt"}],
                adapters=["openlineage"],
                secrets=secrets,
            )

    assert [json.loads(body)["eventType"] for _, body in posted] == ["START", "FAIL"]
    assert b"errorMessage" in posted[-1][1]
    assert b"hunter2" not in b"".join(body for _, body in posted)


def test_a_lineage_server_that_says_nothing_is_asked_twice(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
        monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TIMEOUT", "0.1")
        result = project.module("flow", FLOW).run("total", inputs={"x": 1}, adapters=["openlineage"])
        silent.settimeout(0)
        calls = 0
        with suppress(BlockingIOError):
            while True:
                silent.accept()[0].close()
                calls += 1

    assert result.values["total"] == 2.5
    assert calls == 2 * 2  # at the beginning and at the end
    assert caplog.text.count("the adapter 'openlineage' sends what it tells again when the run ends") == 1
    assert caplog.text.count("an adapter was not told how the run ended: ") == 1


@pytest.mark.parametrize(("x", "end"), [(1, "COMPLETE"), (-1, "FAIL")])
def test_what_a_lineage_server_misses_at_the_beginning_of_a_run_it_hears_at_the_end(
    project: Project, x: int, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver(400) as (url, posted):  # which no client asks a second time
        monkeypatch.setenv("OPENLINEAGE_URL", url)
        with suppress(UserCodeError):
            project.module("flow", FLOW).run("total", inputs={"x": x}, adapters=["openlineage"])

    events = [json.loads(body) for _, body in posted]
    assert [event["eventType"] for event in events] == ["START", end]
    assert events[0]["eventTime"] < events[1]["eventTime"]
    assert len({event["run"]["runId"] for event in events}) == 1


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
        assert "the adapter 'openlineage' sends what it tells again when the run ends: " in caplog.text


@pytest.mark.parametrize("error", [OSError("hunter2-hunter2 is away"), JobTimeoutException("its time is over")])
def test_nothing_that_an_adapter_meets_at_the_end_fails_a_run(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def tell(failure: BaseException | None) -> None:
        told.append(failure)
        raise error

    told: list[BaseException | None] = []
    given = Secrets(secrets)
    given("PW")
    setting = Setting(RunContext(TICK, TICK, "r", "s", "p"), given)
    setting.at_end(tell)

    with setting.closing:
        pass

    assert told == [None]
    assert "an adapter was not told how the run ended: " in caplog.text
    assert "hunter2" not in caplog.text


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


def test_libraries_of_adapters_are_imported_before_runs_and_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "flowerpower.pipelines.adapters.lineage"
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "hamilton_sdk", None)
    monkeypatch.delitem(sys.modules, "flowerpower.pipelines.adapters.tracking", raising=False)

    import_adapters(["tracker", "openlineage", "audit:Audit", "progess"])

    assert name in sys.modules


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
