"""Every command that a command proposes can be pasted: it is one, and it names the environment it was asked about."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest
from redis import Redis
from support.command_line import FILES, Answer, command_line
from support.in_process import Here
from support.walk import commands

from flowerpower.proposed import IN_AN_ENVIRONMENT, at_redis, in_env

SPECS = {
    **FILES,
    "flowerpower.yaml": "name: acme\nmodules: [flows]\ncode: git\nenvironments: {prod: {}}\n",
    "flows/open.py": "import os\n\nif os.environ.get('X'):\n    def made() -> int:\n        return 1\n",
    "pipelines/undecided.yaml": "modules: [open]\noutputs: [made]\n",
}
BEFORE_APPLY = """
plan
status
runs
next
drift
history
doctor
trigger nightly
pause nightly --reason x
"""
AFTER_APPLY = """
plan
plan --json
plan --format markdown
plan --out plan.json
apply plan.json
show plan.json
status
status --format html
status nobody
runs
runs nobody
runs nightly
runs --job x
next
next nobody
runs --job nightly--1795312800 --log
history nobody
history 12345678
rollback 12345678
doctor
doctor --json
trigger nobody
cancel nightly
cancel nobody--1
rerun nightly
rerun
rerun nightly --tick 2090-01-01
rerun nightly--1
backfill nobody --from 2d --dry-run
pause nobody --reason x
backfill nightly --from 2090-01-01 --dry-run
backfill nightly --from 2d --dry-run
forecast nobody
render nobody
run nobody
dag nobody
new schedule fresh --pipeline report
new pipeline fresh
export nobody
export --out live
forget nobody
resume nobody
validate --ref nothing
trigger nightly
validate
validate --json
apply --ref nothing
pause nightly --reason x
plugins
apply missing.json
"""
BROKEN = """
plan
status
status --json
doctor
export --out .
export --out . --json
dag report
"""
_FITTING = re.compile(
    r"`(flowerpower [a-z]+ [^`]*)`|(?:^|[:;] |&& )(flowerpower [a-z]+ [^`;&]*?)(?= &&|;|$)", re.MULTILINE
)


@pytest.fixture(scope="module")
def here(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Here:
    """A project that nothing is applied of."""
    with Redis.from_url(redis_server) as connection:
        connection.flushall()
    folder = tmp_path_factory.mktemp("acme")
    command_line(folder, redis_server, SPECS)
    return Here(folder, redis_server)


@pytest.fixture(scope="module")
def answers(here: Here) -> dict[str, Answer]:
    """What was said under `--env prod`, before anything was applied and after it."""
    before = {
        f"{call}, before": here(*shlex.split(call), "--env", "prod") for call in BEFORE_APPLY.strip().splitlines()
    }
    assert here("apply", "--auto-approve", "--env", "prod").code == 0
    after = {call: here(*shlex.split(call), "--env", "prod") for call in AFTER_APPLY.strip().splitlines()}
    (here.folder / "schedules/nightly.yaml").write_text("pipeline: repotr\ncron: '@daily'\n")
    broken = {f"{call}, broken": here(*shlex.split(call), "--env", "prod") for call in BROKEN.strip().splitlines()}
    return before | after | broken


def proposed(text: str) -> Iterator[str]:
    """Yield every command that a text names, to the end of what may belong to it."""
    parts = text.split("flowerpower ")
    for part in parts[1:]:
        name = re.match(r"(?:new )?[a-z]+", part)
        command = re.split(r"[`\n<]", part)[0]
        if name is not None and name[0] in commands() and not command.endswith("--help"):
            yield command


def test_each_proposed_command_names_the_environment(answers: dict[str, Answer]) -> None:
    found = {call: [*proposed(answer.out), *proposed(answer.err)] for call, answer in answers.items()}

    assert sum(map(len, found.values())) > 30
    bare = {call: [one for one in some if "--env prod" not in one] for call, some in found.items()}
    assert not {call: some for call, some in bare.items() if some}


def test_each_proposed_command_is_one(answers: dict[str, Answer]) -> None:
    texts = [re.sub(r'",?\n', "\n", answer.out) + answer.err for answer in answers.values()]  # JSON or not
    calls = {found[1] or found[2] for text in texts for found in _FITTING.finditer(text)}

    assert len(calls) > 10
    for call in calls:
        words = shlex.split(call)[1:]
        size = 2 if " ".join(words[:2]) in commands() else 1
        commands()[" ".join(words[:size])].make_context("flowerpower", words[size:])


def test_a_saved_plan_names_the_environment_that_nobody_named(here: Here, answers: dict[str, Answer]) -> None:
    assert answers["plan --out plan.json"].code == 0

    stale = here("apply", "plan.json")

    assert stale.code == 4, stale.out
    assert all("--env prod" in one for one in proposed(stale.err))
    assert list(proposed(stale.err)), stale.err


def test_the_commands_of_an_environment_are_those_with_that_flag() -> None:
    have = {name for name, command in commands().items() if any("--env" in one.opts for one in command.params)}

    assert set(IN_AN_ENVIRONMENT) <= have
    assert have - set(IN_AN_ENVIRONMENT) == {"init", "fmt", "schema", "plugins", "comment", "completion"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("run `flowerpower plan`: it shows", "run `flowerpower plan --env prod`: it shows"),
        (
            "flowerpower resume NAME; or flowerpower plan",
            "flowerpower resume --env prod NAME; or flowerpower plan --env prod",
        ),
        ("flowerpower new schedule x", "flowerpower new schedule --env prod x"),
        (
            "flowerpower trigger a --env prod; flowerpower runs",
            "flowerpower trigger a --env prod; flowerpower runs --env prod",
        ),
        ("`flowerpower runs`, --env", "`flowerpower runs --env prod`, --env"),
        ("flowerpower planning is no command", "flowerpower planning is no command"),
        ("flowerpower init makes one", "flowerpower init makes one"),
    ],
)
def test_a_text_gets_the_flag_where_it_is_missing(text: str, told: str) -> None:
    assert in_env(text, "prod") == told
    assert in_env(told, "acme.prod") == told
    assert in_env(text, "acme.default") == in_env(text, "") == text


@pytest.mark.parametrize(
    ("place", "address"),
    [
        ("unix:///tmp/a b.sock", " -s '/tmp/a b.sock'"),
        ("redis://db:6380/2", " -u redis://db:6380/2"),
        ("redis://***@db:6380", " -u redis://db:6380"),  # its password is not ours to show
        ("unix://***@/s?password=***&db=2", " -s /s -n 2"),
        ("redis+sentinel://db:26379/main", ""),
        ("", ""),
    ],
)
def test_a_call_of_redis_names_the_server_that_the_text_is_about(place: str, address: str) -> None:
    text = "look: redis-cli HGETALL x; redis-cli -h y GET x"

    assert at_redis(text, place) == f"look: redis-cli{address} HGETALL x; redis-cli -h y GET x"
