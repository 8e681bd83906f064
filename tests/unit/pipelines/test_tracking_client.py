"""What tells the server of the Hamilton UI: it loses nothing, shows no secret, and never holds up a run for long."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from rq.timeouts import JobTimeoutException
from support.serving import serving

from flowerpower.pipelines.adapters import tracking_client
from flowerpower.pipelines.adapters.tracking_client import Client, UntoldError

Request = tuple[str, str, Any]


@dataclass
class Server:
    """What the server of the Hamilton UI was asked; `refuse` says with which status it answers instead, or 0."""

    port: int = 0
    asked: list[Request] = field(default_factory=list)
    graphs: list[Any] = field(default_factory=list)
    latest: list[Any] = field(default_factory=list)
    refuse: Callable[[str, str], int] = lambda method, path: 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def told(self, method: str, path: str) -> list[Any]:
        return [body for asked, where, body in self.asked if asked == method and where.startswith(f"/api/v1{path}")]


class _Handler(BaseHTTPRequestHandler):
    found: Server

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.found.asked.append((self.command, self.path, json.loads(body) if body else None))
        status = self.found.refuse(self.command, self.path) or 200
        answer: Any = {"id": 7}
        if "/latest/" in self.path:
            answer = self.found.latest
        if "/exists/" in self.path:
            answer = self.found.graphs[0] if self.found.graphs else None
        content = json.dumps(answer).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    with serving(type("Handler", (_Handler,), {"found": server})) as server.port:
        yield server


@contextmanager
def silent() -> Iterator[str]:
    """Yield the address of a server that takes every call and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield f"http://127.0.0.1:{found.getsockname()[1]}"


def unchanged(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


def client(address: str, plain: Callable[[Any], Any] = unchanged, patience: float = 60.0) -> Client:
    return Client(address, {"x-api-user": "eve"}, plain, patience)


def begin(client: Client) -> Any:
    client.project_exists(1)
    graph = client.register_dag_template_if_not_exists(
        project_id=1, name="p", dag_hash="d", code_hash="c", describe=lambda: {"nodes": []}
    )
    return client.create_and_start_dag_run(dag_template_id=graph, tags={}, inputs={"x": 1}, outputs=["a"])


def tell(client: Client, run: Any, node: str, status: str = "SUCCESS", value: Any = 1) -> None:
    attribute = {"node_name": node, "type": "primitive", "value": {"value": value}}
    client.update_tasks(run, [attribute], [{"node_name": node, "status": status}], [True])


def watched(client: Client, nodes: int = 3) -> int:
    run = begin(client)
    for node in range(nodes):
        client.update_tasks(run, [None], [{"node_name": str(node), "status": "RUNNING"}])
        tell(client, run, str(node))
    client.log_dag_run_end(dag_run_id=run, status="SUCCESS")
    return client.stop()


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "flowerpower-tracker"]


def test_all_is_told_in_order_by_the_end_of_the_run(server: Server) -> None:
    assert watched(client(server.url), nodes=250) == 7

    assert [f"{method} {path}" for method, path, _ in server.asked if "bulk" not in path] == [
        "GET /api/v1/projects/1",
        "GET /api/v1/dag_templates/exists/?project_id=1&dag_name=p&dag_hash=d&code_hash=c",
        "POST /api/v1/dag_templates?project_id=1",
        "POST /api/v1/dag_runs?dag_template_id=7",
        "PUT /api/v1/dag_runs/7/",
    ]
    assert server.asked[-1][1] == "/api/v1/dag_runs/7/"
    told: dict[str, str] = {}
    together = server.told("PUT", "/dag_runs_bulk?dag_run_id=7")
    assert len(together) < 100
    for news in together:
        told |= {update["node_name"]: update["status"] for update in news["task_updates"]}
    assert told == {str(node): "SUCCESS" for node in range(250)}
    assert threads() == []


@pytest.mark.parametrize("ended", [[], ["SUCCESS"], ["FAILURE"]])
def test_a_run_that_failed_is_told_to_have_failed_once(server: Server, ended: list[str]) -> None:
    telling = client(server.url)
    run = begin(telling)
    for status in ended:
        telling.log_dag_run_end(dag_run_id=run, status=status)

    telling.stop(failed=True)

    told = [body["run_status"] for body in server.told("PUT", "/dag_runs/7/")]
    assert told == [*(status for status in ended if status != "FAILURE"), "FAILURE"]


def test_an_earlier_attempt_that_was_killed_is_ended(server: Server) -> None:
    server.latest = [
        {"id": 1, "run_status": "RUNNING", "tags": {"run": "r"}},
        {"id": 2, "run_status": "FAILURE", "tags": {"run": "r"}},
        {"id": 3, "run_status": "RUNNING", "tags": {"run": "another"}},
        {"id": 4, "run_status": "RUNNING", "tags": None},
    ]
    telling = client(server.url)

    telling.end_attempts(1, run="r")
    telling.stop()

    ended = [(path, body["run_status"]) for method, path, body in server.asked if method == "PUT"]
    assert ended == [("/api/v1/dag_runs/1/", "FAILURE")]


def test_the_end_of_one_attempt_leaves_the_next_alone(server: Server) -> None:
    server.latest = [
        {"id": number, "run_status": "RUNNING", "tags": {"run": "r", "attempt": str(number)}} for number in (1, 2)
    ]
    telling = client(server.url)

    telling.end_attempts(1, run="r", attempt="1")
    telling.stop()

    ended = [path for method, path, _ in server.asked if method == "PUT"]
    assert ended == ["/api/v1/dag_runs/1/"]


