"""Transports of plug-ins that answer oddly: no other message waits for them, and no secret comes out of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from support.projects import write_project
from support.receivers import web_hook

from flowerpower.jobs.messages.messenger import Messenger
from flowerpower.state.store import Store

from .test_messages import KEYS, SECRET, apply, tell, told

TRANSPORT = """
from flowerpower.messaging.delivery import Delivery


def write(url, message):
    return {answer}
"""
HOPELESS = "Delivery('hopeless', f'no login at {url} as {url[7:22]}\\n' + 'x' * 10_000)"


def plug_in(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, answer: str) -> None:
    """Install a transport for `NAME://`, as pip does."""
    information = folder / f"fp_{name}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: fp-{name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[flowerpower.messaging]\n{name} = fp_{name}:write\n")
    (folder / f"fp_{name}.py").write_text(TRANSPORT.format(answer=answer))
    monkeypatch.syspath_prepend(str(folder))


def send_by(connection: Redis, redis_url: str, tmp_path: Path, addresses: list[str], plugin: str) -> list[Any]:
    """Let a failure be told at the addresses and at a web hook; return what that got."""
    with web_hook() as hook:
        write_project(tmp_path / "acme", schedule=f"every: 1h\non_failure: {[*addresses, hook.url]}\n")
        apply(tmp_path / "acme", redis_url)
        secrets = {"PASSWORD": "hunter2-hunter2"}
        one = Messenger(Store(connection, KEYS), "one", secrets.__getitem__, SECRET, [plugin])
        one.step()
        tell(connection, "failed")
        one.step()
        one.step()
        return hook.kinds


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("forgot", "None"),
        ("word", "'delivered'"),
        ("other", "Delivery('sent')"),
        ("kinds", "Delivery('retry', None, 'soon')"),
        ("leaves", "exit('hunter2')"),
    ],
)
def test_a_transport_that_answers_oddly_is_tried_again_and_keeps_no_other_from_being_told(
    redis_connection: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, answer: str
) -> None:
    plug_in(tmp_path / "site", monkeypatch, name, answer)

    got = send_by(redis_connection, redis_url, tmp_path, [f"{name}://a", f"{name}://b"], f"fp-{name}")

    assert got == ["failed"]
    assert redis_connection.hlen(KEYS.outbox) == 2
    assert [row[0] for row in told(redis_connection)] == ["notified"]


def test_what_a_transport_says_is_recorded_short_and_without_the_secret_of_its_address(
    redis_connection: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(tmp_path / "site", monkeypatch, "leak", HOPELESS)

    send_by(redis_connection, redis_url, tmp_path, ["leak://${secret:PASSWORD}@chat.example"], "fp-leak")

    ((_, reason),) = [row for row in told(redis_connection) if row[0] == "not notified"]
    assert reason.startswith("leak: no login at ")
    assert "hunter2" not in reason
    assert "chat.example" not in reason
    assert "\n" not in reason
    assert len(reason) < 500
