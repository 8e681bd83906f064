"""Code at a commit, from real git: exactly that commit, of the one branch, in folders that nobody changes."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.command_line import CommandLine

from flowerpower.errors import UsageError
from flowerpower.jobs.workers.checkouts import CheckoutError, Checkouts


@pytest.fixture
def origin(tmp_path: Path) -> CommandLine:
    """Return a repository with a project in a folder of it, as a server has it."""
    line = CommandLine(tmp_path / "origin")
    line.write("etl/flows/flow.py", "answer = 1\n")
    line.write("etl/flows/inner/query.sql", "select 1\r\n")
    line.write("etl/.gitattributes", "flows/** export-ignore\n")
    line.git("init", "--quiet", "--initial-branch=main")
    line.commit()
    return line


@pytest.fixture
def checkouts(origin: CommandLine, tmp_path: Path) -> Checkouts:
    origin.git("clone", "--quiet", str(origin.folder), str(tmp_path / "clone"))
    return Checkouts.of(tmp_path / "clone/etl", "", tmp_path / "cache")


def head(origin: CommandLine) -> str:
    return origin.git("rev-parse", "HEAD")


def test_the_files_are_those_of_the_commit_to_the_letter_and_cannot_be_changed_by_mistake(
    origin: CommandLine, checkouts: Checkouts, tmp_path: Path
) -> None:
    old = head(origin)
    origin.write("etl/flows/flow.py", "answer = 2\n")
    new = origin.commit()

    places = [checkouts.at(commit, ["flows"]) for commit in (old, new, old)]

    assert [(place / "flows/flow.py").read_text() for place in places] == [f"answer = {n}\n" for n in (1, 2, 1)]
    assert (places[0] / "flows/inner/query.sql").read_bytes() == b"select 1\r\n"
    assert not any(path.stat().st_mode & 0o222 for path in (places[0] / "flows").rglob("*"))
    assert (tmp_path / "clone/etl/flows/flow.py").read_text() == "answer = 1\n", "the clone is left as it was"


def test_a_commit_that_was_fetched_needs_no_server(origin: CommandLine, checkouts: Checkouts) -> None:
    commit = head(origin)
    checkouts.at(commit, ["flows"])
    origin.folder.rename(origin.folder.with_name("gone"))

    assert (checkouts.at(commit, ["flows"]) / "flows/flow.py").exists()
    with pytest.raises(CheckoutError, match="could not be fetched"):
        checkouts.at("f" * 40, ["flows"])


def test_a_cache_that_was_left_half_made_is_made_anew(origin: CommandLine, checkouts: Checkouts) -> None:
    home = checkouts.at(head(origin), ["flows"]).parent
    origin.write("etl/flows/flow.py", "answer = 2\n")
    commit = origin.commit()
    (home / "repository.git/HEAD").unlink()  # the worker was killed while git made it

    assert (checkouts.at(commit, ["flows"]) / "flows/flow.py").read_text() == "answer = 2\n"
    assert not list(home.glob("unfinished-*"))


_ON_A_SMALL_DISK = """
mount -t tmpfs -o size=$1 tmpfs "$2" && shift 2 && exec "$@"
"""
_TAKE = """
import sys
from pathlib import Path
from flowerpower.jobs.workers.checkouts import CheckoutError, Checkouts

clone, cache, commit = sys.argv[1:]
try:
    Checkouts.of(Path(clone), "", Path(cache)).at(commit, ["flows"])
except CheckoutError as error:
    print(error, error.hint, sorted(path.name for path in Path(cache).glob("code/*/*")), sep="|")
