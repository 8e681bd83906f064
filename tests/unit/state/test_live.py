"""A glance at a record sees what reading all of it sees."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.states import desired_states, schedule

from flowerpower.errors import FormatError
from flowerpower.state.codec import canonical, decode_schedule, digest, encode_schedule
from flowerpower.state.live import LiveFields, LiveRecords, draft_schedule
from flowerpower.state.models import Desired, Schedule, State

TRAPS = ('"},"revision":9,"run":"' + "0" * 64 + '","spec":{', ',"timing":"never"}', ',"queue":"other",', "\\", "é\n")


def sealed(text: str) -> bytes:
    return f'{{"sum":"{digest(text)}",{text[1:]}'.encode()


@given(wanted=desired_states(), place=st.sampled_from(TRAPS), trap=st.sampled_from(TRAPS), revision=st.integers(0))
def test_a_glance_sees_what_reading_sees(wanted: Desired, place: str, trap: str, revision: int) -> None:
    for one in wanted.state.schedules.values():
        tricky = Schedule(
            one.name,
            {**one.fields, "description": trap, "inputs": {trap: trap, "queue": "other", "timing": trap}},
            one.timing,
            one.basis,
            one.run,
            one.digest,
        )
        raw = encode_schedule(tricky, revision=revision, commit=trap, place=place)

        draft = draft_schedule(one.name, raw)

        assert isinstance(draft.fields, LiveFields), "it was read through"
        assert draft.queue == one.fields["queue"]
        assert draft.with_job(one.name, draft.run, None) == decode_schedule(one.name, raw)[0] == tricky


@given(position=st.integers(0, 600), byte=st.integers(0, 255))
def test_an_altered_record_is_read_through_and_has_no_identity(position: int, byte: int) -> None:
    raw = bytearray(encode_schedule(schedule("a")[0], revision=1, commit="c", place="p"))
    position %= len(raw)
    if raw[position] == byte:
        return
    raw[position] = byte
    try:
        whole = decode_schedule("a", bytes(raw))[0]
    except FormatError:
        with pytest.raises(FormatError):
            draft_schedule("a", bytes(raw))
        return
    draft = draft_schedule("a", bytes(raw))
    assert draft.with_job("a", draft.run, None) == whole
    assert draft.digest == ""


def test_an_intact_record_of_another_layout_is_read_through() -> None:
    data = json.loads(encode_schedule(schedule("a")[0], revision=1, commit="c", place="p"))
    del data["sum"]
    for text in (json.dumps(data), canonical({**data, "zone": "new"}), canonical({**data, "timing": 'a "b"'})):
        draft = draft_schedule("a", sealed(text))
        assert draft.with_job("a", draft.run, None) == decode_schedule("a", sealed(text))[0]
        assert draft.digest == data["digest"]


def test_an_intact_record_of_a_newer_format_is_refused() -> None:
    data = json.loads(encode_schedule(schedule("a")[0], revision=1, commit="c", place="p"))
    del data["sum"]
    with pytest.raises(FormatError, match="format 2"):
        draft_schedule("a", sealed(canonical({**data, "format": 2})))


def test_records_are_decoded_when_they_are_asked_for() -> None:
    raw = encode_schedule(schedule("a")[0], revision=7, commit="c", place="p")
    altered = raw.replace(b'"commit":"c"', b'"commit":"x"')
    live = {name: draft_schedule(name, text).with_job(name, "", None) for name, text in (("a", raw), ("c", altered))}
    records = LiveRecords(State(live), {"schedule.c": altered}, frozenset())

    assert list(records) == ["schedule.a", "schedule.c"]
    assert records["schedule.a"] == decode_schedule("a", raw)[1]
    assert records["schedule.c"] == decode_schedule("c", altered)[1]
    assert records.get("schedule.b") is records.get("pipeline.a") is records.get("other") is None
