"""The laws of the torture, one evidence after the other: sound ones pass, and each breach is named."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from support.torture.breaks import BREAKS
from support.torture.checker import violations
from support.torture.evidence import Entry, Evidence

from flowerpower.state import scripts

TICK = 1_000_020  # of `every: 10`
RUN = f"acme--test--often--{TICK}"


def cursor(call: int, tick: int) -> Entry:
    return Entry(call, "cursor", "often", f"{tick} 1 -")


def outcome(call: int, first: int, last: int, count: int, status: str) -> Entry:
    return Entry(call, "outcome", "often", json.dumps({"first": first, "last": last, "count": count, "status": status}))


def event(call: int, name: str) -> Entry:
    return Entry(call, "event", "", json.dumps({"event": name, "job": RUN}))


def record(call: int, every: int) -> Entry:
    return Entry(call, "record", "often", json.dumps({"spec": {"every": every, "timezone": "UTC"}}))


BEGIN = (cursor(1, TICK - 10), record(1, 10))
FIRE = (Entry(2, "push", RUN, by="decided"), cursor(2, TICK))
END = (event(3, "started"), event(4, "succeeded"), outcome(4, TICK, TICK, 1, "succeeded"))
SOUND = Evidence((*BEGIN, *FIRE, *END), cursors={"often": f"{TICK} 1 -"}, generations=(1, 2))


def with_log(*log: Entry, **more: Any) -> Evidence:
    last = next((entry.value for entry in reversed(log) if entry.op == "cursor"), "")
    return replace(SOUND, **{"log": log, "cursors": {"often": last}, **more})


@pytest.mark.parametrize(
    "evidence",
    [
        SOUND,
        with_log(*BEGIN, *FIRE, Entry(3, "push", RUN, by="redelivered"), *END),
        with_log(*BEGIN, *FIRE, Entry(3, "push", RUN, by="woken"), *END),
        with_log(*BEGIN, *FIRE, outcome(3, TICK, TICK, 1, "failed"), *END),
        with_log(*BEGIN, cursor(2, TICK + 20), outcome(2, TICK, TICK + 20, 3, "missed")),
        with_log(*BEGIN, cursor(2, TICK), outcome(2, TICK, TICK, 1, "missed"), record(2, 7), cursor(3, TICK)),
        with_log(  # it was deleted, and made anew while the clock stood where it had been before
            *(*BEGIN, *FIRE, *END, Entry(5, "gone", "often"), cursor(6, TICK - 10), record(6, 10)),
            *(Entry(7, "push", RUN, by="decided"), cursor(7, TICK)),
        ),
        with_log(*BEGIN, *END, outcome(5, TICK + 10, TICK + 10, 1, "missed"), Entry(5, "gone", "often"), cursors={}),
    ],
)
def test_sound_evidence_breaks_no_law(evidence: Evidence) -> None:
    if evidence.log[-1].op == "gone":  # the tick that ended was passed before
        evidence = replace(evidence, log=(*BEGIN, *FIRE, *END, *evidence.log[-2:]))

    assert violations(evidence) == []


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (with_log(*BEGIN, *FIRE, FIRE[0], *END), f"run {RUN} was enqueued 2 times"),
        (with_log(*BEGIN, *FIRE), f"tick {TICK} of often has no outcome"),
        (with_log(*BEGIN, cursor(2, TICK)), f"tick {TICK} of often has no outcome"),
        (with_log(*BEGIN, *FIRE, *END, END[1]), f"run {RUN} succeeded 2 times"),
        (with_log(*BEGIN, *FIRE, *END, END[0]), f"run {RUN} was started after it had succeeded"),
        (with_log(*BEGIN, *FIRE, *END, END[2]), f"tick {TICK} of often has 2 outcomes"),
        (
            with_log(*BEGIN, *FIRE, *END, outcome(5, TICK, TICK + 10, 2, "missed")),
            f"tick {TICK} of often has 2 outcomes",
        ),
        (with_log(*BEGIN, cursor(2, TICK + 20), outcome(2, TICK, TICK + 20, 2, "missed")), "says 2 ticks"),
        (with_log(*BEGIN, *FIRE, *END, cursor(5, TICK - 10)), "the cursor of often went back"),
        (replace(SOUND, generations=(1, 3)), "generation 3 follows on 1"),
        (replace(SOUND, differences=("schedule.often: update",)), "what is live is not what was applied"),
        (replace(SOUND, foreign=("precious",)), "the key precious of somebody else was touched"),
        (replace(SOUND, undocumented=("odd",)), "the key odd is documented nowhere"),
        (replace(SOUND, active=frozenset({"acme--test--often--5"})), "run acme--test--often--5 is still active"),
        (replace(SOUND, queued=(RUN,)), f"run {RUN} is still queued"),
        (replace(SOUND, waiting={"often": frozenset({5})}), "ticks of often still wait"),
        (replace(SOUND, calm=False), "it did not come to rest"),
        (replace(SOUND, cursors={}), "cursors differ from what scripts wrote"),
    ],
)
def test_each_breach_is_named(evidence: Evidence, said: str) -> None:
    assert any(said in sentence for sentence in violations(evidence))


@pytest.mark.parametrize("name", BREAKS)
def test_each_way_to_break_the_code_finds_what_it_breaks(name: str) -> None:
    for script, said, instead in BREAKS[name]:
        assert said in scripts._text(script)
        assert instead.replace("%s", said) != said
