"""The forecast of what is live, what fires next, and what the documentation shows of both."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.case_plans import plan_of_case
from support.states import KEYS, schedule

from flowerpower.cli.main import run
from flowerpower.planning.forecast import Frame, forecast_live
from flowerpower.planning.load import Load, QueueLoad
from flowerpower.planning.upcoming import Silent, upcoming
from flowerpower.render.forecast import forecast_dict, forecast_text
from flowerpower.render.load import about
from flowerpower.render.plan_text import plan_text
from flowerpower.render.upcoming import outlook_text
from flowerpower.schedule.zones import use_packaged_zones
from flowerpower.state.models import Consumers, Head, Hold, Reading, State
from flowerpower.state.run_times import summarise

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "forecast.md").read_text(encoding="utf-8")
BLOCKS: Sequence[tuple[str, str]] = re.findall(r"```(\w*)\n(.*?)```", PAGE, re.DOTALL)
NOW = int(datetime(2026, 11, 23, 17, 20, tzinfo=UTC).timestamp())


def test_next_answers_as_documented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_packaged_zones()
    monkeypatch.chdir(tmp_path)
    (block,) = (text for kind, text in BLOCKS if kind == "console")
    call, _, expected = block.partition("\n")

    assert run(shlex.split(call.removeprefix("$ flowerpower "))) == 0
    assert _without_years(capsys.readouterr().out) == _without_years(expected)


def _without_years(text: str) -> str:
    """Return the text as it is in every year: that of today is left out, and columns change with it."""
    return re.sub(r" +", " ", re.sub(r" 20\d\d ", " ", text))


def test_a_plan_says_what_is_documented() -> None:
    plan = plan_of_case(ROOT / "tests" / "cases" / "render" / "load")

    assert [text for _, text in BLOCKS if text in plan_text(plan, width=100)]


def test_a_forecast_looks_as_documented() -> None:
    nightly = [schedule(f"export_{number}", queue="etl")[0] for number in range(12)]
    poll = schedule("poll", queue="etl", cron="*/15 8-17 * * mon-fri")[0]
    state = State({one.name: one for one in (*nightly, poll)}, {})
    reading = Reading(NOW, Head(), state, {}, {}, consumers=Consumers({KEYS.queue("etl"): 2}))
    times = summarise({"poll": [40.0, 42.0], **{f"export_{number}": [380.0, 420.0] for number in range(11)}}, state)
    frame = Frame.after(NOW, "UTC", times)

    text = forecast_text(forecast_live(reading, KEYS, frame), "acme.prod", NOW, 1)

    assert text + "\n" in [block for _, block in BLOCKS]


LOAD = QueueLoad("etl\x1b", 0, "UTC", 7, Load(), Load(schedules=2, starts=14, peak=2, peak_at=NOW, hours=((NOW, 14),)))


def test_a_forecast_names_what_it_leaves_out_and_shows_nothing_hostile() -> None:
    left_out = QueueLoad("big", 1, "UTC", 7, Load(), Load(schedules=9, starts=1, peak=1, peak_at=NOW, uncounted=8))

    text = forecast_text([LOAD, left_out], "acme.prod", NOW, 3)

    assert all(line.isprintable() for line in text.splitlines())
    assert "none" in text
    assert "3 schedules held or paused, not counted." in text
    assert "8 schedules not counted" in text


def test_only_the_busiest_queues_show_their_hours() -> None:
    text = forecast_text([LOAD] * 7, "acme.prod", NOW, 0)

    assert text.count("starts by hour") == 5
    assert text.endswith("and 2 quieter queues; --queue NAME shows the hours of one")


def test_a_namespace_without_schedules_has_a_forecast_too() -> None:
    assert forecast_text([], "acme.prod", NOW, 0) == "acme.prod: no schedule is live."
    assert forecast_dict([], "acme.prod", NOW, 0)["queues"] == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1s"),
        (59, "59s"),
        (61, "1m1s"),
        (660, "11m"),
        (3599, "1h"),
        (5430, "1h30m"),
        (90_000, "1d1h"),
        (9e6, "104d"),
    ],
)
def test_an_estimate_is_told_no_more_exactly_than_it_is(seconds: float, words: str) -> None:
    assert about(seconds) == words


def test_many_fires_and_silent_schedules_are_cut_on_a_terminal() -> None:
    schedules = [schedule(f"s{number}", every=3600)[0] for number in range(9)]
    holds = {f"s{number}": Hold("", "", 0) for number in range(5)}

    outlook = upcoming(schedules, holds, NOW, 2)
    text = outlook_text(outlook, NOW, most=3)

    assert len(outlook.fires) == 8
    assert outlook.silent[0] == Silent("s0", "held", Hold("", "", 0))
    assert "and 5 more fires; --verbose shows all" in text
    assert text.endswith("  and 2 more")


def test_jitter_is_told_beside_the_tick() -> None:
    (fire,) = upcoming([schedule("a", jitter=600)[0]], {}, NOW, 1).fires

    assert 0 < fire.starts - fire.tick < 600
    assert "later (jitter)" in outlook_text(upcoming([schedule("a", jitter=600)[0]], {}, NOW, 1), NOW)
