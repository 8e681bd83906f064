"""No mistake hides another: two that are planted anywhere in a project are both told, as if each were alone.

The code counts, too: what one part of a spec says of the dataflow stands when another part is wrong. A short list says
what may hide what, and why.
"""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from typing import Any, NamedTuple

import pytest

from flowerpower.specs.checks import check_sources
from flowerpower.specs.files.reading import Sources

NOW = 1_800_000_000  # 2027-01-15
PROJECT, SALES = "flowerpower.yaml", "pipelines/sales.yaml"
NIGHTLY, WEEKLY = "schedules/nightly.yaml", "schedules/weekly.yaml"
FILES: dict[str, dict[str, Any]] = {
    PROJECT: {
        "name": "acme",
        "modules": ["flows"],
        "timezone": "Europe/Berlin",
        "queues": {"default": {}, "heavy": {"workers": 2}},
        "environments": {"prod": {"guards": {"max_deletes": "10%"}}},
        "policies": {
            "enforce": {"min_interval": "1m", "allowed_queues": ["default", "heavy"], "max_timeout": "6h"},
            "warn": {"require": ["owner"]},
        },
        "guards": {"max_deletes": 5},
        "notify": {"on_failure": ["https://hooks.example/x"], "remind": "1d"},
        "defaults": {"pipeline": {"timeout": "30m"}, "schedule": {"jitter": "0s"}},
        "allow": {"pickle": False},
    },
    SALES: {
        "modules": ["sales"],
        "outputs": ["report"],
        "owner": "me",
        "inputs": {"region": "EU", "day": "${tick:%Y-%m-%d}"},
        "config": {"engine": "pandas"},
        "executor": {"type": "local"},
        "load": {"orders": {"format": "csv", "path": "data/orders.csv"}},
        "save": [
            {"outputs": ["report"], "format": "json", "path": "out/a.json"},
            {"outputs": ["total"], "format": "json", "path": "out/b.json"},
        ],
        "adapters": ["progress"],
        "retry": {"max": 3, "intervals": ["10s", "1m"]},
        "timeout": "1h",
        "labels": {"tier": "gold"},
        "cache": {"path": ".c"},
        "environments": {"prod": {"timeout": "2h"}},
    },
    NIGHTLY: {
        "pipeline": "sales",
        "cron": "0 2 * * *",
        "queue": "default",
        "owner": "me",
        "start": "2026-01-01",
        "timezone": "Europe/Paris",
        "inputs": {"region": "US"},
        "retry": {"max": 1},
        "on_failure": ["https://hooks.example/y"],
        "after": ["weekly"],
        "timeout": "2h",
        "paused": False,
        "environments": {"prod": {"paused": True}},
    },
    WEEKLY: {"pipeline": "sales", "every": "1h", "owner": "me"},
}
CODE = b"""from hamilton.function_modifiers import config

@config.when(engine="pandas")
def base__pandas(orders: list, region: str) -> int:
    return 1

@config.when(engine="polars")
def base__polars(orders: list, region: str) -> int:
    return 2

def report(base: int, day: str) -> dict:
    return {}

def total(report: dict) -> dict:
    return {}
"""


class Mistake(NamedTuple):
    """What is written where instead of what is right: a value, or all lines of a key as they stand."""

    file: str
    path: tuple[str | int, ...]
    written: str
    as_lines: bool = False

    def __str__(self) -> str:
        return f"{self.file} {'.'.join(map(str, self.path))} {self.written}"


def several(file: str, **written: Any) -> list[Mistake]:
    """Return mistakes of one file: a path with `__` between its steps, and what is written there."""
    found = []
    for steps, value in written.items():
        path = tuple(int(step) if step.isdigit() else step for step in steps.split("__"))
        found.append(Mistake(file, path, json.dumps(value)))
    return found


