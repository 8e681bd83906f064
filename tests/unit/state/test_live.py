"""A glance at a record sees what reading all of it sees."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from support.states import desired_states, schedule

from flowerpower.state.codec import canonical, decode_schedule, digest, encode_schedule
from flowerpower.state.glance import Glances, LiveSchedule, live_schedule
from flowerpower.state.job_codec import JOB_FUNCTION
from flowerpower.state.live import LiveFields, LiveRecords
from flowerpower.state.models import Desired, Occurrence, Schedule, State

TRAPS = ('"},"revision":9,"run":"' + "0" * 64 + '","spec":{', ',"timing":"never"}', ',"queue":"other",', "\\", "é\n")


def sealed(text: str) -> bytes:
    return f'{{"sum":"{digest(text)}",{text[1:]}'.encode()


def glanced(name: str, raw: bytes) -> LiveSchedule | None:
    glance = Glances("acme.prod").at(name, raw)
    return live_schedule(name, raw, glance) if glance else None


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

        live = glanced(one.name, raw)

        assert live is not None, "it was read through"
        assert isinstance(live.fields, LiveFields)
        assert live == decode_schedule(one.name, raw)[0] == tricky == live
        assert glanced("another", raw) is None, "it is the record of another"


@given(position=st.integers(0, 600), byte=st.integers(0, 255))
def test_an_altered_record_is_read_through_and_has_no_identity(position: int, byte: int) -> None:
    raw = bytearray(encode_schedule(schedule("a")[0], revision=1, commit="c", place="p"))
    position %= len(raw)
    if raw[position] == byte:
        return
    raw[position] = byte
    assert glanced("a", bytes(raw)) is None


def test_an_intact_record_of_another_layout_is_read_through() -> None:
    data = json.loads(encode_schedule(schedule("a")[0], revision=1, commit="c", place="p"))
    del data["sum"]
    newer = canonical({**data, "format": 2})
    for text in (json.dumps(data), canonical({**data, "zone": "new"}), canonical({**data, "timing": 'a "b"'}), newer):
        assert glanced("a", sealed(text)) is None


def test_a_copy_of_a_live_schedule_is_a_plain_one() -> None:
    raw = encode_schedule(schedule("a")[0], revision=1, commit="c", place="p")
    glances = Glances("acme.prod")
    glance = glances.at("a", raw)
    assert glance is not None
    values = [b"", b"queue", b"60", b"500", b"900", b"2", b"[5, 7]", b"scheduled"]
    call = f'["flowerpower.jobs.run.run_scheduled", null, ["acme.prod", "a", "{glance[2].decode()}"], {{}}]'.encode()
    assert glances.shape_of("a", glance[2], values) is None, "its call is another"
    shape = glances.shape_of("a", glance[2], [call, *values[1:]])

    live = live_schedule("a", raw, glance, shape, "id", 77)
    copy = replace(live, basis="b")

    job = Occurrence("id", "queue", 77, JOB_FUNCTION, ("acme.prod", "a", live.run), 60, 500, 900, 2, (5, 7))
    assert live.occurrence == job
    assert type(copy) is Schedule
    assert (copy.fields, copy.occurrence, copy.basis) == (live.fields, job, "b")
    assert live != copy
    assert copy == replace(live, basis="b")


def test_records_are_decoded_when_they_are_asked_for() -> None:
    raw = encode_schedule(schedule("a")[0], revision=7, commit="c", place="p")
    altered = raw.replace(b'"commit":"c"', b'"commit":"x"')
    found = glanced("a", raw)
    assert found is not None
    live = {"a": found, "c": decode_schedule("c", altered)[0]}
    records = LiveRecords(State(live), {"schedule.c": altered}, frozenset())

    assert list(records) == ["schedule.a", "schedule.c"]
    assert records["schedule.a"] == decode_schedule("a", raw)[1]
    assert records["schedule.c"] == decode_schedule("c", altered)[1]
    assert records.get("schedule.b") is records.get("pipeline.a") is records.get("other") is None
