"""The history and what undoes an apply are read back as written, and nothing that lies there is trusted."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowerpower.errors import HistoryError
from flowerpower.planning.rollback import read_object
from flowerpower.state.codec import decode_past, digest
from flowerpower.state.inverse import decode_inverse, encode_inverse
from flowerpower.state.models import Inverse

_texts = st.text(st.characters(exclude_categories=["Cs"]))
_addresses = st.builds("{}.{}".format, st.sampled_from(["schedule", "pipeline"]), _texts)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _texts,
    lambda inner: st.lists(inner) | st.dictionaries(_texts, inner),
)


@given(
    absent=st.sets(_addresses),
    records=st.dictionaries(_addresses, _texts.map(str.encode)),
    specs=st.lists(_texts).map(lambda texts: {digest(text): text for text in texts}),
    renamed=st.dictionaries(_texts, _texts),
)
def test_an_inverse_is_read_back_as_it_was_written(
    absent: set[str], records: dict[str, bytes], specs: dict[str, str], renamed: dict[str, str]
) -> None:
    text = encode_inverse(Inverse(dict.fromkeys(absent), {}, renamed), moved=len(records))
    beside = {address.encode(): raw for address, raw in records.items()}
    beside |= {f"run {run}".encode(): spec.encode() for run, spec in specs.items()}

    found = decode_inverse(text, {b"bytes": b"123", **beside})

    assert found == Inverse({**dict.fromkeys(absent), **records}, specs, renamed)


@pytest.mark.parametrize("beside", [{}, {b"schedule.a": b"{}"}, {b"schedule.a": b"", b"job.b": b""}, {b"\xff": b""}])
def test_an_inverse_whose_records_are_gone_or_strange_is_damaged(beside: dict[bytes, bytes]) -> None:
    text = encode_inverse(Inverse({"schedule.c": None}, {}), moved=2)

    with pytest.raises(HistoryError, match="damaged"):
        decode_inverse(text, beside)


@given(
    objects=st.dictionaries(_addresses, st.none() | _texts),
    specs=st.lists(_texts, unique=True),
)
def test_an_inverse_that_holds_the_records_itself_is_read(objects: dict[str, str | None], specs: list[str]) -> None:
    text = json.dumps({"version": 2, "objects": objects, "run_specs": specs, "renamed": {}})

    found = decode_inverse(gzip.compress(text.encode()), {})

    assert found.objects == {address: None if raw is None else raw.encode() for address, raw in objects.items()}
    assert found.run_specs == {digest(spec): spec for spec in specs}


@given(raw=st.one_of(st.binary(), _json.map(lambda value: gzip.compress(json.dumps(value).encode()))))
def test_anything_else_is_called_damaged(raw: bytes) -> None:
    with pytest.raises(HistoryError, match="damaged"):
        decode_inverse(raw, {})


@pytest.mark.parametrize(
    "data",
    [
        {"version": 2, "objects": {"schedule.a": 3}, "run_specs": []},
        {"version": 2, "objects": {"job.a": None}, "run_specs": []},
        {"version": 2, "objects": [], "run_specs": []},
        {"version": 2, "objects": {}, "run_specs": [3]},
        {"version": "two", "objects": {}, "run_specs": []},
    ],
)
def test_an_inverse_of_another_shape_is_damaged(data: object) -> None:
    with pytest.raises(HistoryError, match="damaged"):
        decode_inverse(gzip.compress(json.dumps(data).encode()), {})


def test_an_inverse_of_a_newer_format_is_refused() -> None:
    with pytest.raises(HistoryError, match="newer flowerpower"):
        decode_inverse(gzip.compress(b'{"version": 4}'), {})


def test_one_nested_beyond_reason_or_followed_by_more_is_damaged() -> None:
    for text in (b"[" * 100_000, gzip.compress(b"[" * 100_000)):
        with pytest.raises(HistoryError, match="damaged"):
            decode_inverse(text, {})


_FIELDS = ["apply_id", "generation", "when", "commit", "who", "summary", "holds", "previous_commit"]


@given(
    fields=st.dictionaries(
        st.sampled_from(_FIELDS).map(str.encode), st.binary() | _json.map(json.dumps).map(str.encode)
    )
)
def test_any_entry_of_the_history_can_be_shown(fields: dict[bytes, bytes]) -> None:
    past = decode_past(b"1-0", fields)

    assert past.entry == "1-0"
    assert past.damaged or past.apply_id == fields[b"apply_id"].decode(errors="replace")


@given(raw=st.binary() | _json.map(lambda value: json.dumps({"format": 1, "revision": 1, "spec": value}).encode()))
def test_a_record_that_cannot_be_read_is_named(raw: bytes) -> None:
    for address in ("schedule.a", "pipeline.a"):
        with pytest.raises(HistoryError, match=address):
            read_object(address, raw)


def test_a_text_that_swells_to_a_hundred_times_what_ours_do_is_damaged() -> None:
    swollen = b'{"version": 3, "objects": {}, "run_specs": [], "renamed": {}' + b" " * (20 << 20) + b"}"

    with pytest.raises(HistoryError, match="damaged"):
        decode_inverse(gzip.compress(swollen), {})


def test_texts_that_are_much_alike_are_no_swollen_ones() -> None:
    specs = [json.dumps({"schedule": f"s{number}", "x": "y" * 5_000}) for number in range(1_000)]
    text = encode_inverse(Inverse({}, {digest(spec): spec for spec in specs}, {}), moved=0)

    assert len(decode_inverse(text, {}).run_specs) == 1_000
