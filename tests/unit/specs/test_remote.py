"""Projects at URLs: read as folders are, in few requests, and every failure told without a secret."""

from __future__ import annotations

import errno
import socket
import stat
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from support.object_store import Bucket, new_bucket, object_store
from support.serving import serving
from support.stores import Site, in_archive, in_bucket, in_memory, in_tar, on_the_web, write_files

from flowerpower.errors import FlowerPowerError, MissingExtraError, ProjectNotFoundError, UsageError
from flowerpower.filesystem import Filesystem
from flowerpower.specs.files.folder import project_texts
from flowerpower.specs.files.remote import project_at, remote_project_texts
from flowerpower.specs.files.sources import read

FILES = {
    "flowerpower.yaml": b"name: acme\nmodules: [flows, ./src/lib/, flows/package, gone, gone/too]\n",
    "pipelines/a.yaml": b"modules: [sales]\n",
    "pipelines/deep/er/b.yml": b"x: 1\n",
    "pipelines/with space [1] %41 ü?.yaml": b"y: 1\n",
    "pipelines/notes.txt": b"no spec",
    "pipelines/lookalike.YAML": b"x: 1\n",
    "pipelines/empty.yaml": b"",
    "pipelines/large.yaml": b"#" * 1_048_577,
    "schedules/largest.yaml": b"#" * 1_048_576,
    "schedules/.hidden/c.yaml": b"x: 1\n",
    "schedules/.d.yaml": b"x: 1\n",
    "schedules/node_modules/e.yaml": b"x: 1\n",
    "flows/sales.py": b"def a() -> int: return 1\n",
    "flows/package/__init__.py": b"",
    "flows/__pycache__/sales.py": b"",
    "src/lib/more.py": b"1\n",
    "src/other/unused.py": b"",
    "data/large.csv": b"1,2\n",
    "pipelines2/f.yaml": b"x: 1\n",
}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with object_store() as address:
        yield address


@pytest.fixture
def bucket(endpoint: str) -> Bucket:
    return new_bucket(endpoint)


@pytest.mark.parametrize("modules", [b"", b"modules: [., flows]\n", b"modules: ['${var:X}']\n", b"modules: []\n"])
@pytest.mark.parametrize("where", ["memory", "archive", "tar", "bucket", "root of a bucket", "web"])
def test_a_url_gives_what_a_folder_gives(where: str, modules: bytes, bucket: Bucket, tmp_path: Path) -> None:
    files = FILES | ({"flowerpower.yaml": b"name: acme\n" + modules} if modules else {})
    folder = write_files(tmp_path / "the project", files)
    with on_the_web(tmp_path) as address:
        sites: dict[str, Callable[[], Site]] = {
            "memory": lambda: in_memory(files),
            "archive": lambda: in_archive(tmp_path / "acme.zip", files),
            "tar": lambda: in_tar(tmp_path / "acme.tar.gz", folder),
            "bucket": lambda: in_bucket(bucket, files, "a/b"),
            "root of a bucket": lambda: in_bucket(bucket, files, ""),
            "web": lambda: Site(f"{address}/the%20project/"),
        }
        site = sites[where]()
        found = read(site.filesystem)
        alone = remote_project_texts(site.filesystem)

    assert found == read(folder)
    assert found.digest == read(folder).digest
    assert [problem.code for problem in found.problems] == ["FP002", "FP022"]
    assert len(found.texts) == 6
    assert alone == project_texts(folder)


def test_two_project_files_are_both_read() -> None:
    site = in_memory({"flowerpower.yaml": b"name: a\n", "flowerpower.yml": b"name: b\n"})

    assert list(read(site.filesystem).texts) == ["flowerpower.yaml", "flowerpower.yml"]


def test_keys_that_no_folder_could_hold_are_told_and_not_read(bucket: Bucket) -> None:
    odd = ["pipelines//a.yaml", "pipelines/../schedules/b.yaml", "flows/./c.py", "schedules//notes.txt"]
    plain = {"flowerpower.yaml": b"name: acme\n", "pipelines/": b"", "": b""}

    found = read(in_bucket(bucket, plain | dict.fromkeys(odd, b"x: 1\n")).filesystem)

    assert (list(found.texts), list(found.modules)) == (["flowerpower.yaml"], [])
    assert sorted(problem.place.file for problem in found.problems) == sorted(odd[:3])
    assert {(problem.code, problem.severity) for problem in found.problems} == {("FP022", "error")}


def test_backslashes_of_an_archive_that_would_hide_specs_are_told(tmp_path: Path) -> None:
    files = {"flowerpower.yaml": b"name: acme\n", "pipelines\\a.yaml": b"x: 1\n", "data\\b.yaml": b""}

    found = read(in_archive(tmp_path / "a.zip", files).filesystem)

    assert [(problem.code, problem.place.file) for problem in found.problems] == [("FP022", "pipelines\\a.yaml")]


