"""Files below a root: read, replaced in one step, never outside."""

import os
import signal
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from flowerpower.errors import FlowerPowerError, RefusedError
from flowerpower.filesystem import Filesystem, hide_credentials


@pytest.fixture(params=["local", "memory"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Filesystem:
    return Filesystem(str(tmp_path) if request.param == "local" else f"memory://{tmp_path.name}")


def put(files: Filesystem, path: str, content: bytes) -> None:
    with files.write(path) as handle:
        handle.write(content)


def put_half(files: Filesystem, path: str, error: type[BaseException]) -> None:
    with files.write(path) as handle:
        handle.write(b"half")
        raise error


def get(files: Filesystem, path: str) -> bytes:
    with files.open(path) as handle:
        return handle.read()


def test_what_is_written_can_be_read_and_listed(files: Filesystem) -> None:
    put(files, "a/b/one.txt", b"1")
    put(files, "two.txt", b"2")
    put(files, "two.txt", b"22")

    assert get(files, "a/b/one.txt") == b"1"
    assert get(files, "two.txt") == b"22"
    assert files.list() == ("a/b/one.txt", "two.txt")
    assert files.list("a") == ("a/b/one.txt",)
    assert files.exists("a/b/one.txt")
    assert not files.exists("a/b/three.txt")


def test_a_file_that_is_not_there_says_so(files: Filesystem) -> None:
    with pytest.raises(FileNotFoundError), files.open("none.txt"):
        pass


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(files: Filesystem) -> None:
    put(files, "out/report.txt", b"old")

    with pytest.raises(ZeroDivisionError):
        put_half(files, "out/report.txt", ZeroDivisionError)

    assert get(files, "out/report.txt") == b"old"
    assert files.list() == ("out/report.txt",)


def test_a_writer_that_fails_leaves_no_new_file(files: Filesystem) -> None:
    with pytest.raises(KeyboardInterrupt):
        put_half(files, "new.txt", KeyboardInterrupt)

    assert files.list() == ()


def test_a_writer_may_close_the_handle_itself(tmp_path: Path) -> None:
    with Filesystem(str(tmp_path)).write("x.txt") as handle:
        handle.write(b"done")
        handle.close()

    assert (tmp_path / "x.txt").read_bytes() == b"done"


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"old")
    program = (
        "import sys, time\n"
        "from flowerpower.filesystem import Filesystem\n"
        "with Filesystem(sys.argv[1]).write('x.txt') as handle:\n"
        "    handle.write(b'new' * 100000); handle.flush(); print('ready', flush=True); time.sleep(60)\n"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, cwd=root) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)

    assert (tmp_path / "x.txt").read_bytes() == b"old"


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    files = Filesystem(str(tmp_path))
    put(files, "x.bin", b"a" * 1_000_000)
    seen = set()
    with files.write("x.bin") as handle:
        for _ in range(10):
            handle.write(b"b" * 100_000)
            handle.flush()
            seen.add(get(files, "x.bin"))

    assert seen == {b"a" * 1_000_000}
    assert get(files, "x.bin") == b"b" * 1_000_000


def test_a_replaced_file_keeps_its_mode_and_a_new_one_gets_the_usual(tmp_path: Path) -> None:
    files = Filesystem(str(tmp_path))
    (tmp_path / "old.txt").touch(mode=0o600)
    (tmp_path / "usual.txt").touch()
    put(files, "old.txt", b"x")
    put(files, "new.txt", b"x")

    assert stat.S_IMODE((tmp_path / "old.txt").stat().st_mode) == 0o600
    assert (tmp_path / "new.txt").stat().st_mode == (tmp_path / "usual.txt").stat().st_mode


def test_a_link_inside_the_root_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_bytes(b"old")
    (tmp_path / "link.txt").symlink_to("real.txt")

    put(Filesystem(str(tmp_path)), "link.txt", b"new")

    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_bytes() == b"new"


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "a/../../x",
        "a/../b",
        "/etc/passwd",
        "..",
        "~/x",
        "~root/x",
        "a\\..\\x",
        "x\x00y",
        "",
        "file:///etc/passwd",
        "memory://other/x",
        "s3://bucket/key",
        "zip://a.csv::file:///tmp/x.zip",
        "::/etc/passwd",
    ],
)
def test_a_path_outside_of_the_root_is_refused(files: Filesystem, path: str) -> None:
    for use in (files.exists, lambda path: get(files, path), lambda path: put(files, path, b"")):
        with pytest.raises(RefusedError):
            use(path)


