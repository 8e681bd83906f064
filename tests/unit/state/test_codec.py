"""What is written is what is read; what is damaged is named."""

from __future__ import annotations

import contextlib
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.states import KEYS, desired_states, pipeline, schedule

from flowerpower.errors import FormatError
from flowerpower.state.codec import (
    canonical,
    decode_cursor,
    decode_cursors,
    decode_head,
    decode_hold,
    decode_pipeline,
    decode_run,
    decode_schedule,
    encode_cursor,
    encode_pipeline,
    encode_schedule,
)
from flowerpower.state.desired import occurrence_at
from flowerpower.state.job_codec import JOB_FIELDS, JOB_FUNCTION, decode_occurrence, job_fields, plain_call
from flowerpower.state.models import Cursor, Desired, Rules


@given(wanted=desired_states())
def test_records_come_back_as_they_went(wanted: Desired) -> None:
    for name, one in wanted.state.schedules.items():
        read, record = decode_schedule(name, encode_schedule(one, revision=7, commit="c", place="p"))
        assert (read, record.revision, record.intact) == (one, 7, True)
    for name, other in wanted.state.pipelines.items():
        again, record = decode_pipeline(name, encode_pipeline(other, revision=7, commit="c", place="p"))
        assert (again, record.intact) == (other, True)


@given(wanted=desired_states(), tick=st.integers(0, 4_000_000_000), compressed=st.booleans())
def test_jobs_come_back_as_they_went_also_when_rq_has_compressed_them(
    wanted: Desired, tick: int, compressed: bool
) -> None:
    for one in wanted.state.schedules.values():
        occurrence = occurrence_at(KEYS, one, tick)
        fields = {name: value.encode() for name, value in job_fields(occurrence).items()}
        if compressed:
            fields["data"] = zlib.compress(fields["data"])
        values = [fields.get(name) for name in JOB_FIELDS]
        assert decode_occurrence(occurrence.id, occurrence.due, values) == occurrence


@given(tick=st.integers(0, 10**10), revision=st.integers(0, 10**6), pending=st.none() | st.just("acme--test--a--5"))
def test_cursors_come_back_as_they_went(tick: int, revision: int, pending: str | None) -> None:
    cursor = Cursor(tick, revision, pending)
    assert decode_cursor("a", encode_cursor(cursor).encode()) == cursor


def test_a_record_that_was_altered_is_not_intact() -> None:
    raw = encode_schedule(schedule("a")[0], revision=1, commit="", place="").replace(b'"timeout":60', b'"timeout":61')
    assert not decode_schedule("a", raw)[1].intact


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"7", b"null", b"{}", b'{"format":1}', b"\xff", b'{"format":1,"spec":3}']
)
def test_a_damaged_record_is_named(raw: bytes) -> None:
    for decode in (decode_schedule, decode_pipeline):
        with pytest.raises(FormatError, match="'a'"):
            decode("a", raw)


def test_a_newer_format_is_refused() -> None:
    newer = json.dumps({**json.loads(encode_pipeline(pipeline("a"), revision=1, commit="", place="")), "format": 2})
    with pytest.raises(FormatError, match="format 2"):
        decode_pipeline("a", newer.encode())
    with pytest.raises(FormatError, match="'2'"):
        decode_head({b"format": b"2", b"generation": b"1"})


def test_a_head_without_rules_was_written_by_an_older_version() -> None:
    head = {b"format": b"1", b"generation": b"3"}

    assert decode_head(head).rules == Rules()
    assert decode_head({**head, b"guards": b"{}", b"policies": b"no JSON"}).rules == Rules("{}", "no JSON")


@given(raw=st.binary(max_size=60))
def test_no_bytes_make_a_reader_stumble(raw: bytes) -> None:
    for decode in (decode_schedule, decode_pipeline, decode_cursor):
        with contextlib.suppress(FormatError):
            decode("a", raw)
    decode_hold(raw)
    decode_run("a", raw)
    decode_occurrence("a", 5, [raw] * len(JOB_FIELDS))


WORDS = st.lists(
    st.sampled_from(
        [
            b"5",
            b"-7",
            b"1_0",
            "٣".encode(),
            b"9" * 30,
            b"x",
            b"-",
            b"acme--prod--a--5",
            b"\xff",
            b"\0",
            b"\xc3\xa9",
            b"",
        ]
    ),
    max_size=4,
)


@given(raw=st.dictionaries(st.binary(max_size=3), WORDS.map(b" ".join), max_size=4))
def test_many_cursors_are_what_each_is_by_itself(raw: dict[bytes, bytes]) -> None:
    many = decode_cursors(raw)
    try:
        each = {name.decode(): decode_cursor(name.decode(), text) for name, text in raw.items()}
    except (FormatError, UnicodeDecodeError):
        assert many is None
    else:
        assert many == each or not all(map(bytes.isascii, raw.values()))


@pytest.mark.parametrize("args", [[1.5], [None], [["a"]], {"a": 1}, "a"])
def test_a_job_whose_arguments_are_no_texts_is_none_of_ours(args: object) -> None:
    occurrence = occurrence_at(KEYS, schedule("a")[0], 5)
    fields = job_fields(occurrence) | {"data": json.dumps([JOB_FUNCTION, None, args, {}])}

    assert decode_occurrence("a", 5, [fields.get(name, "").encode() for name in JOB_FIELDS]) is None


def test_a_bomb_in_a_job_is_not_inflated() -> None:
    bomb = zlib.compress(b"[" * 50_000_000)
    assert decode_occurrence("a", 5, [bomb, *[None] * (len(JOB_FIELDS) - 1)]) is None


def test_canonical_text_knows_no_nan() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical(float("nan"))


def test_what_ends_a_field_of_a_fire_message_is_in_no_cursor_and_no_call() -> None:
    with pytest.raises(FormatError, match="the cursor of schedule 'a'"):
        decode_cursor("a", b"1 1 acme--prod--a\0--5")
    assert plain_call(("acme--prod", "a\0b", "0f")) is None
    assert plain_call(("acme--prod", "a", "0f")) is not None
