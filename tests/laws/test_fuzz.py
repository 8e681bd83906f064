"""Odd specs, plan files, contents of Redis and arguments, a few of each; `make fuzz` tries them for as long as wanted.

Each case that once broke something lies in `tests/cases/fuzz/`, made small, and is tried again here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from support.fork_server import Ended
from support.fuzz import trial
from support.fuzz.case import KINDS, Case, dump, load
from support.fuzz.records import HOWS, sweep
from support.fuzz.search import Search, Sweep, whole_sweep
from support.fuzz.trial import BUG, findings, tracebacks
from support.fuzz.world import World, build

CASES = sorted((Path(__file__).parents[1] / "cases" / "fuzz").glob("*.json"))
EXAMPLES = int(os.environ.get("FLOWERPOWER_TEST_FUZZ", "4"))
RAISED = """Traceback (most recent call last):
  File "/x/flowerpower/state/codec.py", line 7, in read
    return raw["a"]
           ~~~^^^^^
KeyError: 'a'
"""


@pytest.fixture(scope="module")
def world(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with redis.Redis.from_url(redis_server) as connection:
        yield build(tmp_path_factory.mktemp("fuzz"), redis_server, connection)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_odd_makes_a_command_break(world: World, tmp_path: Path, kind: str) -> None:
    search = Search(world, tmp_path / "findings")

    file = search.round(kind, 1, EXAMPLES)

    assert search.tried[kind] > 0
    assert file is None, (search.known, file and file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", CASES, ids=[file.stem for file in CASES])
def test_what_broke_once_holds(world: World, file: Path) -> None:
    assert findings(load(file.read_text(encoding="utf-8")), world) == []


def test_a_sweep_says_how_far_it_is_and_that_it_was_complete(world: World, tmp_path: Path) -> None:
    told: list[str] = []
    search, of_two = Search(world, tmp_path), Sweep([Case("redis", ()), Case("redis", ())])

    found = whole_sweep(search, of_two, 1, told.append)

    assert found == 0
    assert told[-1].startswith("sweep complete: all 2 cases, ")
    assert str(Sweep(of_two.cases, done=1)) == "sweep: 1 of 2 cases"


def test_the_shares_of_a_sweep_are_the_whole_sweep(world: World) -> None:
    whole = sweep(world.keys, 1)

    shares = [Sweep(whole).share(number, 3).cases for number in (1, 2, 3)]

    assert sorted(map(dump, whole)) == sorted(dump(case) for share in shares for case in share)
    assert {(case.damages[0].family, case.damages[0].how) for case in whole} == {
        (family, how) for family in world.keys for how in HOWS
    }


def test_a_case_is_the_same_after_it_was_kept() -> None:
    case = Case("plans", (("show", "plan.json"),), {"a": "\udcff"}, plan=((3, "replace", {"x": None}),), sealed=True)

    assert load(dump(case)) == case


@pytest.mark.parametrize(
    ("words", "ended", "signature"),
    [
        (("plan",), Ended(1, "", RAISED, 0, 0.1, False), "state/codec.py:7:read KeyError"),
        (("plan",), Ended(-9, "", "", 0, 0.1, False), "plan exits with -9"),
        (("plan",), Ended(0, "", "", 0, 6.0, False), "plan takes 6 s"),
        (("plan",), Ended(0, "", "", 201 << 20, 0.1, False), "plan takes 201 MB"),
        (("plan",), Ended(130, "", "", 0, 0.1, True), "plan hangs"),
        (("plan", "--json"), Ended(1, "Oh\n{}", "", 0, 0.1, False), "plan --json prints no JSON document"),
    ],
)
def test_each_kind_of_breakage_is_seen(
    world: World, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], ended: Ended, signature: str
) -> None:
    monkeypatch.setattr(trial, "run_watched", lambda *_: ended)

    assert [one.signature for one in findings(Case("specs", (words,)), world)] == [signature]


def test_a_bug_that_a_command_hides_is_seen_and_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([Ended(1, "", f"Error: {BUG}: KeyError", 0, 0.1, False), Ended(1, "", RAISED, 0, 0.1, False)])
    monkeypatch.setattr(trial, "run_watched", lambda *_: next(answers))

    found = findings(Case("specs", (("plan",),)), world)

    assert [one.signature for one in found] == ["state/codec.py:7:read KeyError"]


def test_what_a_pipeline_raises_and_what_is_meant_is_no_breakage() -> None:
    chained = f"{RAISED}\nThe above exception was the direct cause of the following exception:\n\n"
    meant = 'Traceback (most recent call last):\n  File "x"\nflowerpower.errors.StoreError: WRONGTYPE\n'

    assert tracebacks(chained + meant) == []
    assert tracebacks(RAISED.replace("KeyError: 'a'", "RuntimeError: as planned")) == []


def test_a_key_of_somebody_else_that_changed_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object) -> Ended:
        world.connection.set("precious", "gone")
        return Ended(0, "", "", 0, 0.1, False)

    monkeypatch.setattr(trial, "run_watched", run)

    assert [one.signature for one in findings(Case("redis", (("status",),)), world)] == ["touched precious"]