MISTAKES = [
    *several(PROJECT, name="Acme Data", timezone="Europe/Berln", code="gitt", quueues={}, xyzzy=1, modules__0="../x"),
    *several(PROJECT, guards__max_deletes="lots", guards__max_dels=1, queues__heavy__wrkers=2, allow__pickl=True),
    *several(PROJECT, queues__heavy__workers="x", policies__enforce__min_intervl="1m", policies__warn__requir=[]),
    *several(PROJECT, policies__enforce__max_timeout="1s", environments__prod__gards={}, environments__stage="paused"),
    *several(PROJECT, notify__on_failure__0="hooks.example", notify__rmind="1d", defaults__pipeline__timeot="1h"),
    *several(SALES, modules__0="slaes", outputs__0="reprt", outputs="report", owner=5, xyzzy=1, outpts=["x"]),
    *several(SALES, inputs__regon="EU", inputs__day="${tick:x}", inputs__region=5, config__engin="x"),
    *several(SALES, config__engine="spark", executor__type="theads", executor__max_wrkers="x", schedule="0 2 * * *"),
    *several(SALES, load__orders__format="cvs", load__orders__pth="x", load__orders__path="../x"),
    *several(SALES, load__ordrs={"format": "csv", "path": "x"}, save__0__format="jsn", save__0__path="../out"),
    *several(SALES, save__0__outputs__0="reprot", save__0__otputs=["x"], save__1__fromat="json", save__1__path=7),
    *several(SALES, save__1__format="parqet", save__1__options=[], adapters__0="progres", retry__mx=2),
    *several(SALES, save__1__outputs=5, save__0={"path": "x"}, save__1="out/b.json", load__orders=["csv"]),
    *several(SALES, save__0__format=None, load__orders__format=7, load__orders__options="x"),
    *several(SALES, retry__max="many", retry__intervals__0="soon", labels__tier={"a": 1}, cache__pth="x"),
    *several(SALES, cache__path=7, timeout="soon", overrides={"reprt": {}}, environments__prod__timeot="1h"),
    Mistake(SALES, ("executor", "max_workers"), "2"),
    Mistake(SALES, ("inputs", "day"), '"${var:NOT_SET}"'),
    Mistake(SALES, ("timeout",), '"8h"'),
    *several(NIGHTLY, pipeline="slaes", cron="61 2 * * *", queue="hevy", owner=5, start="2026-02-30", end="soon"),
    *several(NIGHTLY, timezone="Europe/Pariss", inputs__regin="x", inputs__region=7, retry__mx=1, retry__max=-1),
    *several(NIGHTLY, on_failure__0="hooks.example", after__0="wekly", timeout="9h", labels={"a": []}, paused="no"),
    *several(NIGHTLY, overlap="skp", environments__prod__pausd=True, environments__qa={}, xyzzy=1, jiter="1m"),
    *several(NIGHTLY, every="1h", jitter="x", config={"engine": "spark"}, buffer_limit=0, previous_names=["A B"]),
    *several(WEEKLY, every="1s", after=["weekly"], end="2026-01-01"),
]
MISTAKES += [  # of YAML itself
    Mistake(file, (key,), lines, as_lines=True)
    for file, key, lines in (
        (PROJECT, "name", "name: acme\nname: acme"),
        (PROJECT, "queues", "queues: {default: {}}\nqueues: {heavy: {}, default: {}}"),
        (PROJECT, "guards", "guards: {max_deletes: *ten}"),
        (PROJECT, "notify", "notify {remind: 1d"),
        (PROJECT, "defaults", "defaults: {pipeline: {timeout: *long}, schedule: {jitter: 0s, jitter: 1s}}"),
        (PROJECT, "defaults", "defaults: {pipeline: {timeout: 30m}\npipeline: {timeout: 1h}}"),
        (SALES, "owner", "owner: me\nowner: you"),
        (SALES, "inputs", 'inputs: {region: EU, day: "1"}\ninputs: {region: US, day: "2"}'),
        (SALES, "inputs", "inputs: {region: *where, day: x}"),
        (SALES, "config", "config: {engine: pandas, engine: polars}"),
        (SALES, "labels", "labels: {tier: !gold x}"),
        (SALES, "retry", "retry: {max: .inf}"),
        (SALES, "cache", "cache path"),
        (SALES, "adapters", "adapters: [progress"),
        (NIGHTLY, "paused", "paused: false\npaused: true"),
        (NIGHTLY, "pipeline", "pipeline: sales\npipeline: sales"),
        (NIGHTLY, "retry", "retry: {<<: {max: 1}}"),
        (NIGHTLY, "start", "start 2026-01-01"),
        (NIGHTLY, "queue", "queue: default\nqueue: heavy"),
        (WEEKLY, "owner", "owner: [me, *you]"),
    )
]
DATAFLOW = "FP3[23][0-9]"
MAY_HIDE: list[tuple[str, str, str]] = [  # by what, which codes of what else; with the reason
    (f"{PROJECT} modules", f"{DATAFLOW}|FP305", "no module is known"),
    (f"{SALES} modules", DATAFLOW, "the code is not known"),
    (f"{SALES} config.engine", f"FP320 {SALES} load.ordrs", "a variant that is not chosen may know the name"),
    (f"{SALES} config.engine", f"{DATAFLOW} .*(config|region)", "the nodes that take them are not chosen"),
    (f"{NIGHTLY} config", f"{DATAFLOW} .*(config|region)", "the same, in the run of the schedule"),
    (f"{SALES} xyzzy", "FP323", "it may stand for overrides, which replace the node"),
    (f"{SALES} schedule", "FP323", "the same"),
    (f"{NIGHTLY} xyzzy", f"{DATAFLOW} {NIGHTLY}", "it may stand for the config, which chooses nodes"),
    (f"{NIGHTLY} pipeline", f"{DATAFLOW} {NIGHTLY}", "nobody knows what the schedule runs"),
    (f"{SALES} executor.type", f"FP306|FP103 {SALES} executor", "it decides whether there are workers"),
    (f"{SALES} executor.max_workers", f"FP103 {SALES} executor.max_wrkers", "the key is there"),
    (f"{SALES} save.0.format", f"FP35. {SALES} save.0", "the format decides what else is wrong with an entry"),
    (f"{SALES} save.1.(options|outputs)", f"FP35. {SALES} save.1", "a format may want options, and one output"),
    (f"{SALES} load.orders.(format|options)", f"FP35. {SALES} load.orders", "the same"),
    (f"{PROJECT} timezone", f"FP304 {WEEKLY}", "the zone decides when the last tick is"),
    (f"{PROJECT} policies.enforce.max_timeout", "FP313", "another limit, another message"),
    (f"{SALES} timeout|{NIGHTLY} timeout", f"FP313 {PROJECT}", "the same"),
    (f"{PROJECT} queues queues:", "FP302", "the queue may stand in the first of the two"),
    (f"{PROJECT} defaults defaults: .*\\n", DATAFLOW, "the config may stand there"),
    (f"{SALES} cache cache", "FP012 .* labels", "it is told in other words"),
    (f"{SALES} config config:", DATAFLOW, "which nodes there are hangs on which of the two is meant"),
    (f"{NIGHTLY} pipeline pipeline:", DATAFLOW, "the schedule may give other inputs to what it runs"),
]
_RUN_BY = re.compile(r", as the schedule '.*' runs it$|, first in line \d+$")
Told = tuple[str, str, str]