def test_an_archive_may_hold_the_project_without_a_folder_around_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path, content in FILES.items():
            archive.writestr(path, content)

    found = read(Filesystem(f"zip://::{tmp_path}/a.zip"))

    assert found == read(in_memory(FILES).filesystem)


def test_links_in_an_archive_are_told_and_not_followed(tmp_path: Path) -> None:
    site = in_archive(tmp_path / "a.zip", {"flowerpower.yaml": b"name: acme\n"})
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        for path in ("pipelines/link.yaml", "pipelines/link.txt"):
            link = zipfile.ZipInfo(f"acme/{path}")
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, "/etc/passwd")

    found = read(site.filesystem)

    assert list(found.texts) == ["flowerpower.yaml"]
    assert [(problem.code, problem.place.file) for problem in found.problems] == [("FP005", "pipelines/link.yaml")]


def test_ten_thousand_files_of_an_archive_in_a_bucket_take_few_requests(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {f"pipelines/p{number * 7919 % 10_000}.yaml": b"modules: [x]\n" for number in range(10_000)}
    in_archive(tmp_path / "a.zip", FILES | many)
    bucket.client.upload_file(str(tmp_path / "a.zip"), bucket.name, "a.zip")
    asked = count_requests(monkeypatch)

    found = read(Filesystem(f"zip://acme::{bucket.url}/a.zip", options={"s3": bucket.options}))

    assert len(found.texts) > 10_000
    assert asked.total() <= 8, asked


def test_a_bucket_is_listed_by_folders_and_its_other_objects_are_left_alone(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = in_bucket(bucket, FILES)
    asked = count_requests(monkeypatch)

    read(site.filesystem)
    assert asked["list_objects_v2"] <= 6, asked  # the root, pipelines, schedules, flows, src/lib
    assert asked["get_object"] == 7, asked  # none of what is empty, too large or no spec

    asked.clear()
    remote_project_texts(site.filesystem)
    assert asked == {"list_objects_v2": 1, "get_object": 1}


def count_requests(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what the store is asked from now on."""
    import s3fs

    asked: Counter[str] = Counter()
    call = s3fs.S3FileSystem._call_s3

    async def counted(self: Any, method: str, *arguments: Any, **more: Any) -> Any:
        asked[method] += 1
        return await call(self, method, *arguments, **more)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", counted)
    return asked


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError("gone"), "it was deleted while the project was read"),
        (PermissionError("no"), "it cannot be read: access is denied"),
    ],
)
def test_a_file_that_vanishes_or_is_denied_is_a_problem(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    site = in_memory({**FILES, "pipelines/late.yaml": b"x: 1\n"})
    cat = MemoryFileSystem.cat_file

    def broken(self: Any, path: str, *arguments: Any, **more: Any) -> bytes:
        if path.endswith("late.yaml"):
            raise error
        return bytes(cat(self, path, *arguments, **more))

    monkeypatch.setattr(MemoryFileSystem, "cat_file", broken)
    found = read(site.filesystem)

    assert "pipelines/a.yaml" in found.texts
    assert [problem.what for problem in found.problems if problem.place.file == "pipelines/late.yaml"] == [said]


@pytest.mark.parametrize("error", [OSError(errno.EIO, "broken"), PermissionError("no"), FileNotFoundError("x")])
def test_a_folder_that_cannot_be_listed_is_an_error_and_never_an_empty_one(
    error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fsspec
    from fsspec.implementations.memory import MemoryFileSystem

    class Walking(MemoryFileSystem):  # type: ignore[misc]
        """Lists one folder at a time, as stores with folders do."""

        protocol = "walking"
        find = fsspec.AbstractFileSystem.find

        @classmethod
        def _strip_protocol(cls, path: str) -> Any:
            return super()._strip_protocol(path.replace("walking://", "memory://"))

        def ls(self, path: str, *arguments: Any, **more: Any) -> Any:
            if path.endswith("deep/er") and broken:
                raise error
            return super().ls(path, *arguments, **more)

    fsspec.register_implementation("walking", Walking, clobber=True)
    memory = in_memory(FILES)
    site = Filesystem(memory.url.replace("memory", "walking"))
    broken = False
    assert read(site) == read(memory.filesystem)

    broken = True
    with pytest.raises(FlowerPowerError) as caught:
        read(site)

    assert not isinstance(caught.value, ProjectNotFoundError)


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


SECRET = "hunter2"


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
    import sys

    monkeypatch.setitem(sys.modules, "gcsfs", None)

    with pytest.raises(MissingExtraError) as caught:
        project_at("gs://bucket/acme", {}, None)

    assert caught.value.hint == "pip install 'flowerpower-gitops[gcs]'"


def test_a_revision_is_one_of_a_folder() -> None:
    with pytest.raises(UsageError, match="s3://bucket/acme"):
        project_at("s3://bucket/acme", {}, "main")
