"""What Prometheus is told, read by its own parser: of a fleet in Redis, and by real workers."""

from __future__ import annotations

import gzip
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis
from support.command_line import command_line
from support.mortal_server import mortal_server
from support.players import Player
from support.redis_state import shift_clock
from support.states import KEYS, SOURCE, desired, schedule
from support.statuses import PLAIN, STATUS
from yaml import safe_load

from flowerpower.apply import apply_plan
from flowerpower.errors import MissingExtraError, UsageError
from flowerpower.jobs.by_hand.holds import pause_schedules
from flowerpower.jobs.monitoring.metrics import BOUNDS, Exposition
from flowerpower.jobs.monitoring.metrics_server import metrics_beside, parse_address
from flowerpower.jobs.monitoring.status import Status
from flowerpower.jobs.monitoring.status_reader import StatusReader
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.render.metrics import SCHEDULE_GAUGES, schedule_metrics
from flowerpower.state.connection import connect
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

ROOT = Path(__file__).resolve().parents[2]
HOUR = 3600


def values(text: str) -> dict[str, float]:
    """Return each sample by its name and labels, as they are written."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            key = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert key not in found, f"{key} twice"
            found[key] = sample.value
    return found


class Looking:
    """An exposition whose looks are never fresh."""

    def __init__(self, store: Store) -> None:
        self._now = 0.0
        self._exposition = Exposition(StatusReader(store), role="test", pid=1, clock=lambda: self._now)

    def text(self) -> str:
        self._now += 10.0
        return self._exposition.text().decode()


@pytest.mark.parametrize("key", [KEYS.schedules, KEYS.cursors, KEYS.runs])
def test_a_whole_key_that_is_damaged_is_counted_and_nothing_is_told_that_is_not_known(store: Store, key: str) -> None:
    apply_plan(make_plan(KEYS, desired([schedule("hourly", every=HOUR)]), store.read(), SOURCE), store, "apply")
    looking = Looking(store)
    looking.text()
    store.connection.delete(key)
    store.connection.set(key, "?")

    told = values(looking.text())

    matters = key != KEYS.runs  # of which the look at schedules knows nothing
    assert told["flowerpower_up"] == float(not matters)
    assert told["flowerpower_damaged_records"] == 1
    assert any(name.startswith("flowerpower_schedules{") for name in told) is not matters
    assert any("hourly" in name for name in told) is not matters
    store.connection.delete(key)
    assert values(looking.text())["flowerpower_up"] == 1


def run_to(status: str, store: Store, player: Player) -> None:
    shift_clock(store.connection, HOUR)
    Scheduler(store, "one").step()
    while player.take():
        player.end(status)


def test_counters_come_from_redis_and_never_fall(store: Store, player: Player) -> None:
    wanted = desired([schedule("a", every=HOUR, owner="ana"), schedule("b", every=HOUR), schedule("c", every=HOUR)])
    apply_plan(make_plan(KEYS, wanted, store.read(), SOURCE), store, "apply")
    pause_schedules(store, ["c"], who="ana", why="vendor", until=None, replace=False)
    looking = Looking(store)
    before = values(looking.text())
    run_to("succeeded", store, player)
    run_to("failed", store, player)
    after = values(looking.text())
    store.connection.delete(KEYS.outcomes("a"), KEYS.runs)

    assert before["flowerpower_runs_total{status=succeeded}"] == before["flowerpower_run_duration_seconds_count"] == 0
    assert [after[f"flowerpower_runs_total{{status={end}}}"] for end in ("succeeded", "failed")] == [2, 2]
    assert values(looking.text())["flowerpower_runs_total{status=succeeded}"] == 2
    assert after["flowerpower_run_duration_seconds_count"] == 4
    assert after["flowerpower_run_duration_seconds_sum"] == 4.0
    assert after["flowerpower_run_duration_seconds_bucket{le=0.5}"] == 0
    assert after["flowerpower_run_duration_seconds_bucket{le=1.0}"] == 4
    assert [after[f"flowerpower_schedule_failing{{schedule={name}}}"] for name in "abc"] == [1, 1, 0]
    assert [after[f"flowerpower_schedule_suspended{{schedule={name}}}"] for name in "abc"] == [0, 0, 1]
    assert "flowerpower_schedule_next_run_timestamp_seconds{schedule=c}" not in after
    assert after["flowerpower_schedule_info{owner=ana,pipeline=report,queue=default,schedule=a}"] == 1
    failed = after["flowerpower_schedule_last_success_timestamp_seconds{schedule=a}"]
    assert failed == before.get("flowerpower_schedule_last_success_timestamp_seconds{schedule=a}", failed)
    assert after["flowerpower_scheduler_up"] == 1
    assert after["flowerpower_queue_unattended{queue=default}"] == 1
    assert after[f"rq_jobs{{queue={KEYS.queue('default')},status=scheduled}}"] == 2


def test_the_last_success_is_found_by_whoever_looks_for_the_first_time(store: Store, player: Player) -> None:
    apply_plan(make_plan(KEYS, desired([schedule("a", every=HOUR)]), store.read(), SOURCE), store, "apply")
    run_to("succeeded", store, player)
    looking = Looking(store)
    name = "flowerpower_schedule_last_success_timestamp_seconds{schedule=a}"
    at = values(looking.text())[name]
    run_to("failed", store, player)
    run_to("failed", store, player)

    assert values(looking.text())[name] == values(Looking(store).text())[name] == at


def test_what_was_altered_in_redis_is_no_longer_in_sync(store: Store) -> None:
    wanted = desired([schedule("a", every=HOUR), schedule("b", every=HOUR), schedule("c", every=HOUR)])
    apply_plan(make_plan(KEYS, wanted, store.read(), SOURCE), store, "apply")
    looking = Looking(store)
    assert [values(looking.text())[f"flowerpower_schedule_in_sync{{schedule={name}}}"] for name in "abc"] == [1, 1, 1]
    pending = store.read().cursors["a"].pending
    store.connection.hset(KEYS.job(str(pending)), "timeout", "5")
    raw = store.connection.hget(KEYS.schedules, "b")
    store.connection.hset(KEYS.schedules, "b", raw.replace(b'"default"', b'"heavy"'))

    found = values(looking.text())

    assert [found[f"flowerpower_schedule_in_sync{{schedule={name}}}"] for name in "abc"] == [0, 0, 1]


def test_the_buckets_are_those_that_the_scripts_count() -> None:
    script = (ROOT / "flowerpower/state/shared.lua").read_text(encoding="utf-8")
    [bounds] = re.findall(r"local TOOK = \{(.*?)\}", script)

    assert tuple(map(float, re.findall(r"[\d.]+", bounds))) == BOUNDS


def test_a_key_of_another_type_stops_no_run_and_no_scrape(store: Store, player: Player) -> None:
    apply_plan(make_plan(KEYS, desired([schedule("a", every=HOUR)]), store.read(), SOURCE), store, "apply")
    store.connection.set(KEYS.totals, "x")
    run_to("succeeded", store, player)

    found = values(Looking(store).text())

    assert found["flowerpower_runs_total{status=succeeded}"] == 0
    assert found["flowerpower_schedules{state=ok}"] == 1


def test_a_redis_that_is_away_is_told_and_is_no_error(tmp_path: Path) -> None:
    with mortal_server(tmp_path / "r") as url:
        looking = Looking(Store(connect(url, timeout=2), Keys("acme", "test")))
        assert values(looking.text())["flowerpower_up"] == 1
    away = values(looking.text())
    with mortal_server(tmp_path / "r"):
        back = values(looking.text())

    assert away["flowerpower_up"] == 0
    assert not [name for name in away if name.startswith(("flowerpower_schedule", "rq_"))]
    assert back["flowerpower_up"] == 1


class Sample:
    """A reader that has read this."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self.looks = 0

    def read(self, **how: Any) -> Status:
        self.looks += 1
        return self._status


