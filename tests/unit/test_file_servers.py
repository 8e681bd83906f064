"""Files on servers of sftp, ftp and smb: replaced in one step, found, read whole, and after a session has ended."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.file_servers import SMBD, FileServer, ftp_server, sftp_server, smb_server

from flowerpower.errors import FlowerPowerError
from flowerpower.filesystem import Filesystem

NEEDS = {"sftp": ("asyncssh", "paramiko"), "ftp": ("pyftpdlib",), "smb": ("smbclient",)}
SERVERS: dict[str, Callable[[Path], Any]] = {"sftp": sftp_server, "ftp": ftp_server, "smb": smb_server}
OLD, NEW = b"o" * 3_000_000, b"n" * 5_000_000


def needs(protocol: str) -> None:
    for library in NEEDS[protocol]:
        pytest.importorskip(library, reason="a development dependency that is not installed")
    if protocol == "smb" and not (Path(SMBD).exists() and os.geteuid() == 0):
        pytest.skip("Samba is not installed, or this is not root")


@pytest.fixture(params=NEEDS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileServer]:
    needs(request.param)
    folder = tmp_path / "served"
    folder.mkdir()
    with SERVERS[request.param](folder) as found:
        yield found


def files_of(server: FileServer) -> Filesystem:
    return Filesystem("/nowhere", allowed=[server.url], options=server.options)


def put(server: FileServer, path: str, content: bytes) -> None:
    with files_of(server).write(f"{server.url}/{path}") as handle:
        handle.write(content)


def get(server: FileServer, path: str) -> bytes:
    with files_of(server).open(f"{server.url}/{path}") as handle:
        return handle.read()


@contextmanager
def meanwhile(look: Callable[[], Any]) -> Iterator[list[Any]]:
    """Look again and again, in a thread, and return what was seen."""
    seen: list[Any] = []
    done = threading.Event()

    def look_on() -> None:
        while not done.is_set():
            seen.append(look())
            time.sleep(0.01)

    watcher = threading.Thread(target=look_on)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def test_a_reader_sees_the_old_file_or_the_new_one(server: FileServer) -> None:
    put(server, "a/ünï x.bin", OLD)

    with meanwhile(lambda: get(server, "a/ünï x.bin")) as seen:
        for _ in range(4):
            put(server, "a/ünï x.bin", NEW)
            put(server, "a/ünï x.bin", OLD)

    assert seen
    assert [len(content) for content in seen if content not in (OLD, NEW)] == []
    assert [path.name for path in (server.folder / "a").iterdir()] == ["ünï x.bin"]


def test_a_file_of_the_folder_is_there_at_no_moment_half(server: FileServer) -> None:
    put(server, "x.bin", OLD)

    with meanwhile(lambda: (server.folder / "x.bin").stat().st_size) as seen:  # as who works on the server does
        put(server, "x.bin", NEW)

    assert seen
    assert set(seen) <= {len(OLD), len(NEW)}


def test_files_are_found_and_can_be_opened_as_found(server: FileServer) -> None:
    for name in ("a-1.csv", "a-2.csv", f".a-3.csv.{'0' * 12}.tmp"):
        put(server, f"deep/{name}", name.encode())

    found = files_of(server).find(f"{server.url}/deep/*.csv")

    assert found == (f"{server.url}/deep/a-1.csv", f"{server.url}/deep/a-2.csv")
    assert get(server, found[1].removeprefix(f"{server.url}/")) == b"a-2.csv"
    assert files_of(server).find(f"{server.url}/deep/*") == found


def test_what_is_not_there_is_said_to_be_absent(server: FileServer) -> None:
    with pytest.raises(FileNotFoundError):
        get(server, "nothing.csv")


def test_a_folder_in_the_place_of_the_file_is_an_error_that_leaves_nothing(server: FileServer) -> None:
    put(server, "folder/x", b"1")

    with pytest.raises(Exception, match=r"(?i)is a directory"):
        put(server, "folder", b"2")

    assert [path.name for path in server.folder.iterdir()] == ["folder"]


def test_a_session_that_the_server_ended_meanwhile_is_made_anew(tmp_path: Path) -> None:
    needs("sftp")
    with sftp_server(tmp_path) as first:
        put(first, "x", b"1")
        port = int(first.url.rpartition(":")[2])
    with sftp_server(tmp_path, port=port) as second:
        assert second.url == first.url
        put(second, "x", b"2")
        assert get(second, "x") == b"2"


@pytest.mark.parametrize("refused", ["posix_rename", "new"])
def test_a_server_that_allows_only_to_write_into_the_file_is_written_to(tmp_path: Path, refused: str) -> None:
    needs("sftp")
    (tmp_path / "x").write_bytes(b"old and longer")
    with sftp_server(tmp_path, refuses=(refused,)) as server:
        put(server, "x", b"new")

    assert (tmp_path / "x").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_user_of_ftp_who_may_not_rename_still_writes(tmp_path: Path) -> None:
    needs("ftp")
    (tmp_path / "x").write_bytes(b"old and longer")
    with ftp_server(tmp_path, rights="elradmw") as server:
        put(server, "x", b"new")

    assert (tmp_path / "x").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_server_out_of_room_keeps_the_old_file(tmp_path: Path) -> None:
    needs("sftp")
    (tmp_path / "x").write_bytes(b"old")
    with sftp_server(tmp_path, room=1_000_000) as server, pytest.raises(OSError, match=r"(?i)no space"):
        put(server, "x", NEW)

    assert (tmp_path / "x").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_the_rights_of_a_file_and_links_to_it_are_kept(tmp_path: Path) -> None:
    needs("sftp")
    (tmp_path / "x-1").write_bytes(b"old")
    (tmp_path / "x-1").chmod(0o664)
    (tmp_path / "current").symlink_to("x-1")
    with sftp_server(tmp_path) as server:
        put(server, "current", b"new")

    assert (tmp_path / "current").is_symlink()
    assert (tmp_path / "x-1").read_bytes() == b"new"
    assert (tmp_path / "x-1").stat().st_mode & 0o777 == 0o664


@pytest.mark.parametrize("name", ["a#1.csv", "what?.csv", "d#1/why?/x.csv"])
def test_a_name_with_signs_that_urls_know_is_a_name(server: FileServer, name: str) -> None:
    if server.url.startswith("smb") and "?" in name:
        pytest.skip("no file on a share may be called that")
    put(server, name, b"new")

    assert (server.folder / name).read_bytes() == b"new"
    assert get(server, name) == b"new"
    pattern = f"{server.url}/{name.replace('.csv', '*')}"
    assert files_of(server).find(pattern) == (f"{server.url}/{name}",)
    assert files_of(server).exists(f"{server.url}/{name}")


def test_a_share_takes_no_file_under_another_name_than_was_asked_for(tmp_path: Path) -> None:
    needs("smb")
    with smb_server(tmp_path) as server, pytest.raises(OSError, match="NAME_INVALID"):
        put(server, "a?b.csv", b"new")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a?b.zip", "a#b.zip"])
def test_an_archive_on_a_server_with_such_a_name_is_refused_rather_than_another_one_read(name: str) -> None:
    files = Filesystem("/nowhere", allowed=["ftp://127.0.0.1:1"])

    with pytest.raises(FlowerPowerError, match="can have no"), files.open(f"zip://x.csv::ftp://127.0.0.1:1/{name}"):
        pass


def test_drafts_that_killed_writers_of_a_file_left_go_with_its_next_write(server: FileServer) -> None:
    left, of_other, young = (f".{name}.{'0' * 11}{end}.tmp" for name, end in (("x", 1), ("y", 1), ("x", 2)))
    no_draft = f".x.{'0' * 12}.tmp.bak"
    for name, days in ((left, 2), (of_other, 2), (no_draft, 2), (young, 0.5)):
        file = server.folder / name
        file.write_bytes(b"half")
        moment = time.time() - days * 86_400
        os.utime(file, (moment, moment))

    put(server, "x", b"new")

    assert sorted(path.name for path in server.folder.iterdir()) == sorted(["x", of_other, no_draft, young])


def test_a_write_succeeds_where_the_user_may_not_look_for_drafts(tmp_path: Path) -> None:
    needs("sftp")
    with sftp_server(tmp_path, refuses=("scandir", "listdir")) as server:
        put(server, "x", b"new")

    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_share_that_is_not_there_is_said_to_be_absent(tmp_path: Path) -> None:
    needs("smb")
    with smb_server(tmp_path) as server:
        elsewhere = FileServer(tmp_path, server.url.replace("/share", "/nosuch"))
        for path in ("x", "a/b/x"):
            with pytest.raises(FileNotFoundError, match="no share nosuch"):
                put(elsewhere, path, b"new")


@pytest.mark.parametrize("silent", ["stat", "read", "write", "posix_rename"])
def test_a_server_that_stands_still_is_given_up(tmp_path: Path, silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("sftp")
    monkeypatch.setattr("flowerpower.stores._SECONDS_OF_SILENCE", 0.5)
    (tmp_path / "x").write_bytes(b"old")
    began = time.monotonic()

    with sftp_server(tmp_path, silent=silent) as server, pytest.raises(TimeoutError):
        get(server, "x") if silent in ("stat", "read") else put(server, "x", b"new")

    assert time.monotonic() - began < 30
    assert (tmp_path / "x").read_bytes() == b"old"
