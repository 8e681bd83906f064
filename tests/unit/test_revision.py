"""What git says of a folder, asked of real repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from flowerpower.git import GitError
from flowerpower.revision import Revision, descends, is_pushed, normal_remote, precedes, read_revision


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ana", "-c", "user.email=ana@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("1", encoding="utf-8")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-qm", "one")
    return tmp_path


def test_a_clean_commit_a_dirty_tree_and_a_ref(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")

    assert read_revision(repository) == Revision(commit, "", dirty=False)
    (repository / "a").write_text("2", encoding="utf-8")
    assert read_revision(repository).dirty
    assert not read_revision(repository, "main").dirty


@pytest.mark.parametrize(
    ("name", "dirty"),
    [
        ("plan.json", False),
        ("out/table.parquet", False),
        ("new.yaml", True),
        ("flows/new.py", True),
        ("deep/b.yml", True),
    ],
)
def test_a_new_file_counts_only_if_flowerpower_could_read_it(repository: Path, name: str, dirty: bool) -> None:
    (repository / name).parent.mkdir(exist_ok=True)
    (repository / name).write_text("")

    assert read_revision(repository).dirty is dirty


def test_outside_git_and_before_the_first_commit_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert not read_revision(tmp_path).in_git
    git(tmp_path, "init", "-q")
    assert not read_revision(tmp_path).in_git


def test_a_ref_that_looks_like_an_option_is_only_a_ref(repository: Path) -> None:
    with pytest.raises(GitError, match="no revision '--all'"):
        read_revision(repository, "--all")


def test_a_hook_of_another_repository_does_not_mislead(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = read_revision(repository).commit
    monkeypatch.setenv("GIT_DIR", "/nowhere/.git")

    assert read_revision(repository).commit == commit


def test_a_repository_that_git_cannot_read_is_no_folder_outside_git(repository: Path) -> None:
    (repository / ".git" / "HEAD").write_text("garbage", encoding="utf-8")

    with pytest.raises(GitError, match=r"not in a git repository|failed"):
        read_revision(repository)


def test_a_repository_of_another_user_is_said_to_be_one_and_the_way_out_names_it(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    with pytest.raises(GitError, match="dubious ownership") as caught:
        read_revision(repository)

    assert caught.value.hint.endswith(f"git config --global --add safe.directory {repository}")


def test_descent_is_known_or_said_to_be_unknown(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "commit", "-q", "--allow-empty", "-m", "two")
    second = git(repository, "rev-parse", "HEAD")

    assert descends(repository, second, first) is True
    assert descends(repository, first, first) is True
    assert descends(repository, first, second) is False
    assert descends(repository, first, "0" * 40) is False, "the whole history is here, without it"
    assert descends(repository, first, "a\0b") is None


def test_which_commits_come_before_others_is_known_or_said_to_be_unknown(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "commit", "-q", "--allow-empty", "-m", "two")
    second = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "-b", "side", first)
    git(repository, "commit", "-q", "--allow-empty", "-m", "three")
    side = git(repository, "rev-parse", "HEAD")

    assert precedes(repository, first, []) is False
    assert precedes(repository, first, [f"{first}+dirty"]) is True
    assert precedes(repository, f"{first}+dirty", [second]) is True
    assert precedes(repository, first, ["tree:1", side]) is True
    assert precedes(repository, second, [first, side]) is False
    assert precedes(repository, first, ["0" * 40, side]) is True
    assert precedes(repository, second, ["0" * 40, side]) is None
    assert precedes(repository, "tree:1", ["tree:1", second]) is True
    assert precedes(repository, "tree:1", ["tree:2", second]) is False


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example/Acme/Data.git",
        "https://ana:secret@git.example/acme/data",
        "git@git.example:acme/data.git",
        "ssh://git@git.example/acme/data/",
    ],
)
def test_one_repository_has_one_name_and_no_credential(url: str) -> None:
    assert normal_remote(url) == "git.example/acme/data"


def test_a_status_that_fails_is_unknown_and_not_clean(repository: Path) -> None:
    (repository / ".git/index").write_bytes(b"damaged")

    assert read_revision(repository).dirty is None
    assert read_revision(repository, "main").dirty is False


def test_what_a_sparse_checkout_leaves_out_is_named(repository: Path) -> None:
    for name in ("schedules/a.yaml", "schedules/b ü.yaml", "other/c"):
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text("1", encoding="utf-8")
    git(repository, "add", "--all")
    git(repository, "commit", "-qm", "two")
    assert read_revision(repository).absent == ()

    git(repository, "sparse-checkout", "set", "other")

    revision = read_revision(repository)
    assert revision.absent == ("schedules/a.yaml", "schedules/b ü.yaml")
    assert revision.dirty is False
    assert read_revision(repository, "main").absent == ()


def test_a_shallow_clone_that_has_both_commits_and_not_what_joins_them_cannot_tell(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for number in range(3):
        git(repository, "commit", "-qm", str(number), "--allow-empty")
    old, new = git(repository, "rev-parse", "HEAD~3"), git(repository, "rev-parse", "HEAD")
    git(repository, "branch", "old", old)
    clone = tmp_path_factory.mktemp("clone")
    source = f"file://{repository}"
    git(clone, "init", "-q")
    git(clone, "fetch", "-q", "--depth=1", source, "HEAD", "old")

    assert descends(clone, new, old) is descends(clone, new, "0" * 40) is None
    git(clone, "fetch", "-q", "--unshallow", source)
    assert descends(clone, new, old) is True


def test_a_commit_is_pushed_when_a_branch_of_a_remote_holds_it(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    assert is_pushed(repository, first), "without a remote workers take the clone itself"

    origin = repository / "origin.git"
    git(repository, "init", "-q", "--bare", str(origin))
    git(repository, "remote", "add", "origin", str(origin))
    assert is_pushed(repository, first) is False

    git(repository, "push", "-q", "origin", "HEAD:refs/heads/main")
    git(repository, "commit", "-q", "--allow-empty", "-m", "two")
    second = git(repository, "rev-parse", "HEAD")
    assert (is_pushed(repository, first), is_pushed(repository, second)) == (True, False)

    git(repository, "push", "-q", "origin", "HEAD:refs/heads/main")
    assert is_pushed(repository, second)


def test_where_ci_has_fetched_no_branch_nothing_is_said_of_what_is_pushed(repository: Path) -> None:
    job = repository / "job"
    git(repository, "init", "-q", str(job))
    git(job, "remote", "add", "origin", f"file://{repository}")
    git(job, "fetch", "-q", "--depth=1", "origin", "HEAD")
    commit = git(job, "rev-parse", "FETCH_HEAD")
    assert is_pushed(job, commit) is None

    git(job, "update-ref", "refs/pipelines/7", commit)
    assert is_pushed(job, commit), "a job of GitLab"