def sample_text() -> str:
    return Exposition(Sample(STATUS), role="test", pid=1).text().decode()  # type: ignore[arg-type]


def test_names_are_as_prometheus_wants_them() -> None:
    families = list(text_string_to_metric_families(sample_text()))
    names = [family.name for family in families]

    assert len(names) == len(set(names))
    for family in families:
        assert family.documentation
        assert re.fullmatch(r"(flowerpower|rq|process)_[a-z_]+", family.name)
        assert not re.search(r"(milli|micro|minutes|hours|days|_ms)\b", family.name)
        if family.type == "counter":
            assert all(sample.name.endswith("_total") for sample in family.samples)
        elif family.type == "gauge":
            assert not family.name.endswith(("_total", "_count", "_sum", "_bucket"))
    expected = {"rq_jobs", "rq_workers", "rq_workers_success", "rq_workers_failed", "rq_workers_working_time"}
    assert expected <= set(names)
    assert set(SCHEDULE_GAUGES) <= set(names)
    labels = {family.name: set(family.samples[0].labels) for family in families if family.name in expected}
    assert labels["rq_jobs"] == {"queue", "status"}
    assert labels["rq_workers"] == {"name", "state", "queues"}


@given(odd=st.text())
@example(odd='a"b\\c\nd{e},é\r\x85\u2028#')
def test_a_name_with_anything_in_it_is_read_back_as_it_is(odd: str) -> None:
    status = replace(STATUS, schedules=(replace(PLAIN, name=odd, owner=odd),))
    families = {family.name: family for family in text_string_to_metric_families(schedule_metrics(status))}

    assert families["flowerpower_schedule_late"].samples[0].labels == {"schedule": odd}
    assert families["flowerpower_schedule_info"].samples[0].labels["owner"] == odd


