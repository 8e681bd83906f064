"""What fires when, and what queues have to bear, as a user asks for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import redis
from support.command_line import CommandLine

from flowerpower.cli.main import run


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without any project."""
    monkeypatch.chdir(tmp_path)


def say(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(arguments)
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.usefixtures("nowhere")
def test_a_trigger_alone_needs_no_project(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = say(
        capsys, *["next", "--timezone", "Europe/Berlin", "--from", "2027-03-27", "-n", "2", "--cron"], "30 2 * * *"
    )

    assert code == 0
    assert [line.replace(" 2027 ", " ") for line in out.splitlines()[1:]] == [
        "Sat 27 Mar 02:30 (01:30)  Europe/Berlin  2h30m",
        "Sun 28 Mar 03:00 (01:00)  Europe/Berlin  1d2h   clocks go forward",
    ]


@pytest.mark.usefixtures("nowhere")
def test_every_and_at_are_triggers_too(capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--from", "2027-01-01", "--start", "2027-01-01T00:05", "--end", "2027-01-01T00:40", "--json"]
    _, out, _ = say(capsys, "next", "--every", "15m", *more)
    assert [fire["tick"][11:16] for fire in json.loads(out)["fires"]] == ["00:05", "00:20", "00:35"]

    _, out, _ = say(capsys, "next", "--at", "2001-01-01")
    assert out == "Nothing fires.\n"


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (["--cron", "61 * * * *"], "61 is outside 0-59"),
        (["--cron", "@daily", "--timezone", "Europe/Berlni"], "did you mean Europe/Berlin"),
        (["--every", "soon"], "'soon' is not a duration"),
        (["--every", "2hours"], "did you mean 2h?"),
        (["--cron", "@daily", "--every", "1h"], "exactly one of"),
        (["--cron", "@daily", "--from", "soon"], "--from 'soon' names no moment"),
        (["--cron", "@daily", "--to", "2h"], "--to is for schedules"),
        (["--cron", "@daily", "nightly"], "takes no schedules"),
        (["--cron", "@daily", "-n", "0"], "greater than or equal to 1"),
        (["--timezone", "UTC"], "belong to a trigger"),
        ([], "no flowerpower.yaml"),
    ],
)
def test_a_wrong_question_is_answered_with_a_hint(
    call: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = say(capsys, "next", *call)

    assert (code, out) == (1, "")
    assert words in err
    assert "hint: " in err


def test_the_next_fires_are_those_of_what_is_live(applied: CommandLine) -> None:
    applied.write("schedules/weekly.yaml", 'pipeline: report\ncron: "0 3 * * mon"\n')

    live, specs = applied("next", "--json").document, applied("next", "--specs", "--json").document

    assert (live["source"], specs["source"]) == ("live", "specs")
    assert {fire["schedule"] for fire in live["fires"]} == {"nightly", "hourly"}
    assert {fire["schedule"] for fire in specs["fires"]} == {"nightly", "hourly", "weekly"}
    assert applied("next", "--ref", "HEAD", "--json").document["fires"][0]["schedule"] in {"nightly", "hourly"}
    ticks = [fire["starts"] for fire in applied("next", "hourly", "nightly", "-n", "30", "--json").document["fires"]]
    assert len(ticks) == 60
    assert ticks == sorted(ticks)


def test_a_window_shows_all_that_fires_in_it_and_names_nobody_who_fires_later(applied: CommandLine) -> None:
    window = ("next", "--from", "2030-01-07T01:00Z", "--to", "2030-01-07T05:00Z")
    found = applied(*window, "--json").document
    ticks = [fire["tick"][:16] for fire in found["fires"] if fire["schedule"] == "hourly"]

    assert ticks == [f"2030-01-07T0{hour}:00" for hour in range(1, 6)]
    assert found["silent"] == []
    assert "  0s" in applied(*window).out
    assert applied("next", "--from", "2030-01-07T01:10Z", "--to", "2030-01-07T01:20Z").out == "Nothing fires.\n"
    assert "before it begins" in applied("next", "--to", "2020-01-01").err
    assert "too many" in applied("next", "--to", "2190-01-01").err


def test_before_the_first_apply_next_says_where_else_to_look(flowerpower: CommandLine) -> None:
    answer = flowerpower("next")

    assert answer.code == 0
    assert "flowerpower next --specs" in answer.out


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("nightly", "it is not applied yet; `flowerpower next --specs nightly` shows it as the specs say"),
        ("nigthly", "did you mean 'nightly'?"),
        ("xyzzy", "`flowerpower next` without names shows all"),
    ],
)
def test_a_schedule_that_only_the_specs_have_is_said_to_be_there(
    flowerpower: CommandLine, name: str, hint: str
) -> None:
    answer = flowerpower("next", name)

    assert (answer.code, answer.err) == (1, f"Error: no schedule '{name}' is live\nhint: {hint}\n")


