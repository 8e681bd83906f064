"""Projects at URLs: read as folders are, in few requests, with nothing that is passed over."""

from __future__ import annotations

import errno
import stat
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.object_store import Bucket
from support.stores import Site, in_archive, in_bucket, in_memory, in_tar, on_the_web, write_files

from flowerpower.errors import FlowerPowerError, ProjectNotFoundError
from flowerpower.filesystem import Filesystem
from flowerpower.specs.files.folder import project_texts
from flowerpower.specs.files.remote import remote_project_texts
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
