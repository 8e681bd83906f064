"""Files in object stores, and what befalls writers: killed, out of room, in the middle of an upload."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path
from textwrap import dedent

import pytest
from support.object_store import Bucket

from flowerpower.errors import FlowerPowerError, RefusedError
from flowerpower.filesystem import Filesystem


@pytest.fixture
def files(bucket: Bucket) -> Filesystem:
    return Filesystem(bucket.url, options=bucket.options)


def put(files: Filesystem, path: str, content: bytes) -> None:
    with files.write(path) as handle:
        handle.write(content)


def get(files: Filesystem, path: str) -> bytes:
    with files.open(path) as handle:
        return handle.read()


def put_half(files: Filesystem, path: str) -> None:
    with files.write(path) as handle:
        handle.write(b"half")
        raise ZeroDivisionError


def test_objects_are_written_replaced_listed_and_found(files: Filesystem, bucket: Bucket) -> None:
    for path, content in {"a/ünï code 1.csv": b"1", "a/b/2.csv": b"2", "a/ünï code 1.csv ": b"3"}.items():
        put(files, path, content)
    put(files, "a/b/2.csv", b"22")

    assert get(files, "a/b/2.csv") == b"22"
    assert files.exists("a/ünï code 1.csv")
    assert files.find("a/*.csv") == ("a/ünï code 1.csv",)
    assert files.find("a/**/*.csv")[0] == "a/b/2.csv"
    assert set(files.list("a")) == set(bucket.keys)


def test_an_object_that_another_process_replaced_is_read_as_it_is_now(files: Filesystem, bucket: Bucket) -> None:
    put(files, "x", b"old")
    assert files.list() == ("x",)  # which a store remembers, with sizes
    bucket.client.put_object(Bucket=bucket.name, Key="x", Body=b"new and longer")

    assert get(files, "x") == b"new and longer"


def test_a_writer_that_fails_leaves_the_old_object(files: Filesystem, bucket: Bucket) -> None:
    put(files, "x", b"old")

    with pytest.raises(ZeroDivisionError):
        put_half(files, "x")

    assert get(files, "x") == b"old"
    assert bucket.keys == ["x"]


def test_a_bucket_that_is_not_there_is_not_made(files: Filesystem, bucket: Bucket) -> None:
    other = Filesystem("s3://no-such-bucket", options=bucket.options)

    with pytest.raises(OSError, match="bucket"):
        put(other, "a/x", b"1")

    assert "no-such-bucket" not in [found["Name"] for found in bucket.client.list_buckets()["Buckets"]]


def test_what_an_archive_holds_can_only_be_read(files: Filesystem, bucket: Bucket) -> None:
    allowed = Filesystem("/nowhere", allowed=[bucket.url], options=bucket.options)

    with pytest.raises(RefusedError, match="can only be read"):
        put(allowed, f"zip://a.csv::{bucket.url}/x.zip", b"")


def test_credentials_of_the_environment_are_used_and_not_shown(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "env-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2-hunter2")
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.endpoint)
    files = Filesystem(bucket.url)

    put(files, "x", b"1")

    assert get(files, "x") == b"1"
    with pytest.raises(FileNotFoundError) as caught:
        get(files, "y")
    assert "hunter2" not in f"{caught.value!r} {files!r} {capfd.readouterr()}"


def test_a_store_is_usable_after_a_fork(files: Filesystem) -> None:
    put(files, "x", b"before")
    child = os.fork()
    if not child:
        put(files, "x", b"after")
        os._exit(0 if get(files, "x") == b"after" else 1)
    deadline = time.monotonic() + 60
    ended = (0, 1)
    while ended[0] == 0 and time.monotonic() < deadline:
        ended = os.waitpid(child, os.WNOHANG)
        time.sleep(0.01)

    assert ended == (child, 0)
    assert get(files, "x") == b"after"


KILLED = """
    import os, signal, sys
    import s3fs
    from flowerpower.filesystem import Filesystem

    url, endpoint = sys.argv[1:]
    upload = s3fs.S3FileSystem._call_s3
    parts = 0

    async def killed(self, method, *args, **kwargs):
        global parts
        done = await upload(self, method, *args, **kwargs)
        parts += method == "upload_part"
        if parts == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    s3fs.S3FileSystem._call_s3 = killed
    files = Filesystem(url, options={"endpoint_url": endpoint, "key": "test-key", "secret": "test-secret"})
    with files.write("x") as handle:
        for _ in range(102):
            handle.write(bytes(1024 * 1024))
"""


def test_a_writer_that_is_killed_between_two_parts_leaves_the_old_object(files: Filesystem, bucket: Bucket) -> None:
    put(files, "x", b"old")

    done = subprocess.run(
        [sys.executable, "-c", dedent(KILLED), bucket.url, bucket.endpoint], capture_output=True, check=False
    )

    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert get(files, "x") == b"old"
    assert len(bucket.client.list_multipart_uploads(Bucket=bucket.name)["Uploads"]) == 1  # for a lifecycle rule


FULL = """
    import resource, signal, sys
    from flowerpower.filesystem import Filesystem

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    with Filesystem(sys.argv[1]).write("x") as handle:
        for _ in range(200):
            handle.write(bytes(1000))