@cache
def told(*mistakes: Mistake) -> frozenset[Told]:
    """Return the code, file and words of each problem of the project with some mistakes."""
    files, lines = copy.deepcopy(FILES), dict[tuple[str, str | int], str]()
    for file, path, written, as_lines in mistakes:
        if as_lines:
            lines[file, path[0]] = f"{written}\n"
            continue
        node: Any = files[file]
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = json.loads(written)
    texts = {
        file: "".join(lines.get((file, key), f"{key}: {json.dumps(value)}\n") for key, value in data.items()).encode()
        for file, data in files.items()
    }
    sources = Sources(texts=texts, problems=(), modules={"flows/sales.py": CODE})
    found = check_sources(sources, env="default", variables={}, now=NOW).problems
    return frozenset((one.code, one.place.file, _RUN_BY.sub("", one.what)) for one in found)


def may_hide(by: Mistake, other: Mistake, problem: Told) -> bool:
    """Tell whether one mistake is on the list of those that may hide a problem of the other."""
    said = f"{problem[0]} {other}"
    return any(re.match(hider, str(by)) and re.match(hidden, said) for hider, hidden, _ in MAY_HIDE)


def may_change(one: Mistake, other: Mistake, problems: frozenset[Told]) -> frozenset[Told]:
    """Return those of the problems with two mistakes that are another one, or have other words, for good reasons."""
    limit = any("max_timeout" in str(mistake) for mistake in (one, other))
    of_run = NIGHTLY in (one.file, other.file)  # what only other runs have is told of them
    return frozenset(
        problem
        for problem in problems
        if (limit and problem[0] == "FP313")
        or "begins with `!`" in problem[2]
        or (of_run and problem[0] == "FP335" and problem[1] == SALES)
    )


def are_apart(one: Mistake, other: Mistake) -> bool:
    """Tell whether two mistakes are in places of their own."""
    shared = min(len(one.path), len(other.path))
    return one.file != other.file or one.path[:shared] != other.path[:shared]


def test_the_project_is_right_without_them_and_each_is_a_mistake() -> None:
    assert told() == frozenset()
    assert [str(mistake) for mistake in MISTAKES if not told(mistake)] == []


@pytest.mark.parametrize("one", MISTAKES, ids=str)
def test_both_of_two_mistakes_are_told_and_nothing_else(one: Mistake) -> None:
    others = [other for other in MISTAKES[MISTAKES.index(one) + 1 :] if are_apart(one, other)]

    for other in others:
        both = told(one, other)
        hidden = [problem for problem in told(other) - both if not may_hide(one, other, problem)]
        hidden += [problem for problem in told(one) - both if not may_hide(other, one, problem)]
        assert (str(other), hidden) == (str(other), [])
        assert both <= told(one) | told(other) | may_change(one, other, both)


def test_what_may_hide_others_does() -> None:
    needless = [
        (by, hidden)
        for by, hidden, _ in MAY_HIDE
        if not any(
            re.match(by, str(one)) and re.match(hidden, f"{problem[0]} {other}")
            for one in MISTAKES
            for other in MISTAKES
            if are_apart(one, other) and re.match(by, str(one))
            for problem in told(other) - told(*sorted((one, other), key=MISTAKES.index))
        )
    ]

    assert needless == []