def test_scrapes_of_a_second_share_one_look() -> None:
    reader = Sample(STATUS)
    now = [0.0]
    exposition = Exposition(reader, role="test", pid=1, clock=lambda: now[0])  # type: ignore[arg-type]
    first = exposition.text()
    now[0] = 0.9

    assert exposition.text() == first
    assert reader.looks == 1
    now[0] = 1.1
    exposition.text()
    assert reader.looks == 2


def test_the_alerts_name_metrics_that_exist() -> None:
    rules = safe_load((ROOT / "docs/monitoring/alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    samples = {sample.name for family in text_string_to_metric_families(sample_text()) for sample in family.samples}
    named = {name for rule in rules for name in re.findall(r"\b(?:flowerpower|rq)_[a-z_]+", rule["expr"])}

    assert named - samples == set()
    assert {"flowerpower_schedule_late", "flowerpower_schedule_failing", "flowerpower_scheduler_up"} <= named
    for rule in rules:
        assert rule.keys() - {"for", "labels"} == {"alert", "expr", "annotations"}
        assert rule["labels"]["severity"] in {"critical", "warning"}


def test_the_page_names_every_metric() -> None:
    page = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
    families = {family.name for family in text_string_to_metric_families(sample_text())}

    assert {name for name in families if name.startswith("flowerpower") and name not in page} == set()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9726", ("127.0.0.1", 9726)),
        ("0.0.0.0:9726", ("0.0.0.0", 9726)),
        ("[::1]:80", ("::1", 80)),
        ("host:0", ("host", 0)),
    ],
)
def test_an_address_is_a_port_with_or_without_a_host(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", ":9726", "host", "host:", "1:70000", "9726/metrics", "-1", "²"])
def test_another_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="wants"):
        parse_address(text)


def scrape(port: int, path: str = "/metrics", **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        body = answer.read()
        return answer.status, gzip.decompress(body) if answer.headers["Content-Encoding"] == "gzip" else body


def ask_for_head(port: int, path: str) -> tuple[bytes, bytes]:
    """Return what the endpoint answers to a request for the head alone: the first line, and what follows the head."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as asking:
        asking.sendall(f"HEAD {path} HTTP/1.0\r\n\r\n".encode())
        head, _, body = b"".join(iter(lambda: asking.recv(65_536), b"")).partition(b"\r\n\r\n")
    return head.partition(b"\r\n")[0], body


def test_a_worker_tells_while_it_runs_and_drains_as_ever(
    tmp_path: Path, redis_url: str, redis_connection: Redis
) -> None:
    line = command_line(tmp_path, redis_url)
    slow = "import time\n\n\ndef doubled(number: int) -> int:\n    time.sleep(1)\n    return number * 2\n"
    line.write("flows/flow.py", slow)
    line.commit()
    assert line("apply", "--auto-approve").code == 0
    assert line("trigger", "report").code == 0
    with (tmp_path / "log").open("w+", encoding="utf-8") as log:
        command = [sys.executable, "-m", "flowerpower", "worker", "--no-scheduler", "--metrics", "0"]
        worker = subprocess.Popen(command, cwd=tmp_path, env=_environment(line.environment), stderr=log, stdout=log)
        try:
            port = _port(tmp_path / "log", worker)
            found: dict[str, float] = {}
            while not any(name.startswith("rq_workers{") and "busy" in name for name in found):
                found = values(scrape(port, **{"Accept-Encoding": "gzip"})[1].decode())
                assert worker.poll() is None
                time.sleep(0.1)
            assert found["flowerpower_up"] == 1
            assert found["process_resident_memory_bytes"] > 1e6
            with pytest.raises(urllib.error.HTTPError, match="404") as missing:
                scrape(port, "/secret")
            missing.value.close()
            assert ask_for_head(port, "/metrics") == (b"HTTP/1.0 200 OK", b"")
            assert ask_for_head(port, "/secret") == (b"HTTP/1.0 404 the metrics are at /metrics", b"")
            taken = line("scheduler", "--metrics", str(port))
            assert (taken.code, "Address already in use" in taken.err) == (1, True)
            worker.terminate()
            assert scrape(port)[0] == 200  # it drains, and can be asked meanwhile
            assert worker.wait(timeout=30) == 0
            with socket.socket() as again:
                assert again.connect_ex(("127.0.0.1", port)) != 0
        finally:
            worker.kill()
            worker.wait()
    assert redis_connection.hget(Keys("acme", "default").totals, "succeeded") == b"1"


def _environment(more: Any) -> dict[str, str]:
    import os

    return {**os.environ, **more}


def _port(log: Path, worker: subprocess.Popen[bytes]) -> int:
    end = time.monotonic() + 30
    while not (found := re.search(r"metrics at http://127.0.0.1:(\d+)/metrics", log.read_text(encoding="utf-8"))):
        assert worker.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < end
        time.sleep(0.05)
    return int(found[1])


def test_without_the_client_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    with pytest.raises(MissingExtraError) as caught, metrics_beside("redis://x", KEYS, "0", "worker"):
        pass

    assert caught.value.hint == "pip install 'flowerpower-gitops[metrics]'"