def test_a_run_is_told_where_earlier_attempts_cannot_be_asked_for(server: Server) -> None:
    server.refuse = lambda method, path: 403 if "/latest/" in path else 0
    telling = client(server.url)

    telling.end_attempts(1, run="r")
    begin(telling)

    assert telling.stop() == 7


def test_a_run_that_failed_before_it_began_is_not_told(server: Server) -> None:
    telling = client(server.url)

    assert telling.stop(failed=True) == 0
    assert server.asked == []


def test_a_long_node_is_shown_while_it_runs(server: Server) -> None:
    begun, seen = threading.Event(), threading.Event()

    def refuse(method: str, path: str) -> int:
        (seen if "bulk" in path else begun).set()
        return 0

    telling = client(server.url)
    run = begin(telling)
    server.refuse = refuse
    telling.log_dag_run_end(dag_run_id=run, status="RUNNING")
    assert begun.wait(60)

    telling.update_tasks(run, [None], [{"node_name": "slow", "status": "RUNNING"}])

    assert seen.wait(60)
    telling.stop()


def test_a_graph_that_is_known_is_not_registered_again(server: Server) -> None:
    server.graphs = [{"id": 5}]

    watched(client(server.url))

    assert server.told("POST", "/dag_templates") == []
    assert server.told("POST", "/dag_runs?dag_template_id=5")


def test_a_graph_that_another_run_registers_at_the_same_time_is_used(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(method: str, path: str) -> int:
        if method == "POST" and "/dag_templates" in path:
            server.graphs = [{"id": 6}]
            return 500
        return 0

    server.refuse = refuse

    watched(client(server.url))

    assert server.told("POST", "/dag_runs?dag_template_id=6")
    assert caplog.text == ""


def test_values_are_made_plain_before_the_run_can_change_them(server: Server) -> None:
    def masked(value: Any) -> Any:
        return json.loads(json.dumps(value, default=str).replace("hunter2", "***"))

    telling = client(server.url, masked)
    run = begin(telling)
    value = ["hunter2"]
    tell(telling, run, "a", value=value)
    value[0] = "later"
    telling.stop()

    [news] = server.told("PUT", "/dag_runs_bulk")
    assert news["attributes"][0]["value"] == {"value": ["***"]}


def test_a_large_value_is_left_out(server: Server) -> None:
    telling = client(server.url)
    run = begin(telling)
    tell(telling, run, "a", value="x" * 200_000)
    telling.stop()

    [news] = server.told("PUT", "/dag_runs_bulk")
    assert news["attributes"][0]["value"] == {"type": "str", "value": "(left out: 200,013 characters of JSON)"}


def test_a_server_that_is_away_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    assert watched(client("http://eve:hunter2@127.0.0.1:1")) == 0

    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message == (
        "the adapter 'tracker' could not tell all of this run: http://127.0.0.1:1 cannot be reached"
    )
    assert threads() == []


def test_a_server_that_comes_back_misses_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tracking_client, "_PAUSE", 0.01)
    away, back = iter([503] * 3), threading.Event()

    def refuse(method: str, path: str) -> int:
        status = next(away, 0)
        if not status:
            back.set()
        return status

    server.refuse = refuse
    telling = client(server.url)
    run = begin(telling)
    tell(telling, run, "a")
    assert back.wait(60)
    telling.log_dag_run_end(dag_run_id=run, status="SUCCESS")

    assert telling.stop() == 7
    assert server.told("PUT", "/dag_runs_bulk")
    assert server.told("PUT", "/dag_runs/7/")
    assert caplog.text == ""


def test_a_server_that_says_nothing_does_not_hold_up_the_end(caplog: pytest.LogCaptureFixture) -> None:
    with silent() as address:
        watched(client(address, patience=0.05))

    assert f"could not tell all of this run: {address} does not answer in time" in caplog.text


def test_a_slow_server_is_waited_for_as_long_as_it_answers(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    join, waits = threading.Thread.join, 0
    telling = client(server.url)

    def join_slowly(self: threading.Thread, timeout: float | None = None) -> None:
        nonlocal waits
        waits += 1
        if waits < 3:
            telling._answers += 1
        else:
            join(self, timeout)

    begin(telling)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "join", join_slowly)
        assert telling.stop() == 7

    assert waits == 3
    assert caplog.text == ""


def test_a_run_does_not_fail_when_its_time_is_over_while_it_waits_for_the_server(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(self: threading.Thread, timeout: float | None = None) -> None:
        raise JobTimeoutException("the time is over")

    with silent() as address:
        telling = client(address)
        begin(telling)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "join", run_out)
            telling.stop()

    assert "could not tell all of this run" in caplog.text


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, "there is no project 1 for this user (404)"),
        (401, "answers GET /projects/1 with 401 Unauthorized"),
        (302, "answers GET /projects/1 with 302 Found"),
    ],
)
def test_a_refusal_ends_it_and_is_said_once(
    server: Server, status: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.refuse = lambda method, path: status
    telling = client(server.url)
    run = begin(telling)
    telling._thread.join()

    with pytest.raises(UntoldError) as caught:
        tell(telling, run, "a")

    telling.stop()
    assert str(caught.value).endswith(said)
    assert len(server.asked) == 1
    assert caplog.text == ""


def test_a_server_that_is_too_slow_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking_client, "_MOST_WAITING", 10)
    with silent() as address:
        telling = client(address, patience=0.01)
        run = begin(telling)
        attribute = {"node_name": "a", "value": 1}
        with pytest.raises(UntoldError, match="is too slow"):
            all(telling.update_tasks(run, [attribute], []) is None for _ in range(20))
        telling.stop()
