"""What `worker` says of flags that cannot be meant, and of jobs that its flags leave out."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from support.command_line import Answer, CommandLine


def test_the_log_of_a_worker_names_its_own_flags(applied: CommandLine, redis_connection: Redis) -> None:
    Queue("acme--default--default", connection=redis_connection, serializer=JSONSerializer).enqueue("shop.stock.count")

    answer = applied.process("worker", "--burst", "--no-scheduler")

    assert "this worker does not run 'shop.stock.count'" in answer.err
    assert "hint: name it with --allow-function if it is meant" in answer.err
    assert "allowed=" not in answer.err


def work(line: CommandLine, *flags: str) -> Answer:
    """Run a worker until the queues are empty."""
    return line.process("worker", "--burst", "--no-scheduler", *flags)


def warnings(answer: Answer) -> list[str]:
    """Return what a worker warned of, without the time."""
    return [line.partition(" WARNING ")[2] for line in answer.err.splitlines() if " WARNING " in line]


def test_a_function_that_is_not_there_is_warned_of_and_what_can_be_none_is_refused(applied: CommandLine) -> None:
    known, unknown, none = (work(applied, "--allow-function", name) for name in ("json.dumps", "json.dmups", "dumps"))

    assert (known.code, warnings(known)) == (0, [])
    assert warnings(unknown) == ["the module 'json' has no 'dmups' (did you mean 'dumps'?), so its jobs will fail"]
    assert (none.code, none.err.splitlines()) == (
        1,
        ["Error: 'dumps' names a function without its module", "hint: for example shop.stock.dumps"],
    )


@pytest.fixture
def from_git(applied: CommandLine, tmp_path: Path) -> CommandLine:
    """The command line in a clone of a repository with a branch `release`, whose workers take code from git."""
    applied.write("flowerpower.yaml", "name: acme\nmodules: [flows]\ncode: git\n")
    applied.commit()
    applied.git("branch", "-M", "main")
    origin = tmp_path / "origin.git"
    applied.git("init", "--quiet", "--bare", str(origin))
    applied.git("remote", "add", "origin", str(origin))
    applied.git("push", "--quiet", "origin", "main", "main:release")
    environment = {**applied.environment, "FLOWERPOWER_CACHE_DIR": str(tmp_path / "cache")}
    return CommandLine(applied.folder, environment)


def test_a_branch_that_is_not_there_is_refused(from_git: CommandLine) -> None:
    good, near, far = (work(from_git, "--branch", name) for name in ("release", "relaese", "nope"))

    assert good.code == 0, good.err
    assert (near.code, near.err.splitlines()[-2:]) == (
        1,
        [
            "Error: there is no branch 'relaese' to fetch the code of runs from",
            "hint: did you mean 'release'?",
        ],
    )
    assert (far.code, far.err.splitlines()[-1]) == (1, "hint: push it first; there are: main, release")


def test_a_branch_of_an_origin_that_cannot_be_asked_is_taken(from_git: CommandLine, tmp_path: Path) -> None:
    from_git.git("remote", "set-url", "origin", str(tmp_path / "nowhere"))

    answer = work(from_git, "--branch", "nope")

    assert answer.code == 0
    assert [said.partition(":")[0] for said in warnings(answer)] == ["nothing is imported before forking"]


def test_a_branch_without_code_from_git_has_no_effect_and_says_so(applied: CommandLine) -> None:
    assert warnings(work(applied, "--branch", "main")) == [
        "--branch main has no effect: runs get the code that lies here, and not that of a commit"
    ]


def test_a_queue_that_is_not_used_is_told_with_the_nearest(applied: CommandLine) -> None:
    assert warnings(work(applied, "--queue", "defualt")) == [
        "queue defualt is neither declared by the project nor used by an applied schedule; did you mean default?"
    ]
