"""Modules of earlier commits, asked of real repositories."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from flowerpower.specs.files.earlier import modules_at


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ana", "-c", "user.email=ana@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path, files: Mapping[str, str]) -> str:
    for name, text in files.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "-qm", "change")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(params=["sha1", "sha256"])
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A project that is a folder of a repository."""
    git(tmp_path, "init", "-q", f"--object-format={request.param}")
    folder = tmp_path / "data" / "acme"
    folder.mkdir(parents=True)
    return folder


def test_each_commit_has_its_own_modules_and_nothing_else(project: Path) -> None:
    first = commit(project, {"flows/a": "1", "flows/b": "1", "flows/pkg/__init__": "", "other/c": "1"})
    second = commit(project, {"flows/a": "2", "flows/größe": "1"})
    (project / "flows" / "b.py").unlink()
    (project / "flows" / "link.py").symlink_to("a.py")
    third = commit(project, {"flows/node_modules/x": "1", "flows/.hidden/y": "1"})

    found = modules_at(project, {}, [first, second, third], ["flows"])

    old = {"flows/a.py": b"1", "flows/b.py": b"1", "flows/pkg/__init__.py": b""}
    new = {**old, "flows/a.py": b"2", "flows/größe.py": b"1"}
    assert found == {first: old, second: new, third: {path: new[path] for path in new if path != "flows/b.py"}}


@pytest.mark.parametrize("folders", [["."], [""], ["flows", "lib"], ["./flows/", "lib/"]])
def test_module_folders_are_named_as_in_a_spec(project: Path, folders: list[str]) -> None:
    one = commit(project, {"flows/a": "1", "lib/b": "2"})

    assert modules_at(project, {}, [one], folders)[one] == {"flows/a.py": b"1", "lib/b.py": b"2"}


def test_without_folders_there_are_no_modules(project: Path) -> None:
    one = commit(project, {"flows/a": "1"})

    assert modules_at(project, {}, [one], []) == {one: {}}


def test_what_is_the_same_today_is_not_read_again(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = [commit(project, {"flows/a": str(number), "flows/b": "same"}) for number in range(3)]
    log = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE", str(log))

    found = modules_at(project, {"flows/a.py": b"2", "flows/b.py": b"same"}, commits, ["flows"])

    assert [found[name]["flows/a.py"] for name in commits] == [b"0", b"1", b"2"]  # type: ignore[index]
    assert log.read_text().count("built-in: git") == 4, "one for each commit and one for what differs"
    log.unlink()
    modules_at(project, {"flows/a.py": b"2", "flows/b.py": b"same"}, commits[2:], ["flows"])
    assert log.read_text().count("built-in: git") == 1


def test_a_commit_that_a_shallow_clone_lacks_is_said_to_be_missing(project: Path, tmp_path: Path) -> None:
    first = commit(project, {"flows/a": "1"})
    second = commit(project, {"flows/a": "2"})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", tmp_path.as_uri(), str(clone))

    found = modules_at(clone / "data" / "acme", {}, [first, second], ["flows"])

    assert found[second] == {"flows/a.py": b"2"}
    assert found[first] == (
        f"commit {first[:7]} is not in this clone; fetch the whole history (`fetch-depth: 0` in CI)"
    )


def test_outside_git_nothing_is_known(tmp_path: Path) -> None:
    assert modules_at(tmp_path, {}, ["1" * 40], ["flows"]) == {"1" * 40: "this folder is not in git"}


def test_a_file_that_is_too_large_is_left_out_as_everywhere(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowerpower.specs.files.earlier.MAX_MODULE_BYTES", 3)
    one = commit(project, {"flows/a": "1234", "flows/b": "123"})

    assert modules_at(project, {}, [one], ["flows"]) == {one: {"flows/b.py": b"123"}}
