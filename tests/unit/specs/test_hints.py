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
    ],
)
def test_what_the_hint_of_a_wrong_trigger_says_is_right(wrong: str, right: str) -> None:
    check("pipeline: sales\n", wrong, right)