def test_a_link_that_leaves_the_root_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside").mkdir()
    (root / "link").symlink_to(tmp_path / "outside")

    with pytest.raises(RefusedError):
        put(Filesystem(str(root)), "link/x.txt", b"")

    put(Filesystem(str(root), allowed=[str(tmp_path / "outside")]), "link/x.txt", b"1")
    assert (tmp_path / "outside/x.txt").read_bytes() == b"1"


def test_allowed_folders_and_urls_are_open(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    files = Filesystem(str(tmp_path / "root"), allowed=[str(shared), f"memory://{tmp_path.name}/in"])
    put(files, f"{shared}/x.txt", b"1")
    put(files, f"memory://{tmp_path.name}/in/x.txt", b"2")

    assert get(files, f"{shared}/x.txt") == b"1"
    assert get(files, f"memory://{tmp_path.name}/in/x.txt") == b"2"
    for outside in (
        f"{shared}/../x",
        f"{shared}2/x",
        f"memory://{tmp_path.name}/in/../x",
        f"memory://{tmp_path.name}/in/%2E%2e/x",
        f"memory://{tmp_path.name}/inner/x",
        f"filecache://::memory://{tmp_path.name}/in/x",
    ):
        with pytest.raises(RefusedError):
            files.resolve(outside)


@pytest.mark.parametrize("protocol", ["sftp", "ftp", "smb", "https"])
def test_who_logs_in_is_no_part_of_the_place_that_is_allowed(protocol: str) -> None:
    files = Filesystem("/nowhere", allowed=[f"{protocol}://host/data"])
    url = f"{protocol}://user:p@ss@host/data/x.csv"

    assert files.resolve(url) == url
    for outside in (
        f"{protocol}://user@other/data/x.csv",
        f"{protocol}://other/@host/data/x",
        f"{protocol}://a@host/x",
    ):
        with pytest.raises(RefusedError):
            files.resolve(outside)
    with pytest.raises(RefusedError):
        Filesystem("/nowhere", allowed=[f"{protocol}://one@host/data"]).resolve(f"{protocol}://other@host/data/x.csv")


@pytest.mark.parametrize("url", ["s3://other@bucket/x", "abfs://other@bucket/x", "gs://other@bucket/x"])
def test_what_names_a_container_is_part_of_the_place_that_is_allowed(url: str) -> None:
    with pytest.raises(RefusedError):
        Filesystem("/nowhere", allowed=["s3://bucket", "abfs://bucket", "gs://bucket"]).resolve(url)


def test_a_file_in_an_allowed_archive_can_be_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("inner.txt", "inside")
    files = Filesystem(str(tmp_path), allowed=[f"file://{tmp_path}"])

    assert get(files, f"zip://inner.txt::file://{tmp_path}/x.zip") == b"inside"


def test_an_unknown_protocol_or_missing_library_is_an_error_without_credentials() -> None:
    with pytest.raises(FlowerPowerError) as caught:
        Filesystem("nonsense://user:hunter2@host/x").exists("a")

    assert "nonsense" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pass@host/a?key=1#x", "https://host/a"),
        ("sftp://user:pass@host/a?1#x", "sftp://host/a?1#x"),
        ("sftp://user:12#pass@host/a", "sftp://user:12"),
        ("zip://a::https://u:p@h/b?sig=s", "zip://a::https://h/b"),
        ("s3://bucket/k@y", "s3://bucket/k@y"),
        ("data/x.csv", "data/x.csv"),
    ],
)
def test_credentials_are_hidden(url: str, shown: str) -> None:
    assert hide_credentials(url) == shown


def test_options_are_not_in_the_repr() -> None:
    assert "hunter2" not in repr(Filesystem("s3://b", options={"secret": "hunter2"}))


def test_files_are_usable_after_a_fork(tmp_path: Path) -> None:
    files = Filesystem(str(tmp_path))
    put(files, "x.txt", b"before")
    child = os.fork()
    if not child:
        put(files, "x.txt", b"after")
        os._exit(0)
    deadline = time.monotonic() + 30
    while os.waitpid(child, os.WNOHANG) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.01)

    assert get(files, "x.txt") == b"after"


def test_a_file_that_is_being_written_is_not_found(tmp_path: Path) -> None:
    files = Filesystem(str(tmp_path))
    (tmp_path / ".hidden.tmp").touch()

    with files.write("data/x") as handle:
        handle.write(b"half")
        assert files.find("data/*") == ()

    assert files.find("**/*") == (".hidden.tmp", "data/x")
