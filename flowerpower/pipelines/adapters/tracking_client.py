"""Tells the server of the Hamilton UI of one run, from a thread: the run never waits for it, but a moment at its end.

Hamilton's own client loses what a worker's process still holds when it ends, leaves two threads behind for each run,
and waits without end for a server that does not answer. This one is given to its tracker instead.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from flowerpower.pipelines.failures import is_time_limit

_CONNECT, _READ = 3.0, 10.0  # seconds that one request may take
_PATIENCE = 5.0  # seconds that the end of a run waits for the next answer, while there is still something to be told
_LONGEST_END = 30.0  # and for all of them
_GATHER = 0.3  # seconds in which news of nodes gather, to be told together
_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds until a server that is away is asked again
_MOST_WAITING, _MOST_TOGETHER = 10_000, 500
_LATEST = 200  # runs among which earlier attempts are looked for
_LARGEST = 100_000  # characters of one value that are sent
_AWAY = (502, 503, 504)

logger = logging.getLogger("flowerpower.run")


class UntoldError(Exception):
    """The server cannot be told: it does not answer, or it refuses."""


class _AwayError(UntoldError):
    """The server may answer later."""


@dataclass(slots=True)
class Number:
    """An id that the server gives; until it has, a 0."""

    value: int = 0


@dataclass(frozen=True, slots=True)
class _News:
    """What happened to nodes of a run."""

    run: Number
    attributes: Sequence[Any]
    updates: Sequence[Any]


_Step = Callable[[], None]


class Client:
    """What Hamilton's tracker calls: it is answered at once, and told in the order of the calls.

    *headers* say who asks; *plain* makes JSON of any value, without secrets. After an answer that was a refusal, each
    call raises UntoldError.
    """

    def __init__(
        self, address: str, headers: Mapping[str, str], plain: Callable[[Any], Any], patience: float = _PATIENCE
    ) -> None:
        self._address = address.rstrip("/")
        self._headers = {**headers, "Content-Type": "application/json"}
        self._plain = plain
        self._patience = patience
        self._waiting: queue.Queue[_Step | _News | None] = queue.Queue()
        self._closing = threading.Event()
        self._failure: UntoldError | None = None
        self._said = False
        self._begun = Number()
        self._status = ""
        self._answers = 0
        self._session = requests.Session()
        self._thread = threading.Thread(target=self._work, name="flowerpower-tracker", daemon=True)
        self._thread.start()

    def validate_auth(self) -> None:
        """Do nothing: the question for the project shows it."""

    def project_exists(self, project_id: int) -> bool:
        """Ask for the project; what the server says is known later."""

        def ask() -> None:
            self._ask("GET", f"/projects/{project_id}", missing=f"there is no project {project_id} for this user")

        self._later(ask)
        return True

    def end_attempts(self, project_id: int, **tags: str) -> None:
        """End what has these tags and the server takes to be running: it was killed."""

        def end() -> None:
            try:
                latest = self._ask("GET", "/dag_runs/latest/", {"project_id": project_id, "limit": _LATEST})
            except _AwayError:
                raise
            except UntoldError:  # the run itself is more important
                return
            for found in latest:
                if found["run_status"] == "RUNNING" and tags.items() <= (found["tags"] or {}).items():
                    self._end(found["id"], "FAILURE")

        self._later(end)

    def register_dag_template_if_not_exists(
        self, *, project_id: int, name: str, dag_hash: str, code_hash: str, describe: Callable[[], Mapping[str, Any]]
    ) -> Number:
        """Let the server know a graph; *describe* says all of it, and is only asked when the server knows nothing."""
        found = Number()
        hashes = {"dag_hash": dag_hash, "code_hash": code_hash}
        known = {"project_id": project_id, "dag_name": name, **hashes}

        def register() -> None:
            answer = self._ask("GET", "/dag_templates/exists/", known)
            try:
                answer = answer or self._ask(
                    "POST",
                    "/dag_templates",
                    {"project_id": project_id},
                    self._body({"name": name, "template_type": "HAMILTON", **hashes, **describe()}),
                )
            except UntoldError:  # another run may have been faster
                answer = self._ask("GET", "/dag_templates/exists/", known)
                if not answer:
                    raise
            found.value = answer["id"]

        self._later(register)
        return found

    def create_and_start_dag_run(
        self, *, dag_template_id: Number, tags: Mapping[str, str], inputs: Mapping[str, Any], outputs: Sequence[str]
    ) -> Number:
        """Begin a run."""
        begun = self._begun = Number()
        self._status = "RUNNING"
        body = self._body(
            {
                "run_start_time": datetime.now(UTC),
                "tags": tags,
                "inputs": {name: _small(self._plain(value)) for name, value in inputs.items()},
                "outputs": outputs,
                "run_status": "RUNNING",
            }
        )

        def begin() -> None:
            begun.value = self._ask("POST", "/dag_runs", {"dag_template_id": dag_template_id.value}, body)["id"]

        self._later(begin)
        return begun

    def update_tasks(
        self,
        dag_run_id: Number,
        attributes: Sequence[Any],
        task_updates: Sequence[Any],
        in_samples: Sequence[bool] | None = None,
    ) -> None:
        """Tell of nodes that began or ended."""
        attributes = [_bounded(self._plain(found)) for found in attributes if found is not None]
        self._later(_News(dag_run_id, attributes, [self._plain(found) for found in task_updates if found is not None]))

    def log_dag_run_end(self, *, dag_run_id: Number, status: str) -> None:
        """End a run."""
        self._status = status
        now = datetime.now(UTC)
        self._later(lambda: self._end(dag_run_id.value, status, now))

    def _end(self, run: int, status: str, moment: datetime | None = None) -> None:
        body = self._body({"run_status": status, "run_end_time": moment or datetime.now(UTC)})
        self._ask("PUT", f"/dag_runs/{run}/", None, body)

    def stop(self, *, failed: bool = False) -> int:
        """Wait until everything is told, but not long, and say so when it is not; return the id of the run, or 0.

        Of a run that *failed* while it was saved, or was interrupted, the server does not know it yet.
        """
        if failed and self._status in ("RUNNING", "SUCCESS") and self._failure is None:
            self.log_dag_run_end(dag_run_id=self._begun, status="FAILURE")
        self._closing.set()
        self._waiting.put(None)
        try:
            self._wait()
        except Exception as error:
            if not is_time_limit(error):
                raise
            # All work of the run is done, and it must not fail because somebody who looks on is slow.
        if self._failure is None and self._thread.is_alive():
            self._failure = UntoldError(f"{self.place} does not answer in time")
        if self._failure is not None and not self._said:
            self._said = True
            logger.warning("the adapter 'tracker' could not tell all of this run: %s", self._failure)
        return self._begun.value

    def _wait(self) -> None:
        """Wait for the thread, as long as it gets on."""
        until = time.monotonic() + _LONGEST_END
        while self._thread.is_alive() and time.monotonic() < until:
            before = self._answers
            self._thread.join(self._patience)
            if self._answers == before:
                return

    @property
    def place(self) -> str:
        """The address of the server, without a password."""
        parts = urlsplit(self._address)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def _later(self, step: _Step | _News) -> None:
        if self._failure is None and self._waiting.qsize() >= _MOST_WAITING:
            self._failure = UntoldError(f"{self.place} is too slow")
        if self._failure is not None:
            self._said = True
            raise self._failure
        self._waiting.put(step)

    def _work(self) -> None:
        try:
            with self._session:
                last = False
                while not last:
                    steps, last = self._next()
                    for step in _joined(steps):
                        self._persist(step if callable(step) else self._tell_news(step))
        except UntoldError as error:
            self._failure = self._failure or error
        except Exception as error:  # noqa: BLE001  what the server says may be of any shape
            self._failure = UntoldError(f"{type(error).__name__} while {self.place} was told")

    def _next(self) -> tuple[list[_Step | _News], bool]:
        """Return what is to be done next, and whether it is the last."""
        step = self._waiting.get()
        if isinstance(step, _News):
            self._closing.wait(_GATHER)
        found: list[_Step | _News] = []
        while step is not None:
            found.append(step)
            try:
                step = self._waiting.get_nowait()
            except queue.Empty:
                return found, False
        return found, True

    def _persist(self, step: _Step) -> None:
        """Do a step, again and again while the server is away and the run goes on."""
        pause = _PAUSE
        while True:
            last = self._closing.is_set()
            if self._failure is not None:
                raise self._failure
            try:
                return step()
            except _AwayError:
                if last:
                    raise
            self._closing.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _tell_news(self, news: _News) -> _Step:
        body = json.dumps({"attributes": news.attributes, "task_updates": news.updates}).encode()

        def tell() -> None:
            self._ask("PUT", "/dag_runs_bulk", {"dag_run_id": news.run.value}, body)

        return tell

    def _body(self, value: Any) -> bytes:
        return json.dumps(self._plain(value)).encode()

    def _ask(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: bytes = b"", missing: str = ""
    ) -> Any:
        """Return what the server answers; raises UntoldError when it does not or refuses."""
        url = f"{self._address}/api/v1{path}{'?' if query else ''}{urlencode(query or {})}"
        try:
            # The key must not follow to another server.
            answer = self._session.request(
                method, url, data=body, headers=self._headers, timeout=(_CONNECT, _READ), allow_redirects=False
            )
        except requests.ConnectionError:
            raise _AwayError(f"{self.place} cannot be reached") from None
        except requests.RequestException as error:
            raise UntoldError(f"{self.place} does not answer: {type(error).__name__}") from None
        self._answers += 1
        if answer.status_code < 300:
            return answer.json() if answer.content else None
        if answer.status_code == 404 and missing:
            raise UntoldError(f"{self.place}: {missing} (404)")
        raise (_AwayError if answer.status_code in _AWAY else UntoldError)(
            f"{self.place} answers {method} {path} with {answer.status_code} {answer.reason}"
        )


def _joined(steps: Iterable[_Step | _News]) -> Iterable[_Step | _News]:
    """Yield the steps, the news that follow one another as one; of a node the later is laid over the earlier."""
    gathered: list[_News] = []
    for step in steps:
        if gathered and (
            not isinstance(step, _News) or step.run is not gathered[0].run or len(gathered) >= _MOST_TOGETHER
        ):
            yield _merged(gathered)
            gathered = []
        if isinstance(step, _News):
            gathered.append(step)
        else:
            yield step
    if gathered:
        yield _merged(gathered)


def _merged(news: Sequence[_News]) -> _News:
    updates: dict[str, dict[str, Any]] = {}
    for update in (update for each in news for update in each.updates):
        updates[update["node_name"]] = updates.get(update["node_name"], {}) | update
    return _News(news[0].run, [found for each in news for found in each.attributes], list(updates.values()))


def _small(value: Any) -> Any:
    """Return the value, or when it is large, how large it is."""
    size = len(json.dumps(value))
    return value if size <= _LARGEST else f"(left out: {size:,} characters of JSON)"


def _bounded(attribute: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of a node, without a value that is large."""
    small = _small(attribute["value"])
    if small is attribute["value"]:
        return attribute
    return attribute | {"type": "primitive", "schema_version": 1, "value": {"type": "str", "value": small}}
