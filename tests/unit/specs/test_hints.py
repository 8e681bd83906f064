"""A hint that says what to write is right to the letter: whoever writes that is told nothing more."""

from __future__ import annotations

import pytest

from flowerpower.errors import Problem
from flowerpower.specs.loader import load

PROJECT = {
    "flowerpower.yaml": b"name: acme\nqueues: {default: {}, heavy: {}}\n",
    "pipelines/sales.yaml": b"modules: [sales]\noutputs: [report]\n",
    "schedules/hourly.yaml": b"pipeline: sales\ncron: '@hourly'\n",
}


def problems_of(text: str) -> list[Problem]:
    texts = {**PROJECT, "schedules/a.yaml": text.encode()}
    return list(load(texts, env="default", variables={}).problems)


def check(start: str, wrong: str, right: str) -> None:
    """Check that the wrong line of a schedule is one mistake, whose hint quotes the right line or its value."""
    (problem,) = problems_of(f"{start}{wrong}\n")

    assert right in problem.hint or right.partition(": ")[2] in problem.hint, problem
    assert problems_of(f"{start}{right}\n") == []


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("retry: {max: 3, intervals: [10s, 1m", "retry: {max: 3, intervals: [10s, 1m]}"),
        ("inputs: {a: [1, {b: 'c'", "inputs: {a: [1, {b: 'c'}]}"),
        ("retry:{max: 3}", "retry: {max: 3}"),
        ("retry: 3", "retry: {max: 3}"),
        ("retries: 2", "retry: {max: 2}"),
        ("retry: true", "retry: {max: 3}"),
        ("timeout: 1h30", "timeout: 1h30m"),
        ("timeout: 5 min", "timeout: 5m"),
        ("timeout: 1_000", "timeout: 16m40s"),
        ("timeout:5m", "timeout: 5m"),
        ("timeout: {minutes: 5}", "timeout: 5m"),
        ("timeout: [5m]", "timeout: 5m"),
        ("result_ttl: -1", "result_ttl: 3650d"),
        ("jitter: none", "jitter: 0s"),
        ("start: 2026-1-1 5:00", "start: 2026-01-01T05:00"),
        ("end: 2028\u201301\u201301", "end: 2028-01-01"),
        ("end: 2028-01-31T06:00:00+0100", "end: 2028-01-31T06:00:00+01:00"),
        ("end: 2028-01-31T06:00:00-05", "end: 2028-01-31T06:00:00-05:00"),
        ("end: 2028-01-31 06:00 +01:00", "end: 2028-01-31T06:00:00+01:00"),
        ("end: 2028-01-31T06:00:00.500Z", "end: 2028-01-31T06:00:00Z"),
        ("end: 20280131T060000Z", "end: 2028-01-31T06:00:00Z"),
        ("queue: Heavy", "queue: heavy"),
        ("queue: queues/heavy.yaml", "queue: heavy"),
        ("timezone: Europe/Berln", "timezone: Europe/Berlin"),
        ("after: hourly", "after: [hourly]"),
        ("after: {hourly: }", "after: [hourly]"),
        ("owner: me #1", 'owner: "me #1"'),
        ("owner: #me", 'owner: "#me"'),
        ("owner: \u201cme\u201d", 'owner: "me"'),
        ("owner: @me", 'owner: "@me"'),
        ("owner: note: me", 'owner: "note: me"'),
        ("owner 'me'", "owner: 'me'"),
        ("owner 'me", "owner: 'me'"),
        ('owner:"me', 'owner: "me"'),
        ("owner = 'me", "owner: 'me'"),
        ("after [hourly", "after: [hourly]"),
        ("retry {max: 2", "retry: {max: 2}"),
        ("owner => me", "owner: me"),
        ("owner: 'me", "owner: 'me'"),
        ("owner:\nme", "owner: me"),
        ('description: "C:\\data"', "description: 'C:\\data'"),
        ("description: 'it's me'", 'description: "it\'s me"'),
        ("paused: y", "paused: true"),
        ("labels: team=sales", "labels: {team: sales}"),
        ("buffer_limit: 3.0", "buffer_limit: 3"),
        ("catchup: false", "catchup: none"),
        ("overlap: forbid", "overlap: skip"),
        ("inputs:\n  a: {tick}", 'inputs:\n  a: "${tick}"'),
        ("inputs:\n  a: ${secrets.TOKEN}", "inputs:\n  a: ${secret:TOKEN}"),
    ],
)
def test_what_the_hint_of_a_wrong_line_says_is_right(wrong: str, right: str) -> None:
    check("pipeline: sales\ncron: '@daily'\n", wrong, right)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("cron: 5m", "every: 5m"),
        ("cron: every 2 hours", "every: 2h"),
        ("cron: '05:30'", 'cron: "30 5 * * *"'),
        ("cron: daily", 'cron: "@daily"'),
        ("cron: 0 5 * * * Europe/Berlin", 'cron: "0 5 * * *"'),
        ("cron: */5 * * * *", 'cron: "*/5 * * * *"'),
        ("cron: 0 5 * * * /usr/bin/run.sh", 'cron: "0 5 * * *"'),
        ("cron: 0 5 * * * /usr/bin/run.sh --all", 'cron: "0 5 * * *"'),
        ("cron: ['0 5 * * *']", 'cron: "0 5 * * *"'),
        ("schedule: [{cron: '0 5 * * *'}]", 'cron: "0 5 * * *"'),
        ("trigger: {every: 5m}", "every: 5m"),
        ("cron:'@daily'", "cron: '@daily'"),
        ("every: '*/5 * * * *'", 'cron: "*/5 * * * *"'),
        ("every: '@daily'", 'cron: "@daily"'),
        ("every: rate(5 minutes)", "every: 5m"),
        ("trigger: {type: cron, expression: '0 2 * * *'}", 'cron: "0 2 * * *"'),
        ("trigger: {cron: {hour: 2, minute: 30}}", 'cron: "30 2 * * *"'),
        ("trigger: {type: date, run_date: 2027-01-01}", "at: 2027-01-01"),
        ("trigger: interval\nhours: 1", "every: 1h"),
        ("type: cron\nhour: 5\nminute: 30\nday_of_week: mon-fri", 'cron: "30 5 * * MON-FRI"'),
        ("crontab: {minute: 15}", 'cron: "15 * * * *"'),
        ("cron: {hour: 2, minute: 30}", 'cron: "30 2 * * *"'),
        ("schedule: {interval: {minutes: 5}}", "every: 5m"),
        ("schedule: every 5 minutes", "every: 5m"),
        ("schedule: daily", 'cron: "@daily"'),
        ("schedule_interval: timedelta(days=1)", "every: 1d"),
        ("interval: 300", "every: 5m"),
        ("every: day", "every: 1d"),
        ("every: hour", "every: 1h"),
        ("every: monday", 'cron: "0 0 * * MON"'),
        ("every: weekday", 'cron: "0 0 * * MON-FRI"'),
        ("every: day at 5pm", 'cron: "0 17 * * *"'),
        ("every: 1 month", 'cron: "@monthly"'),
        ("cron: mondays at 05:30", 'cron: "30 5 * * MON"'),
        ("cron: every day at 2am", 'cron: "0 2 * * *"'),
        ("cron: monthly", 'cron: "@monthly"'),
        ("schedule: every month", 'cron: "@monthly"'),
        ("minutes: 30", "every: 30m"),
    ],
)
def test_what_the_hint_of_a_wrong_trigger_says_is_right(wrong: str, right: str) -> None:
    check("pipeline: sales\n", wrong, right)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("trigger: cron", 'write `cron: "0 5 * * *"`, `every: 1h` or `at: 2027-01-31T06:00:00` in its place'),
        (
            "trigger: {type: cron, expression: '@daily', timezone: Europe/Berlin}",
            'write `cron: "@daily"` and `timezone: Europe/Berlin` in its place',
        ),
        ("schedule: '@once'", "did you mean 'cron'?"),
        ("crontab: {hour: 5, day_of_week: 1}", "did you mean 'cron'?"),
    ],
)
def test_a_trigger_in_the_terms_of_another_tool_is_told_once_and_nothing_is_guessed(written: str, hint: str) -> None:
    (problem,) = problems_of(f"pipeline: sales\n{written}\n")

    assert problem.hint == hint


@pytest.mark.parametrize(("length", "codes"), [(253, []), (254, ["FP204"])])
def test_the_name_of_a_secret_is_as_long_as_a_run_can_look_up(length: int, codes: list[str]) -> None:
    text = f"modules: [sales]\noutputs: [report]\ninputs: {{key: '${{secret:{'A' * length}}}'}}\n"
    problems = load({**PROJECT, "pipelines/sales.yaml": text.encode()}, env="default", variables={}).problems

    assert [problem.code for problem in problems] == codes