def test_who_does_not_fire_is_named_with_the_reason(applied: CommandLine, redis_connection: redis.Redis) -> None:
    applied.write("schedules/asleep.yaml", "pipeline: report\nevery: 1h\npaused: true\n")
    applied.write("schedules/once.yaml", "pipeline: report\nat: 2001-01-01\n")
    assert applied("apply", "--auto-approve").code == 0
    hold = {"who": "ana", "why": "vendor \x1b[2Joutage", "since": 1, "until": 4_000_000_000}
    redis_connection.hset("flowerpower:acme.default:holds", "nightly", json.dumps(hold))

    answer = applied("next")

    fires, silent = answer.out.split("\nNot firing:\n")
    assert "hourly" in fires
    assert "nightly" not in fires
    assert [line.split()[0] for line in silent.splitlines()] == ["nightly", "once", "asleep"]
    assert 'held by ana "vendor \\x1b[2Joutage" until Tue  2 Oct 2096' in silent
    assert "no tick is left" in silent
    assert "paused in its spec" in silent


def test_a_due_tick_that_was_not_fired_comes_first(applied: CommandLine, redis_connection: redis.Redis) -> None:
    raw = redis_connection.hget("flowerpower:acme.default:cursors", "hourly")
    job = raw.decode().split()[2]  # type: ignore[union-attr]
    due = 1_700_000_000
    redis_connection.hset("flowerpower:acme.default:cursors", "hourly", f"1 1 acme--default--hourly--{due}")
    redis_connection.rename(f"rq:job:{job}", f"rq:job:acme--default--hourly--{due}")
    redis_connection.zadd("rq:scheduled:acme--default--default", {f"acme--default--hourly--{due}": due})

    first = applied("next", "--json").document["fires"][0]

    assert (first["schedule"], first["tick"], first["overdue"]) == ("hourly", "2023-11-14T22:13:20Z", True)


@pytest.mark.parametrize("command", [["next", "nihgtly"], ["forecast", "--queue", "defualt"]])
def test_a_mistyped_name_gets_the_nearest(applied: CommandLine, command: list[str]) -> None:
    answer = applied(*command)

    assert (answer.code, answer.out) == (1, "")
    assert "hint: did you mean '" in answer.err


def test_the_forecast_counts_what_is_live(applied: CommandLine) -> None:
    answer = applied("forecast", "--days", "2", "--json").document

    (queue,) = answer["queues"]
    assert (queue["queue"], queue["schedules"], queue["run_times"]) == ("default", 2, "counts")
    assert queue["starts"] == 50
    assert queue["peak"]["starts"] == 2
    assert sum(hour["starts"] for hour in queue["hours"]) == 50

    text = applied("forecast").out
    assert "No tick has been measured yet" in text
    assert "default, starts by hour; █ is 2" in text


def test_a_plan_says_what_becomes_of_the_load(applied: CommandLine, redis_connection: redis.Redis) -> None:
    event = {"event": "succeeded", "schedule": "nightly", "duration": "600.0", "job": "acme--default--nightly--1"}
    redis_connection.xadd("flowerpower:acme.default:runs", event)  # type: ignore[arg-type]
    redis_connection.sadd("rq:workers:acme--default--default", "rq:worker:one", "rq:worker:two", "rq:worker:gone")
    for name in ("one", "two"):
        redis_connection.hset(f"rq:worker:{name}", "birth", "2026-11-26T00:00:00Z")
    for number in range(20):
        applied.write(f"schedules/copy_{number}.yaml", 'pipeline: report\ncron: "0 2 * * *"\n')

    answer = applied("plan")

    lines = " ".join(answer.out.split())
    assert "queue default: peak 22 starts at" in lines
    # 11 rounds of 10 minutes, and half of the hourly run that comes meanwhile
    assert "2 workers drain it in about 1h55m (was 10m); 1 of 22 run times are measured" in lines
    assert applied("plan", "--json").document["queue_load"][0]["after"]["peak"]["starts"] == 22


def test_a_pipeline_stands_for_the_schedules_that_run_it(applied: CommandLine) -> None:
    applied.write("pipelines/other.yaml", "modules: [flow]\noutputs: [doubled]\ninputs: {number: 1}\n")
    applied.write("schedules/others.yaml", "pipeline: other\nevery: 1h\nenvironments: {prod: null}\n")

    live, specs = applied("next", "report", "-n", "1", "--json"), applied("next", "other", "--specs", "--json")
    lacking = applied("next", "other", "--specs", "--env", "prod")
    named = applied("next", "others", "--specs", "--env", "prod")

    assert {fire["schedule"] for fire in live.document["fires"]} == {"hourly", "nightly"}
    assert {fire["schedule"] for fire in specs.document["fires"]} == {"others"}
    assert lacking.code == 1
    assert "'other' is a pipeline, and no schedule of it is in the specs" in lacking.err
    assert "hint: a schedule with `pipeline: other` would run it" in lacking.err
    assert "environment 'prod' leaves out the schedule others in schedules/others.yaml:3:16" in named.err


def test_a_name_that_is_nearly_right_is_told_by_export_too(applied: CommandLine) -> None:
    assert applied("export", "schedule.hurly").err.splitlines()[-1] == "hint: did you mean 'hourly'?"
