"""Redis behind Sentinels and behind TLS, from the spec to a run on a worker."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from redis import Redis
from support.command_line import CommandLine, command_line
from support.sentinel import (
    PASSWORD,
    SERVICE,
    WATCHWORD,
    Certificates,
    Watched,
    client,
    tls_before,
    wait_for,
    watched_redis,
)

from flowerpower.errors import StoreError
from flowerpower.state import connection as connections
from flowerpower.state.connection import connect, redis_errors, tell_of_silence

FILES = {
    "pipelines/report.yaml": "modules: [flow]\noutputs: [doubled]\ninputs: {number: 21}\n",
    "schedules/hourly.yaml": "pipeline: report\nevery: 1h\n",
    "flows/flow.py": "def doubled(number: int) -> int:\n    return number * 2\n",
}


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with watched_redis(folder) as found:
        yield found


def project(folder: Path, redis: str, **environment: str) -> CommandLine:
    folder.mkdir()
    command_line(folder, "", {"flowerpower.yaml": f"name: acme\nredis: {redis}\n", **FILES})
    return CommandLine(folder, environment)


def events(connection: Redis) -> list[str]:
    return [fields[b"event"].decode() for _, fields in connection.xrange("flowerpower:acme.default:runs")]


def test_a_project_lives_behind_sentinels_and_goes_on_after_a_failover(watched: Watched, tmp_path: Path) -> None:
    redis = (
        f"{{sentinels: ['127.0.0.1:1', '127.0.0.1:{watched.sentinel}'], service: {SERVICE}, "
        "password: '${env:REDIS_PASSWORD}', sentinel_password: '${env:WATCHWORD}'}"
    )
    acme = project(tmp_path / "acme", redis, REDIS_PASSWORD=PASSWORD, WATCHWORD=WATCHWORD)
    applied = acme("apply", "--auto-approve")
    assert applied.code == 0, applied.err
    triggered = acme("trigger", "report")
    assert triggered.code == 0, triggered.err
    worked = acme("worker", "--burst")
    assert worked.code == 0, worked.err
    assert events(client(watched.master())) == ["enqueued", "started", "succeeded"]

    old = watched.kill_master()
    wait_for(lambda: watched.master() != old)
    wait_for(lambda: acme("plan", "--detailed-exitcode").code == 0)
    acme.write("schedules/hourly.yaml", "pipeline: report\nevery: 2h\n")
    acme.commit()
    changed = acme("apply", "--auto-approve")

    assert changed.last == "Apply complete: 0 added, 1 changed, 0 destroyed.", changed.err
    said = "".join(text for answer in (applied, triggered, worked, changed) for text in (answer.out, answer.err))
    assert PASSWORD not in said
    assert WATCHWORD not in said


def test_what_the_sentinels_answer_is_told_in_one_line(watched: Watched) -> None:
    place = f"127.0.0.1:{watched.sentinel}"
    for url, said in {
        f"redis+sentinel://127.0.0.1:1,{place}/mian?sentinel_password={WATCHWORD}": "watches no such service",
        f"redis+sentinel://:{PASSWORD}@{place}/{SERVICE}?sentinel_password=wrong-word": "invalid username-password",
        f"redis+sentinel://:wrong-word@{place}/{SERVICE}?sentinel_password={WATCHWORD}": "refused",
    }.items():
        with pytest.raises(StoreError) as caught, connect(url) as connection, redis_errors("looking"):
            connection.ping()

        assert said in str(caught.value)
        assert len(str(caught.value)) < 300
        assert "wrong-word" not in str(caught.value)


def test_the_sentinel_that_answered_is_asked_first_from_then_on(watched: Watched) -> None:
    url = (
        f"redis+sentinel://:{PASSWORD}@127.0.0.1:1,127.0.0.1:{watched.sentinel}/{SERVICE}?sentinel_password={WATCHWORD}"
    )
    with connect(url) as connection:
        connection.ping()

        asked = connection.connection_pool.sentinel_manager.sentinels  # type: ignore[attr-defined]
        ports = [sentinel.connection_pool.connection_kwargs["port"] for sentinel in asked]

    assert ports == [watched.sentinel, 1]


def test_a_project_lives_behind_tls_with_certificates_of_its_own(
    redis_url: str, redis_connection: Redis, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    certificates = Certificates(tmp_path_factory.mktemp("tls")).make()
    with tls_before(unquote(redis_url.removeprefix("unix://")), certificates) as port:
        redis = (
            f"{{url: 'rediss://127.0.0.1:${{env:PORT}}/0', tls_ca_file: ca.pem, "
            f"tls_cert_file: {certificates.folder}/client.pem, tls_key_file: {certificates.folder}/client.key}}"
        )
        acme = project(tmp_path / "acme", redis, PORT=str(port))
        acme.write("ca.pem", (certificates.folder / "ca.pem").read_text())
        acme.commit()

        applied, triggered, worked = (
            acme("apply", "--auto-approve"),
            acme("trigger", "report"),
            acme("worker", "--burst"),
        )
        stranger = project(tmp_path / "other", f"{{url: 'rediss://127.0.0.1:{port}/0', tls_ca_file: ../acme/ca.pem}}")
        doubting = project(tmp_path / "third", f"rediss://127.0.0.1:{port}/0")

        assert applied.last == "Apply complete: 2 added, 0 changed, 0 destroyed.", applied.err
        assert (triggered.code, worked.code) == (0, 0), worked.err
        assert events(redis_connection) == ["enqueued", "started", "succeeded"]
        assert stranger("plan").code == 1
        refused = doubting("plan")
        assert refused.code == 1
        assert "certificate verify failed" in refused.err


def test_a_server_that_takes_the_connection_and_says_nothing_is_told_while_it_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "_SILENCE", 0.01)
    monkeypatch.setattr(connections, "_listeners", [])
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for scheme in ("redis", "rediss"):
            tell_of_silence(said.append)
            with pytest.raises(StoreError) as caught, redis_errors("looking"):
                connect(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/0", timeout=0.2).ping()

            assert "rediss:// for TLS, redis:// without" in caught.value.hint

    assert said == ["Redis does not answer yet (looking); waiting a minute at most ..."] * 2


def test_a_server_that_answers_is_no_silence(redis_connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_listeners", [])
    said: list[str] = []
    tell_of_silence(said.append)
    with redis_errors("looking"):
        redis_connection.ping()

    assert not said
    assert connections._listeners == [said.append]