"""


def test_a_writer_out_of_room_leaves_the_old_file(tmp_path: Path) -> None:
    put(Filesystem(str(tmp_path)), "x", b"old")

    done = subprocess.run([sys.executable, "-c", dedent(FULL), str(tmp_path)], capture_output=True, check=False)

    assert done.returncode == 1
    assert b"File too large" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


def test_what_killed_writers_left_is_removed_by_the_next(tmp_path: Path) -> None:
    files = Filesystem(str(tmp_path))
    left, others, young = (
        tmp_path / name for name in (f".x.{'0' * 12}.tmp", f".y.{'0' * 12}.tmp", f".x.{'1' * 12}.tmp")
    )
    for draft in (left, others, young):
        draft.write_bytes(b"half")
    for draft in (left, others):
        os.utime(draft, (0, 0))

    with files.write("x") as handle:
        held = next(path for path in tmp_path.glob(".x.*.tmp") if path not in (left, young))
        os.utime(held, (0, 0))
        put(files, "x", b"first")  # another writer, which must leave the draft of a living one alone
        handle.write(b"second")

    assert get(files, "x") == b"second"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["x", others.name, young.name])


def test_a_long_name_in_another_script_can_be_written(tmp_path: Path) -> None:
    name = "ß" * 120 + ".csv"

    put(Filesystem(str(tmp_path)), name, b"1")

    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_url_of_this_machine_is_a_path_like_others(tmp_path: Path) -> None:
    files = Filesystem(str(tmp_path / "root"), allowed=[f"file://{tmp_path}/shared"])

    put(files, f"file://{tmp_path}/shared/x", b"1")

    assert (tmp_path / "shared/x").read_bytes() == b"1"
    for outside in (f"file://{tmp_path}/x", f"file://{tmp_path}/shared/../x"):
        with pytest.raises(RefusedError):
            files.resolve(outside)


def test_files_are_found_by_patterns_and_links_are_not_followed_out(tmp_path: Path) -> None:
    root = tmp_path / "root"
    files = Filesystem(str(root))
    for path in ("b-2.csv", "b-1.csv", "deep/b-3.csv", "other.txt"):
        put(files, path, b"")
    (tmp_path / "secret.csv").write_text("")
    (root / "b-9.csv").symlink_to(tmp_path / "secret.csv")

    assert files.find("b-*.csv") == ("b-1.csv", "b-2.csv", "b-9.csv")
    with pytest.raises(RefusedError):
        get(files, "b-9.csv")
    assert files.find("**/b-*.csv")[-1] == "deep/b-3.csv"
    assert files.find("none/*.csv") == ()


@pytest.mark.parametrize(("url", "extra"), [("gs://bucket/x", "gcs"), ("abfs://container@account/x", "azure")])
def test_a_missing_library_says_which_extra_to_install(url: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("gcsfs", "adlfs"):
        monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(FlowerPowerError) as caught:
        Filesystem("/nowhere", allowed=[url]).exists(url)

    assert caught.value.hint == f"pip install 'flowerpower-gitops[{extra}]'"


@pytest.mark.parametrize(
    ("url", "library", "extra"),
    [
        ("https://host.example/x", "aiohttp", "http"),
        ("zip://x::http://host.example/x.zip", "aiohttp", "http"),
        ("sftp://host.example/x", "paramiko", "sftp"),
        ("ssh://host.example/x", "paramiko", "sftp"),
        ("smb://host.example/share/x", "smbclient", "smb"),
    ],
)
def test_a_missing_library_of_a_server_says_which_extra_to_install(url: str, library: str, extra: str) -> None:
    look = f"""
        import sys
        sys.modules[{library!r}] = None
        from flowerpower.errors import MissingExtraError
        from flowerpower.filesystem import Filesystem
        url = {url!r}
        files = Filesystem("/nowhere", allowed=[url.rpartition("::")[2]])
        for ask in (lambda: files.exists(url), Filesystem(url).opened):
            try:
                ask()
            except MissingExtraError as error:
                print(error.hint)
    """
    done = subprocess.run([sys.executable, "-c", dedent(look)], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == [f"pip install 'flowerpower-gitops[{extra}]'"] * 2


@pytest.fixture
def archives(tmp_path: Path) -> Filesystem:
    (tmp_path / "data").mkdir()
    with zipfile.ZipFile(tmp_path / "data/days.zip", "w") as archive:
        for name in ("in/1.csv", "in/2.csv", "other.txt"):
            archive.writestr(name, name)
    with tarfile.open(tmp_path / "data/days.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("in/1.csv")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"tar"))
    return Filesystem(str(tmp_path))


def test_what_an_archive_of_the_project_holds_is_read_and_found(archives: Filesystem) -> None:
    assert get(archives, "zip://in/1.csv::data/days.zip") == b"in/1.csv"
    assert get(archives, "tar://in/1.csv::data/days.tar.gz") == b"tar"

    found = archives.find("zip://in/*.csv::data/days.zip")

    assert found == ("zip://in/1.csv::data/days.zip", "zip://in/2.csv::data/days.zip")
    assert get(archives, found[1]) == b"in/2.csv"
    with pytest.raises(FileNotFoundError):
        get(archives, "zip://in/1.csv::data/no.zip")
    with pytest.raises(RefusedError, match="can only be read"):
        put(archives, "zip://in/1.csv::data/days.zip", b"")


@pytest.mark.parametrize("archive", ["../days.zip", "/etc/days.zip", "file:///etc/days.zip", "s3://other/x.zip", ""])
def test_an_archive_elsewhere_is_refused(archives: Filesystem, archive: str) -> None:
    with pytest.raises(RefusedError):
        archives.resolve(f"zip://in/1.csv::{archive}")


def test_files_in_archives_of_a_store_are_found(files: Filesystem, bucket: Bucket) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("in/1.csv", b"1")
    put(files, "days.zip", packed.getvalue())
    allowed = Filesystem("/nowhere", allowed=[bucket.url], options={"s3": bucket.options})

    found = allowed.find(f"zip://in/*.csv::{bucket.url}/days.zip")

    assert found == (f"zip://in/1.csv::{bucket.url}/days.zip",)
    assert get(allowed, found[0]) == b"1"
