"""The wanted state in short: what it holds, and that no text makes its reader stumble."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from support.states import KEYS, desired, desired_states, pipeline, schedule

from flowerpower.state.desired import occurrence_at
from flowerpower.state.models import Desired, Schedule
from flowerpower.state.outline import decode_outline, encode_outline, joined_outline, outline_of

SECRET = "hunter2"
ONE = encode_outline(outline_of(desired([schedule("a"), schedule("b", jitter=5)], [pipeline("report")]), "tree"))


@given(wanted=desired_states(), tree=st.text(max_size=9))
def test_an_outline_comes_back_as_it_went(wanted: Desired, tree: str) -> None:
    outline = outline_of(wanted, tree)
    assert decode_outline(encode_outline(outline)) == outline
    assert [(one.name, one.digest, one.run) for one in outline.schedules()] == [
        (name, one.digest[:32], one.run[:32]) for name, one in wanted.state.schedules.items()
    ]


@given(first=desired_states(), second=desired_states(), third=desired_states())
def test_the_outline_of_a_whole_is_that_of_its_parts(first: Desired, second: Desired, third: Desired) -> None:
    parts = [outline_of(part, "") for part in (first, second, third)]

    whole = joined_outline(parts, "tree")

    assert decode_outline(encode_outline(whole)) == whole
    told = [(one, whole.jobs[one.job]) for one in whole.schedules()]
    assert [(one.name, one.digest, one.run, job) for one, job in told] == [
        (one.name, one.digest, one.run, part.jobs[one.job]) for part in parts for one in part.schedules()
    ]
    assert len(set(map(json.dumps, whole.jobs))) == len(whole.jobs)


def test_an_outline_holds_no_value_that_a_variable_may_have_brought() -> None:
    inputs, labels = {"password": SECRET}, {"team": SECRET}
    wanted = desired(
        [
            schedule(
                "a", inputs=inputs, config=inputs, overrides=inputs, labels=labels, owner=SECRET, description=SECRET
            )
        ],
        [pipeline("report", inputs=inputs, config=inputs, save=[{"path": SECRET}])],
    )
    assert SECRET.encode() not in encode_outline(outline_of(wanted, "tree"))


@given(raw=st.binary(max_size=80) | st.builds(lambda cut: ONE[:cut], st.integers(0, len(ONE) - 1)))
def test_no_other_text_is_an_outline(raw: bytes) -> None:
    assert decode_outline(raw) is None


@given(position=st.integers(0, len(ONE) - 1), byte=st.integers(0, 255))
def test_a_changed_outline_is_none_or_one_that_can_be_used(position: int, byte: int) -> None:
    outline = decode_outline(ONE[:position] + bytes([byte]) + ONE[position + 1 :])
    if outline:
        for name, digest, run, job in outline.schedules():
            assert occurrence_at(KEYS, Schedule(name, outline.jobs[job], "", "", run, digest), tick=5)


def test_an_outline_of_another_version_is_none() -> None:
    front, _, lines = ONE.partition(b"\n")
    newer = json.dumps({**json.loads(front), "version": 2}).encode()
    assert decode_outline(newer + b"\n" + lines) is None
