"""What goes wrong with a project at a URL: told in words, with what to do, and without a secret."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from support.file_servers import sftp_server
from support.object_store import object_store
from support.serving import serving
from support.stores import in_archive, on_the_web, write_files

from flowerpower.errors import FlowerPowerError, MissingExtraError, ProjectNotFoundError, UsageError
from flowerpower.filesystem import Filesystem
from flowerpower.specs.files.remote import project_at
from flowerpower.specs.files.sources import read

FILES = {"flowerpower.yaml": b"name: acme\n", "pipelines/a.yaml": b"x: 1\n"}
SECRET = "hunter2"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with object_store() as address:
        yield address


def test_a_web_server_that_does_not_list_its_folders_is_refused(tmp_path: Path) -> None:
    write_files(tmp_path, FILES | {"index.html": b"<a href='about.html'>about</a><a href='/pipelines/x'>x</a>"})

    with on_the_web(tmp_path) as address, pytest.raises(ProjectNotFoundError) as caught:
        read(Filesystem(address))

    assert "flowerpower.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("links", "said"),
    [
        ("<a href='flowerpower.yaml'>x</a><a href='pipelines'>x</a>", "do not tell folders from files"),
        ("<a href='flowerpower.yaml'>x</a><a href='schedules/gone/a.yaml'>x</a>", "schedules was changed"),
    ],
)
def test_pages_that_might_hide_a_folder_are_refused(links: str, said: str, tmp_path: Path) -> None:
    write_files(tmp_path, {"flowerpower.yaml": b"name: acme\n", "index.html": links.encode()})

    with on_the_web(tmp_path) as address, pytest.raises(FlowerPowerError, match=said):
        read(Filesystem(address))


def test_pages_that_go_on_for_ever_end(tmp_path: Path) -> None:
    write_files(tmp_path, FILES | {"pipelines/index.html": b"<a href='x/'>x</a>"})
    (tmp_path / "pipelines/x").symlink_to(tmp_path / "pipelines")

    with on_the_web(tmp_path) as address, pytest.raises(FlowerPowerError, match="no end to the folders"):
        read(Filesystem(address))


@pytest.mark.parametrize(
    ("status", "said"),
    [(403, "access to {place} is denied"), (401, "access to {place} is denied"), (500, "{place} cannot be read")],
)
def test_what_a_server_answers_is_told(status: int, said: str) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def do_GET(self) -> None:
            self.send_error(status)

    with serving(Refusing) as port:
        place = f"http://127.0.0.1:{port}/acme"
        with pytest.raises(FlowerPowerError) as caught:
            read(Filesystem(place))

    assert str(caught.value).startswith(said.format(place=place))
    assert caught.value.hint


@pytest.mark.parametrize("url", ["http://{host}/acme", "zip://acme::simplecache::http://{host}/acme.zip"])
@pytest.mark.parametrize("start", ["/", "/acme/pipelines", "/acme/flowerpower", "/acme.zip"])
def test_a_foreign_server_leads_nobody_to_another_place(url: str, start: str, tmp_path: Path) -> None:
    write_files(tmp_path / "acme", FILES)
    in_archive(tmp_path / "acme.zip", FILES)
    asked: list[str] = []

    class Inner(Ranged):
        def do_GET(self) -> None:
            asked.append(self.path)
            super().do_GET()

    class Leading(Ranged):
        def do_GET(self) -> None:
            if self.path.startswith(start):
                self.send_response(302)
                self.send_header("Location", f"http://127.0.0.1:{inner}{self.path}")
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                super().do_GET()

        def do_HEAD(self) -> None:
            self.do_GET()

    with (
        serving(partial(Inner, directory=str(tmp_path))) as inner,  # type: ignore[arg-type]
        serving(partial(Leading, directory=str(tmp_path))) as port,  # type: ignore[arg-type]
    ):
        place = url.format(host=f"127.0.0.1:{port}")
        leads = start == "/" or (start == "/acme.zip") == place.endswith(".zip")
        assert list(read(project_at(place, {}, None)).texts) == list(FILES)
        assert bool(asked) == leads
        asked.clear()
        if leads:
            with pytest.raises(FlowerPowerError, match="leads to another place"):
                read(project_at(place, {}, None, wary=True))
        else:
            assert list(read(project_at(place, {}, None, wary=True)).texts) == list(FILES)
        assert asked == []


class Ranged(SimpleHTTPRequestHandler):
    """Serves files, and archives in one piece; says nothing."""

    def log_message(self, *_: Any) -> None: ...


def test_a_server_that_sends_no_parts_of_an_archive_says_how_it_can_be_read(tmp_path: Path) -> None:
    in_archive(tmp_path / "acme.zip", FILES)

    with on_the_web(tmp_path) as address, pytest.raises(FlowerPowerError, match="sends no parts") as caught:
        read(Filesystem(f"zip://acme::{address}/acme.zip?token={SECRET}"))
    assert "simplecache::" in caught.value.hint
    assert SECRET not in str(caught.value)


def test_a_server_that_does_not_say_how_long_an_archive_is_says_how_it_can_be_read(tmp_path: Path) -> None:
    in_archive(tmp_path / "acme.zip", FILES)

    class Unending(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write((tmp_path / "acme.zip").read_bytes())

    with serving(Unending) as port:
        archive = f"http://127.0.0.1:{port}/acme.zip"
        with pytest.raises(FlowerPowerError, match="sends no parts") as caught:
            read(Filesystem(f"zip://acme::{archive}"))
        assert "simplecache::" in caught.value.hint
        assert list(read(Filesystem(f"zip://acme::simplecache::{archive}")).texts) == list(FILES)


def test_a_server_of_files_that_lets_nobody_in_is_said_to_do_so(tmp_path: Path) -> None:
    pytest.importorskip("asyncssh")
    pytest.importorskip("paramiko")
    with sftp_server(tmp_path) as server:
        place = Filesystem(server.url.replace("secret", SECRET), options=server.options)
        with pytest.raises(FlowerPowerError, match=r"access to sftp://127.0.0.1:\d+ is denied") as caught:
            read(place)

    assert "credentials" in caught.value.hint
    assert SECRET not in str(caught.value)


def test_the_folders_where_a_project_may_be_meant_are_named(tmp_path: Path) -> None:
    in_archive(tmp_path / "a.zip", FILES)

    with pytest.raises(ProjectNotFoundError) as caught:
        read(Filesystem(f"zip://::{tmp_path}/a.zip"))

    assert caught.value.hint.endswith("there are acme")


@pytest.mark.parametrize("scheme", ["http", "s3"])
def test_a_store_that_does_not_answer_is_told(scheme: str) -> None:
    from aiohttp import ClientTimeout

    quick = {"read_timeout": 0.2, "retries": {"max_attempts": 0}}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        options: dict[str, Any] = {"client_kwargs": {"timeout": ClientTimeout(total=0.2)}}
        if scheme == "s3":
            options = {"endpoint_url": f"http://{address}", "key": "k", "secret": SECRET, "config_kwargs": quick}
        with pytest.raises(FlowerPowerError, match=f"{scheme}://.* does not answer in time") as caught:
            read(Filesystem(f"{scheme}://{address}/acme" if scheme == "http" else "s3://bucket/acme", options=options))

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("memory://nothing", {}, "no flowerpower.yaml at memory://nothing"),
        ("zip://acme::/nowhere/acme.zip", {}, "no flowerpower.yaml at zip://acme::/nowhere/acme.zip"),
        ("zip://acme::http://127.0.0.1:1/a.zip?token=hunter2", {}, "zip://acme::http://127.0.0.1:1/a.zip cannot be r"),
        ("http://ana:hunter2@127.0.0.1:1/acme", {}, "http://127.0.0.1:1/acme cannot be reached"),
        (
            "s3://nobody/acme",
            {"endpoint_url": "ENDPOINT", "key": "k", "secret": SECRET},
            "no flowerpower.yaml at s3://",
        ),
        ("s3://nobody/acme", {"endpoint_url": "ENDPOINT", "anon": False}, "there are no credentials for s3://nobody"),
    ],
)
def test_what_goes_wrong_is_told_without_secrets(
    url: str, options: dict[str, Any], said: str, endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    options = {name: endpoint if value == "ENDPOINT" else value for name, value in options.items()}

    with pytest.raises(FlowerPowerError) as caught:
        read(Filesystem(url, options=options))

    assert str(caught.value).startswith(said)
    assert caught.value.hint
    assert SECRET not in f"{caught.value} {caught.value.hint} {Filesystem(url, options=options)!r}"


@pytest.mark.parametrize(
    "words",
    [
        "400, url='https://ana:hunter2@host/acme?token=hunter2&x=1'",
        "the key hunter2 is not known",
        "cannot sign with hunter2%2Fx or hunter2/x",
        "no such account: sig=c2VjcmV0",
    ],
)
def test_what_a_library_says_is_told_without_secrets(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    def broken(self: Any, *_: Any, **__: Any) -> Any:
        raise OddError(words)

    monkeypatch.setattr(MemoryFileSystem, "ls", broken)
    options = {"nested": {"headers": [{"Authorization": "hunter2/x"}, "c2VjcmV0"]}, "account_key": SECRET}

    with pytest.raises(FlowerPowerError) as caught:
        read(Filesystem("memory://x?token=hunter2%2Fx", options=options))

    assert "OddError" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "c2VjcmV0" not in str(caught.value)


class OddError(Exception):
    """An exception of a library that nobody knows."""


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://host/acme?token=hunter2", "belongs to one file"),
        ("s3://key:hunter2@bucket/acme", "holds no credentials"),
        ("s3://key:hunt/er2@bucket/acme", "holds no credentials"),
        ("nonsense://hunter2@x", "nonsense://x: Protocol not known"),
    ],
)
def test_a_url_that_no_project_can_be_read_from_is_refused_before_it_is_opened(url: str, said: str) -> None:
    with pytest.raises(FlowerPowerError) as caught:
        project_at(url, {}, None)

    assert said in str(caught.value)
    assert SECRET not in f"{caught.value} {caught.value.hint}"
    assert "er2" not in str(caught.value)


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)

    with pytest.raises(MissingExtraError) as caught:
        project_at("gs://bucket/acme", {}, None)

    assert caught.value.hint == "pip install 'flowerpower-gitops[gcs]'"


def test_a_revision_is_one_of_a_folder() -> None:
    with pytest.raises(UsageError, match="s3://bucket/acme"):
        project_at("s3://bucket/acme", {}, "main")
