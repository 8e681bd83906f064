"""The files of live pipelines are found again and proved, or it is said why not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from support.states import pipeline

from flowerpower.dataflow.modules import Files
from flowerpower.dataflow.reader import code_digest
from flowerpower.planning.live_code import MOST_COMMITS, Unknown, live_files
from flowerpower.state.models import Head, Pipeline, Reading, Record, State

OLD, OTHER, NEW = ({"flows/flow.py": text} for text in (b"old", b"other", b"new"))
HEAD, OWN = "a" * 40, "b" * 40


def made_of(files: Files, name: str = "report") -> Pipeline:
    return pipeline(name, code_digest(["flow"], files, ["flows"]), folders=["flows"])


def reading(commit: str, *, head: str = HEAD, intact: bool = True, names: Sequence[str] = ("report",)) -> Reading:
    records = {f"pipeline.{name}": Record(1, "seal", intact=intact, commit=commit) for name in names}
    return Reading(now=0, head=Head(commit=head), state=State(), records=records, cursors={})


@dataclass
class Repository:
    """Commits with their files, or why there are none; remembers what it was asked."""

    commits: Mapping[str, Files | str]
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def __call__(self, commits: Sequence[str], folders: Collection[str]) -> Mapping[str, Files | str]:
        assert list(folders) == ["flows"]
        self.asked.append(tuple(commits))
        return {commit: self.commits.get(commit, "it is not there") for commit in commits}


def test_without_a_change_of_code_git_is_not_asked() -> None:
    repository = Repository({})

    assert live_files([made_of(NEW)], reading(OWN), NEW, repository) == {"report": NEW}
    assert repository.asked == []


def test_the_last_commit_is_asked_first_and_is_enough_when_it_is_proved() -> None:
    repository = Repository({HEAD: OLD, OWN: OLD})

    assert live_files([made_of(OLD)], reading(OWN), NEW, repository) == {"report": OLD}
    assert repository.asked == [(HEAD,)]


@pytest.mark.parametrize("head", [HEAD, "", "tree:1234", f"{HEAD}+dirty"])
@pytest.mark.parametrize("commit", [OWN, f"{OWN}+dirty"])
def test_the_records_own_commit_is_asked_when_the_last_one_proves_nothing(head: str, commit: str) -> None:
    repository = Repository({HEAD: OTHER, OWN: OLD})

    assert live_files([made_of(OLD)], reading(commit, head=head), NEW, repository) == {"report": OLD}
    assert repository.asked[-1] == (OWN,)


@pytest.mark.parametrize(
    ("commit", "why"),
    [
        (OWN, "its files at bbbbbbb are not those that were applied"),
        (f"{OWN}+dirty", "it was applied with uncommitted changes, on top of bbbbbbb"),
        ("c" * 40, "it is not there"),
        (f"{'c' * 40}+dirty", "it is not there"),
        ("tree:0123", "it was applied from a folder outside git"),
        ("", "its record names no commit"),
        ("--output=/etc/passwd", "its record names no commit"),
        ("HEAD", "its record names no commit"),
        (f"{OWN}\n", "its record names no commit"),
    ],
)
def test_what_is_not_proved_is_not_known_and_it_is_said_why(commit: str, why: str) -> None:
    repository = Repository({OWN: OTHER})

    assert live_files([made_of(OLD)], reading(commit), NEW, repository) == {"report": Unknown(why)}
    assert all(len(asked) == 40 for commits in repository.asked for asked in commits), "only commits go to git"


def test_a_record_altered_in_redis_proves_nothing() -> None:
    found = live_files([made_of(OLD)], reading(OWN, intact=False), NEW, Repository({OWN: OLD, HEAD: OLD}))

    assert found == {"report": Unknown("its record was altered in Redis")}


def test_a_record_of_odd_values_is_not_known() -> None:
    odd = replace(made_of(OLD), fields={"modules": 5, "folders": None})
    found = live_files([odd], reading(OWN), NEW, lambda commits, folders: dict.fromkeys(commits, OLD))

    assert found == {"report": Unknown("its files at bbbbbbb are not those that were applied")}


def test_only_a_few_commits_are_asked_those_of_most_records_first() -> None:
    names = [f"p{number}" for number in range(MOST_COMMITS + 5)]
    commits = {name: f"{number:040x}" for number, name in enumerate(names)} | {names[-1]: f"{MOST_COMMITS + 3:040x}"}
    live = replace(
        reading("", names=names),
        records={f"pipeline.{name}": Record(1, "seal", commit=commit) for name, commit in commits.items()},
    )
    repository = Repository(dict.fromkeys(commits.values(), OLD) | {HEAD: OTHER})

    found = live_files([made_of(OLD, name) for name in names], live, NEW, repository)

    unknown = {name: files for name, files in found.items() if isinstance(files, Unknown)}
    assert [len(asked) for asked in repository.asked] == [1, MOST_COMMITS]
    assert names[-1] not in unknown
    assert len(unknown) == 4
    assert set(unknown.values()) == {Unknown("the changed pipelines are of too many commits; 10 are looked at")}
