"""Messages with a real Redis and real receivers: told once, sent at least once, and no secret anywhere."""

from __future__ import annotations

import email
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from email.message import Message as Mail
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from redis import Redis
from standardwebhooks import Webhook
from support.projects import running_worker, wanted, write_project
from support.receivers import Hook, web_hook
from support.redis_state import dump_keys

from flowerpower.jobs.messages.messenger import Messenger
from flowerpower.jobs.messages.outbox import MOST
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of libraries that Apprise uses
KEYS = Keys("acme", "default")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TELL = "every: 1h\nowner: team-sales\non_failure: ['${secret:HOOK}']\n"


@pytest.fixture
def hook() -> Iterator[Hook]:
    with web_hook() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_project(tmp_path / "acme", schedule=TELL)


def apply(folder: Path, redis_url: str) -> None:
    from flowerpower.project import FlowerPowerProject
    from flowerpower.settings import read_settings

    with FlowerPowerProject.find(read_settings(project=folder, redis=redis_url)) as project:
        project.apply(project.plan())


def messenger(connection: Redis, name: str = "one", **secrets: str) -> Messenger:
    return Messenger(Store(connection, KEYS), name, lambda secret: secrets[secret], SECRET)


def tell(connection: Redis, status: str, second: int = 0, **more: Any) -> None:
    """Record an event of a run as the scripts do."""
    tick = 1_800_000_000 + second
    job = KEYS.run_id("often", tick)
    event = {"event": status, "schedule": "often", "tick": tick, "job": job, "attempt": 2, "reason": "", **more}
    connection.xadd(KEYS.runs, event, id=f"{tick}000-{connection.xlen(KEYS.runs)}")


