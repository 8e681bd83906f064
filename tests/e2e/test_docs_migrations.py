"""The pages about moving in: what ran before fires at the same moments from the specs that take its place."""

from __future__ import annotations

import ast
import base64
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import redis
from croniter import croniter
from rq.cron import CronScheduler
from support.command_line import CommandLine
from support.foreign import replay

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "migrate"
DOCS = EXAMPLES.parents[1] / "docs"
NAMES = ["rq-cron", "rq-scheduler", "crontab", "airflow"]
BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = "2026-11-26T12:00:00Z"


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the local time of this process be that of Berlin, as it was on the hosts of the examples."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def fires(name: str, schedule: str, count: int, begin: str = BEGIN) -> list[datetime]:
    """Return the next fires of a schedule, as `flowerpower next` says them of the specs."""
    line = CommandLine(EXAMPLES / name / "after")
    answer = line("next", schedule, "--specs", "--from", begin, "-n", str(count), "--json")
    return [datetime.fromisoformat(fire["tick"]) for fire in answer.document["fires"]]


def cron_fires(expression: str, count: int) -> Sequence[datetime]:
    """Return the next fires of a cron expression on the clocks of Berlin, as croniter says them."""
    walk = croniter(expression, datetime.fromisoformat(BEGIN).astimezone(BERLIN).replace(tzinfo=None))
    return [walk.get_next(datetime).replace(tzinfo=BERLIN).astimezone(UTC) for _ in range(count)]


@pytest.mark.parametrize("name", NAMES)
def test_the_specs_that_take_over_are_valid(name: str) -> None:
    answer = CommandLine(EXAMPLES / name / "after")("validate")

    assert (answer.code, answer.err) == (0, ""), answer.out


def shown(name: str, heading: str) -> list[tuple[str, str]]:
    """Return what a page shows under a heading: the files that its blocks name, and what they say of them."""
    page = (DOCS / f"from-{name}.md").read_text(encoding="utf-8")
    part = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```(?:python|yaml|text)\n(?:# (\S+\.\w+)\n)?(.*?)```", part, re.DOTALL)


@pytest.mark.parametrize("name", NAMES)
def test_what_ran_before_is_in_the_files_of_its_page(name: str) -> None:
    files = [file.read_text(encoding="utf-8") for file in (EXAMPLES / name / "before").iterdir() if file.is_file()]
    blocks = shown(name, "Before")

    assert blocks
    assert [block for _, block in blocks if not any(block in file for file in files)] == []


@pytest.mark.parametrize("name", NAMES)
def test_each_block_that_takes_over_is_in_the_file_that_it_names(name: str) -> None:
    blocks = shown(name, "After")

    assert blocks
    assert [(path, block) for path, block in blocks if not path] == [], "nobody knows where this belongs"
    folder = EXAMPLES / name / "after"
    assert [path for path, block in blocks if block not in (folder / path).read_text(encoding="utf-8")] == []


def test_the_dag_of_the_page_runs_from_what_the_page_shows(tmp_path: Path) -> None:
    line = CommandLine(tmp_path)
    line.write("flowerpower.yaml", "name: acme\nmodules: [flows]\n")
    for path, text in shown("airflow", "After"):
        line.write(path, text)

    answer = line("run", "daily_sales", "--tick", "2026-11-26")

    assert (line("validate").code, answer.code) == (0, 0), answer.err
    assert "report  2026-11-26: 12.75" in answer.out


@pytest.mark.parametrize("name", NAMES)
def test_the_commands_of_a_page_answer_as_shown(name: str) -> None:
    page = (DOCS / f"from-{name}.md").read_text(encoding="utf-8")
    sessions = re.findall(r"```console\n\$ flowerpower ((?:next|run) .*?)\n(.*?)```", page, re.DOTALL)

    assert sessions
    for command, expected in sessions:
        answer = CommandLine(EXAMPLES / name / "after")(*command.split())
        words = without_year(expected)
        assert without_year(answer.out)[: len(words)] == words


def without_year(text: str) -> list[str]:
    """Return the words of a text but for years, which are only shown where they are not this one."""
    return [word for word in text.split() if not re.fullmatch(r"20\d\d", word)]


def test_rqs_cron_fires_when_the_specs_say(in_berlin: None, redis_connection: redis.Redis) -> None:
    before = EXAMPLES / "rq-cron" / "before"
    scheduler = CronScheduler(redis_connection)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(before))
        scheduler.load_config_from_file(str(before / "cron_config.py"))
    jobs = {job.func_name.rpartition(".")[2]: job for job in scheduler.get_jobs()}
    assert sorted(jobs) == ["nightly_report", "refresh_rates", "send_reminders"]

    for name in ("nightly_report", "send_reminders"):
        expected = []
        jobs[name].latest_enqueue_time = datetime.fromisoformat(BEGIN)
        for _ in range(30):
            expected.append(jobs[name].get_next_enqueue_time())
            jobs[name].latest_enqueue_time = expected[-1]
        assert fires("rq-cron", name, 30) == expected

    first, second = fires("rq-cron", "refresh_rates", 2)
    assert (second - first).total_seconds() == jobs["refresh_rates"].interval