"""


@pytest.mark.parametrize("size", ["16k", "256k"])  # room for a part of an empty repository; for that, not for the code
def test_a_full_disk_is_told_as_such_and_leaves_nothing_half_made(
    origin: CommandLine, checkouts: Checkouts, tmp_path: Path, size: str
) -> None:
    origin.write("etl/flows/large.py", "".join(f"# {number * 7919 % 104729:x}\n" for number in range(100_000)))
    (tmp_path / "cache").mkdir()
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _ON_A_SMALL_DISK, "sh", size]
    inside += [str(tmp_path / "cache")]
    if subprocess.run([*inside, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may mount nothing here")

    command = [sys.executable, "-c", _TAKE, str(checkouts.clone), str(tmp_path / "cache"), origin.commit()]
    said, hint, left = subprocess.run([*inside, *command], capture_output=True, text=True, check=True).stdout.split("|")

    assert said.startswith("the code of ")
    assert said.endswith("No space left on device")
    assert hint == "make room, or name another place with FLOWERPOWER_CACHE_DIR"
    assert "unfinished" not in left


def test_only_commits_of_the_branch_are_taken(origin: CommandLine, checkouts: Checkouts) -> None:
    origin.git("checkout", "--quiet", "-b", "feature")
    origin.write("etl/flows/flow.py", "answer = 'evil'\n")
    feature = origin.commit()
    origin.git("checkout", "--quiet", "main")

    with pytest.raises(CheckoutError, match="is not on branch 'main'"):
        checkouts.at(feature, ["flows"])
    for name in ("", f"{feature}+dirty", "tree:1234", "--upload-pack=touch x", "main"):
        with pytest.raises(CheckoutError, match="is no commit"):
            checkouts.at(name, ["flows"])
    origin.git("merge", "--quiet", "feature")
    assert checkouts.at(feature, ["flows"])


def test_what_is_no_plain_file_is_named(origin: CommandLine, checkouts: Checkouts, tmp_path: Path) -> None:
    (origin.folder / "etl/flows/link.py").symlink_to("flow.py")
    link = origin.commit()
    origin.git("rm", "--quiet", "--cached", "etl/flows/link.py")
    (origin.folder / "etl/flows/link.py").unlink()
    origin.write("etl/flows/big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    large = origin.commit()
    origin.git("rm", "--quiet", "--cached", "etl/flows/big.bin")
    (origin.folder / "etl/flows/big.bin").unlink()
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{large},etl/flows/lib")
    origin.git("commit", "--quiet", "--message=submodule")
    submodule = head(origin)

    for commit, words in ((link, "link.py is a link"), (large, "big.bin is kept in Git LFS"), (submodule, "submodule")):
        with pytest.raises(CheckoutError, match=words):
            checkouts.at(commit, ["flows"])
    assert not list((tmp_path / "cache").rglob("unfinished-*"))


def test_several_workers_can_share_a_cache(origin: CommandLine, checkouts: Checkouts) -> None:
    commit = head(origin)

    with ThreadPoolExecutor(8) as pool:
        places = list(pool.map(lambda _: checkouts.at(commit, ["flows"]), range(8)))

    assert len(set(places)) == 1
    assert (places[0] / "flows/flow.py").read_text() == "answer = 1\n"


def test_a_cache_that_cannot_even_be_looked_into_is_said_plainly(
    origin: CommandLine, checkouts: Checkouts, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, is_dir = head(origin), Path.is_dir

    def refusing(path: Path) -> bool:
        if path.is_relative_to(checkouts.cache):  # as for a user who may not read it; root, who runs tests, may
            raise PermissionError(13, "Permission denied", str(path))
        return is_dir(path)

    monkeypatch.setattr(Path, "is_dir", refusing)

    with pytest.raises(CheckoutError, match=r"cannot be written to .*: Permission denied"):
        checkouts.at(commit, ["flows"])


def test_a_cache_that_cannot_be_written_is_said_plainly(origin: CommandLine, tmp_path: Path) -> None:
    origin.git("clone", "--quiet", str(origin.folder), str(tmp_path / "clone"))
    (tmp_path / "cache").write_text("no folder")

    with pytest.raises(CheckoutError, match=r"cannot be written to .*: Not a directory"):
        Checkouts.of(tmp_path / "clone/etl", "", tmp_path / "cache").at(head(origin), ["flows"])


def test_a_shallow_clone_fetches_what_it_needs_from_its_origin(origin: CommandLine, tmp_path: Path) -> None:
    old = head(origin)
    origin.commit("more")
    url = origin.folder.as_uri()
    subprocess.run(["git", "clone", "--quiet", "--depth=1", url, tmp_path / "shallow"], check=True)

    checkouts = Checkouts.of(tmp_path / "shallow/etl", "", tmp_path / "cache")

    assert checkouts.at(old, ["flows"])
    subprocess.run(["git", "-C", tmp_path / "shallow", "remote", "remove", "origin"], check=True)
    with pytest.raises(CheckoutError, match="clone is shallow"):
        checkouts.at(old, ["flows"])


def test_what_makes_it_impossible_is_said_at_the_start(origin: CommandLine, tmp_path: Path) -> None:
    origin.git("checkout", "--quiet", "--detach")

    with pytest.raises(UsageError, match="on no branch"):
        Checkouts.of(origin.folder / "etl", "", tmp_path)
    with pytest.raises(UsageError, match="no place for a cache"):
        Checkouts.of(origin.folder / "etl", "main", None)
    with pytest.raises(UsageError, match="needs the project to be in a git clone"):
        Checkouts.of(tmp_path, "main", tmp_path)