def told(connection: Redis) -> list[tuple[str, str]]:
    """Return what was recorded about messages."""
    events: Any = connection.xrange(KEYS.runs)
    rows = [(fields[b"event"].decode(), fields[b"reason"].decode()) for _, fields in events]
    return [row for row in rows if row[0].endswith("notified")]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_failure_is_told_once_and_its_end_too_signed_and_without_the_secret_in_redis(
    folder: Path, redis_url: str, redis_connection: Redis, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    apply(folder, redis_url)
    one = messenger(redis_connection, HOOK=hook.url)
    tell(redis_connection, "failed", -10)
    assert one.step() == 0, "what failed before is not told"

    for second, status in enumerate(
        ["attempt_failed", "failed", "failed", "skipped", "failed", "succeeded", "succeeded"]
    ):
        tell(redis_connection, status, second, reason="ValueError: no rows\nforged: line")
        one.step()

    assert hook.kinds == ["failed", "recovered"]
    for headers, body in hook.got:
        Webhook(SECRET).verify(body, headers)
        assert headers["content-type"].startswith("application/cloudevents+json")
    failed, recovered = hook.events
    assert failed["type"] == "flowerpower.schedule.failed"
    assert failed["data"]["text"].splitlines() == [
        "2027-01-15 08:00:01 UTC: failed in attempt 2: ValueError: no rows\N{REPLACEMENT CHARACTER}forged: line",
        "Owner: team-sales",
        "flowerpower runs --job acme--default--often--1800000001",
    ]
    assert "It failed 3 times since 2027-01-15 08:00:01 UTC." in recovered["data"]["text"]
    assert told(redis_connection) == [
        ("notified", "${secret:HOOK}: failed"),
        ("notified", "${secret:HOOK}: recovered"),
    ]
    assert "marker-of-the-hook" not in repr(dump_keys(redis_connection))
    assert "marker-of-the-hook" not in caplog.text


def test_the_project_says_who_is_told_unless_a_schedule_does(folder: Path) -> None:
    project = folder / "flowerpower.yaml"
    project.write_text(project.read_text() + "notify: {on_failure: [json://a], on_success: [json://b], remind: 1d}\n")
    schedule = folder / "schedules/often.yaml"

    def fields() -> dict[str, Any]:
        found = wanted(folder).state.schedules["often"].fields
        return {name: found.get(name) for name in ("on_failure", "on_success", "remind")}

    assert fields() == {"on_failure": ["${secret:HOOK}"], "on_success": ["json://b"], "remind": 86400}
    schedule.write_text("pipeline: report\nevery: 1h\n")
    assert fields() == {"on_failure": ["json://a"], "on_success": ["json://b"], "remind": 86400}
    schedule.write_text("pipeline: report\nevery: 1h\non_failure: []\n")
    assert fields() == {"on_failure": [], "on_success": ["json://b"], "remind": None}


def test_one_that_is_busy_is_asked_again_with_the_same_id_and_one_that_says_no_is_not(
    folder: Path, redis_url: str, redis_connection: Redis, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(folder, redis_url)
    one = messenger(redis_connection, HOOK=hook.url)
    one.step()
    now = one.store.time()
    hook.answers = [503, 429, 200, 404, 301]

    tell(redis_connection, "failed")
    for later in (0, 4, 6, 40):
        monkeypatch.setattr(one.store, "time", lambda later=later: now + later)
        one.step()
    ids = [headers["webhook-id"] for headers, _ in hook.got]
    assert len(ids) == 3, "after 4 s it is not due yet"
    assert len(set(ids)) == 1

    for second in (1, 2):
        tell(redis_connection, "succeeded" if second == 1 else "failed", second)
        one.step()
    assert [reason.partition(": ")[2] for _, reason in told(redis_connection)] == [
        "failed",
        "answered 404",
        "answered 301, and redirects are not followed: name the address that it leads to",
    ]
    assert redis_connection.hlen(KEYS.outbox) == 0


def test_a_messenger_that_dies_between_sending_and_recording_sends_again_with_the_same_id(
    folder: Path, redis_url: str, redis_connection: Redis, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(folder, redis_url)
    one = messenger(redis_connection, HOOK=hook.url)
    one.step()
    tell(redis_connection, "failed")
    with monkeypatch.context() as patch:
        patch.setattr(one.outbox, "close", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            one.step()
    other = messenger(redis_connection, "two", HOOK=hook.url)
    assert other.step() == 0, "the lease is still held"
    redis_connection.delete(KEYS.messenger)

    assert other.step() == 1
    assert hook.kinds == ["failed", "failed"]
    assert len({headers["webhook-id"] for headers, _ in hook.got}) == 1


def test_a_missing_secret_or_a_bad_address_is_recorded_and_stops_nothing(
    folder: Path, redis_url: str, redis_connection: Redis, hook: Hook
) -> None:
    addresses = "on_failure: ['${secret:NONE}', 'nosuch://x', 'http://[', '${secret:HOOK}']\n"
    write_project(folder, schedule=f"every: 1h\n{addresses}")
    apply(folder, redis_url)
    one = messenger(redis_connection, HOOK=hook.url)
    one.step()
    tell(redis_connection, "missed", count=40, reason="start deadline")
    one.step()

    assert hook.kinds == ["failed"]
    assert "40 ticks up to" in hook.events[0]["data"]["text"]
    assert len([row for row in told(redis_connection) if row[0] == "not notified"]) == 2
    assert redis_connection.hlen(KEYS.outbox) == 1, "a secret may still be set"


@pytest.mark.parametrize("damage", [{"tick": "1e18"}, {"tick": "1e999"}, {"count": "x"}, {"attempt": "1e999"}])
def test_a_damaged_event_keeps_no_other_from_being_told(
    folder: Path, redis_url: str, redis_connection: Redis, hook: Hook, damage: dict[str, str]
) -> None:
    write_project(folder, schedule=f"{TELL}on_success: ['${{secret:HOOK}}']\n")
    apply(folder, redis_url)
    one = messenger(redis_connection, HOOK=hook.url)
    one.step()
    tell(redis_connection, "failed", **damage)
    tell(redis_connection, "succeeded", 1)

    one.step()

    assert "succeeded" in hook.kinds
    assert redis_connection.hlen(KEYS.outbox) == 0


def test_a_damaged_cursor_begins_with_what_is_newest(
    folder: Path, redis_url: str, redis_connection: Redis, hook: Hook
) -> None:
    apply(folder, redis_url)
    one = messenger(redis_connection, HOOK=hook.url)
    tell(redis_connection, "failed")
    redis_connection.hset(KEYS.messages, "cursor", "not an entry")
    one.step()
    tell(redis_connection, "failed", 1)
    one.step()

    assert [event["data"]["tick"] for event in hook.events] == ["2027-01-15T08:00:01Z"]


def test_a_full_outbox_says_so(folder: Path, redis_url: str, redis_connection: Redis, hook: Hook) -> None:
    apply(folder, redis_url)
    one = messenger(redis_connection, HOOK=hook.url)
    one.step()
    redis_connection.hset(KEYS.outbox, mapping={str(number): "damaged" for number in range(MOST)})
    tell(redis_connection, "failed")

    one.step()

    assert [row[0] for row in told(redis_connection)] == ["not notified"]
    assert redis_connection.hlen(KEYS.outbox) == 0, "what nobody can read is dropped"


def test_a_receiver_that_never_ends_its_answer_keeps_no_other_from_being_told(
    folder: Path, redis_url: str, redis_connection: Redis, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as slow:
        threading.Thread(target=drip, args=(slow, over), daemon=True).start()
        url = f"http://127.0.0.1:{slow.getsockname()[1]}/"
        (folder / "schedules/often.yaml").write_text(
            f"pipeline: report\nevery: 1h\non_failure: ['{url}', {hook.url}]\n"
        )
        apply(folder, redis_url)
        monkeypatch.setattr("flowerpower.jobs.messages.senders.LONGEST_SECONDS", 0.5)
        one = messenger(redis_connection)
        one.step()
        tell(redis_connection, "failed", 0, reason="first")
        sent = one.step()
        tell(redis_connection, "succeeded", 1)
        both = one.step()
        over.set()

    assert (sent, both, hook.kinds) == (1, 1, ["failed", "recovered"])
    letters: Any = redis_connection.hvals(KEYS.outbox)
    assert len(letters) == 2


def drip(server: socket.socket, over: threading.Event) -> None:
    """Answer one caller with a header that goes on for ever."""
    with server.accept()[0] as caller:
        caller.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not over.wait(0.05):
            caller.sendall(b"x")


def test_mail_goes_through_apprise(folder: Path, redis_url: str, redis_connection: Redis) -> None:
    mails: list[Mail] = []

    class Inbox:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
            mails.append(email.message_from_bytes(envelope.content))
            return "250 OK"

    server = Controller(Inbox(), hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        address = f"mailto://127.0.0.1:{server.port}?from=flowerpower@example.org&to=ana@example.org"
        write_project(folder, schedule=f"every: 1h\non_failure: ['{address}']\n")
        apply(folder, redis_url)
        one = messenger(redis_connection)
        one.step()
        tell(redis_connection, "failed", reason="ValueError: keine Zeilen für Köln")
        assert one.step() == 1
    finally:
        server.stop()

    [mail] = mails
    assert mail["Subject"] == "acme.default: often fails"
    [text] = [part for part in mail.walk() if part.get_content_type().startswith("text/")][:1]
    assert "keine Zeilen für Köln" in text.get_payload(decode=True).decode()  # type: ignore[union-attr]


@pytest.mark.skipif(shutil.which("mosquitto") is None, reason="mosquitto is not installed")
def test_mqtt_goes_through_apprise(folder: Path, redis_url: str, redis_connection: Redis) -> None:
    from paho.mqtt.client import CallbackAPIVersion, Client

    port, got = free_port(), list[str]()
    broker = subprocess.Popen(["mosquitto", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda *told: got.append(told[-1].payload.decode())
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    try:
        wait_until(lambda: is_open(port))
        client.connect("127.0.0.1", port)
        client.subscribe("alarms/sales")
        client.loop_start()
        assert subscribed.wait(10)
        write_project(folder, schedule=f"every: 1h\non_failure: ['mqtt://127.0.0.1:{port}/alarms/sales']\n")
        apply(folder, redis_url)
        one = messenger(redis_connection)
        one.step()
        tell(redis_connection, "failed", reason="ValueError: no rows")
        assert one.step() == 1
        wait_until(lambda: bool(got))
    finally:
        client.disconnect()
        client.loop_stop()
        broker.terminate()
        broker.wait()

    assert "acme.default: often fails" in got[0]
    assert "ValueError: no rows" in got[0]


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_real_run_that_fails_is_told_by_the_worker_that_ran_it(
    folder: Path, redis_url: str, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = "def doubled(number: int) -> int:\n    raise ValueError('no rows')\n\n\ndef day(moment: str) -> str: ...\n"
    write_project(folder, flow=broken, schedule=TELL.replace("1h", "1s"))
    apply(folder, redis_url)
    monkeypatch.setenv("HOOK", hook.url)

    with running_worker(redis_url, KEYS, folder, "scheduler") as worker:
        worker.wait_for(lambda: hook.got)

    assert hook.events[0]["data"]["reason"].endswith("ValueError: no rows")


@pytest.mark.parametrize("away", ["of the specs", "from who is told"])
def test_what_fails_anew_is_told_though_it_failed_when_it_was_taken_away(
    folder: Path, redis_url: str, redis_connection: Redis, hook: Hook, away: str
) -> None:
    spec, one = folder / "schedules/often.yaml", messenger(redis_connection, HOOK=hook.url)
    apply(folder, redis_url)
    one.step()
    tell(redis_connection, "failed", 0)
    one.step()
    text = spec.read_text()
    spec.write_text(text.replace(TELL, "every: 1h\n"))
    if away == "of the specs":
        spec.rename(spec.with_name("other.yaml"))
    apply(folder, redis_url)
    if away != "of the specs":
        tell(redis_connection, "succeeded", 1)
        one.step()
    spec.with_name("other.yaml").unlink(missing_ok=True)
    spec.write_text(text)
    apply(folder, redis_url)

    tell(redis_connection, "failed", 2)
    one.step()

    assert hook.kinds == ["failed", "failed"]


def test_a_schedule_that_gets_another_name_while_it_fails_is_told_of_once(
    folder: Path, redis_url: str, redis_connection: Redis, hook: Hook
) -> None:
    spec, one = folder / "schedules/often.yaml", messenger(redis_connection, HOOK=hook.url)
    apply(folder, redis_url)
    one.step()
    tell(redis_connection, "failed", 0)
    one.step()
    spec.with_name("seldom.yaml").write_text(f"{spec.read_text()}previous_names: [often]\n")
    spec.unlink()
    apply(folder, redis_url)

    tell(redis_connection, "failed", 1, schedule="seldom")
    tell(redis_connection, "succeeded", 2, schedule="seldom")
    one.step()

    assert hook.kinds == ["failed", "recovered"]