def test_what_the_page_says_of_rqs_cron_and_the_clocks_is_so(in_berlin: None) -> None:
    walk = croniter("30 2 * * *", datetime(2027, 3, 28))  # on naive local time, as RQ walks
    rq = datetime.fromtimestamp(walk.get_next(datetime).timestamp(), BERLIN)
    [ours] = [
        datetime.fromisoformat(fire["tick"]).astimezone(BERLIN)
        for fire in CommandLine(DOCS)(
            "next", "--cron", "30 2 * * *", "--timezone", "Europe/Berlin", "--from", "2027-03-28", "-n", "1", "--json"
        ).document["fires"]
    ]

    assert (f"{rq:%H:%M}", f"{ours:%H:%M}") == ("03:30", "03:00")
    assert "03:30" in (DOCS / "from-rq-cron.md").read_text(encoding="utf-8")


def test_rq_scheduler_fires_when_the_specs_say(tmp_path: Path, redis_url: str, redis_connection: redis.Redis) -> None:
    replay(redis_connection, "migrated.json")
    recorded = json.loads((EXAMPLES.parents[1] / "tests/cases/adopt/migrated.json").read_text(encoding="utf-8"))
    there = {
        base64.b64decode(member).decode(): datetime.fromtimestamp(score, UTC)
        for member, score in recorded["rq:scheduler:scheduled_jobs"]
    }
    assert sorted(there) == ["close", "mails", "nightly"]

    for name, moment in there.items():
        just_before = moment.timestamp() - 1
        begin = datetime.fromtimestamp(just_before, UTC).isoformat()
        assert fires("rq-scheduler", name, 1, begin) == [moment], name
    line = CommandLine(tmp_path, {"FLOWERPOWER_REDIS": redis_url})
    line.write("flowerpower.yaml", "name: acme\ntimezone: Europe/Berlin\n")
    found = {one["id"]: one for one in line("adopt", "--dry-run", "--json").document["found"]}
    assert found["nightly"]["when"] == {"cron": "0 2 * * *", "timezone": "Europe/Berlin"}
    assert found["mails"]["when"]["every"] == 900


def test_a_crontab_fires_when_the_specs_say() -> None:
    lines = (EXAMPLES / "crontab/before/crontab").read_text(encoding="utf-8").splitlines()
    jobs = [line.split() for line in lines if line and line[0] in "0123456789*@"]
    names = ["nightly_report", "poll_orders", "monthly_and_monday", "odd_mondays", "clean_up"]
    assert len(jobs) == len(names)

    for job, name in zip(jobs, names, strict=True):
        expression = job[0] if job[0].startswith("@") else " ".join(job[:5])
        if name == "odd_mondays":  # croniter joins day fields otherwise than cron does, unless it is told
            walk = croniter(expression, datetime(2026, 11, 26, 13), implement_cron_bug=True)
            expected = [walk.get_next(datetime).replace(tzinfo=BERLIN).astimezone(UTC) for _ in range(40)]
        else:
            expected = list(cron_fires(expression, 40))
        assert fires("crontab", name, 40) == expected, name


@pytest.mark.parametrize(("code", "said"), [(0, "report of 2026-11-26"), (3, "CalledProcessError")])
def test_a_program_of_a_crontab_runs_as_a_node(code: int, said: str, tmp_path: Path) -> None:
    program = tmp_path / "nightly-report"
    program.write_text(f'#!/bin/sh\necho "report of $2"\nexit {code}\n', encoding="utf-8")
    program.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"

    answer = CommandLine(EXAMPLES / "crontab" / "after")("run", "nightly_report", "--tick", "2026-11-26", PATH=path)

    assert answer.code == (1 if code else 0)
    assert said in answer.out + answer.err


def test_a_dag_fires_when_the_spec_says() -> None:
    tree = ast.parse((EXAMPLES / "airflow/before/daily_sales.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    words = {word.arg: word.value for call in calls for word in call.keywords}
    expression, zone = words["schedule"], words["tz"]
    assert isinstance(expression, ast.Constant)
    assert isinstance(zone, ast.Constant)
    assert zone.value == "Europe/Berlin"

    assert fires("airflow", "daily_sales", 300) == cron_fires(str(expression.value), 300)
