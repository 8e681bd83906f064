"""What the pages about operations tell people to type does what they say."""

from __future__ import annotations

import configparser
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from support.command_line import FILES, CommandLine, command_line

DOCS = Path(__file__).resolve().parents[2] / "docs"
PASSWORDS = {"planner": "PLAN_PASSWORD", "applier": "APPLY_PASSWORD", "runner": "RUN_PASSWORD"}


@pytest.fixture
def as_user(tmp_path: Path, redis_url: str, redis_connection: redis.Redis) -> Iterator[dict[str, CommandLine]]:
    """The command line of each user of the page about users, in one project, in the environment `prod`."""
    page = (DOCS / "acl.md").read_text(encoding="utf-8").replace("\\\n", "")
    for line in re.findall(r"^redis-cli (ACL SETUSER .*)", page, re.MULTILINE):
        redis_connection.execute_command(*shlex.split(line))
    command_line(tmp_path, redis_url)
    where = urlsplit(redis_url)
    assert where.scheme == "unix"
    yield {
        name: CommandLine(
            tmp_path, {"FLOWERPOWER_ENV": "prod", "FLOWERPOWER_REDIS": f"unix://{name}:{password}@{where.path}"}
        )
        for name, password in PASSWORDS.items()
    }
    redis_connection.execute_command("ACL", "DELUSER", *PASSWORDS)


def test_each_user_may_do_what_it_is_for_and_nobody_more(as_user: dict[str, CommandLine]) -> None:
    planner, applier, runner = as_user["planner"], as_user["applier"], as_user["runner"]

    assert planner("plan").last == "Plan: 3 to add, 0 to change, 0 to destroy."
    refused = planner("apply", "--auto-approve")
    assert (refused.code, "Redis refused" in refused.err) == (1, True)
    assert applier("apply", "--auto-approve").code == 0
    assert applier("pause", "nightly", "--reason", "a look").code == 0
    assert applier("resume", "nightly").code == 0
    enqueued = applier("trigger", "hourly", "--json").document
    worked = runner.process("worker", "--burst")
    assert (worked.code, "NOPERM" in worked.err) == (0, False), worked.err
    assert planner("runs", "--job", enqueued["run"], "--json").document["status"] == "succeeded"
    assert applier("cancel", enqueued["run"]).code == 0
    for command in ("status", "drift", "next", "forecast", "history", "runs", "export"):
        assert planner(command).code == 0, command
    assert applier("forget", "hourly").code == 0


def test_a_user_of_one_environment_cannot_reach_another(as_user: dict[str, CommandLine]) -> None:
    elsewhere = as_user["applier"]("apply", "--env", "default", "--auto-approve")

    assert elsewhere.code == 1
    assert "Redis refused" in elsewhere.err


def test_the_page_on_installing_has_every_extra() -> None:
    page = (DOCS / "install.md").read_text(encoding="utf-8").split("## Extras")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert {extra for row in rows for extra in re.findall(r"`(\w+)`", row)} == set(project["optional-dependencies"])


@pytest.mark.parametrize("page", ["README.md", "docs/quick-start.md", "docs/install.md"])
def test_what_is_installed_on_a_first_day_runs_the_project_of_init(page: str, checkout: Path) -> None:
    wanted = re.match(r"\S+\]", (checkout / "project_template/requirements.txt.jinja").read_text(encoding="utf-8"))
    text = (checkout / page).read_text(encoding="utf-8")

    assert wanted
    assert set(re.findall(r"install '(.*?)'", text)) == {wanted[0]}


def test_the_service_starts_what_the_commands_before_it_have_set_up(tmp_path: Path) -> None:
    page = (DOCS / "install.md").read_text(encoding="utf-8").split("## On a worker")[1]
    console, unit = re.findall(r"```(?:console|ini)\n(.*?)```", page, re.DOTALL)[:2]
    service = configparser.ConfigParser(interpolation=None)
    service.optionxform = str  # type: ignore[assignment,method-assign]
    service.read_string(unit)
    folder, command = service["Service"]["WorkingDirectory"], shlex.split(service["Service"]["ExecStart"])

    assert f"{folder} && cd {folder}\n$ python3 -m venv .venv && . .venv/bin/activate\n$ pip install" in console
    assert command[0] == f"{folder}/.venv/bin/flowerpower"
    assert CommandLine(tmp_path)(*command[1:], "--help").code == 0
    assert service["Install"]["WantedBy"], "without it `systemctl enable` does nothing"


def test_a_key_is_rotated_as_its_page_says_and_no_run_is_refused(tmp_path: Path, redis_url: str) -> None:
    page = (DOCS / "rotate-key.md").read_text(encoding="utf-8")
    rows = [[cell.strip(" `") for cell in row.split("|")[1:-1]] for row in re.findall(r"^\| \d.*", page, re.MULTILINE)]
    keys = {step[0]: re.sub("old|new", lambda word: word[0] * 20, given) for step, _, given in rows if given}
    assert list(keys) == ["0", "1", "2", "5"]
    line = command_line(tmp_path, redis_url, {path: text for path, text in FILES.items() if "nightly" not in path})

    def status_of_a_run(applies: str, works: str) -> str:
        run = line("trigger", "hourly", "--json", FLOWERPOWER_SIGNING_KEY=keys[applies]).document["run"]
        line.process("worker", "--burst", "--no-scheduler", FLOWERPOWER_SIGNING_KEY=keys[works])
        return str(line("runs", "--job", run, "--json").document["status"])

    assert line("apply", "--auto-approve", FLOWERPOWER_SIGNING_KEY=keys["0"]).code == 0
    assert status_of_a_run("0", "1") == "succeeded"
    assert status_of_a_run("2", "1") == "succeeded"
    signed = line("apply", "--resign", "--auto-approve", FLOWERPOWER_SIGNING_KEY=keys["2"])
    assert "Signed again: 1 run spec.\n" in signed.out + signed.err
    assert status_of_a_run("2", "5") == "succeeded"
    assert status_of_a_run("0", "5") == "failed"
