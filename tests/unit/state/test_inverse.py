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
    objects=st.dictionaries(_addresses, st.none() | _texts.map(str.encode)),
    specs=st.lists(_texts).map(lambda texts: {digest(text): text for text in texts}),
)
def test_an_inverse_is_read_back_as_it_was_written(objects: dict[str, bytes | None], specs: dict[str, str]) -> None:
    assert decode_inverse(encode_inverse(Inverse(objects, specs))) == Inverse(objects, specs)


@given(raw=st.one_of(st.binary(), _json.map(lambda value: gzip.compress(json.dumps(value).encode()))))
def test_anything_else_is_called_damaged(raw: bytes) -> None:
    with pytest.raises(HistoryError, match="damaged"):
        decode_inverse(raw)


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
        decode_inverse(gzip.compress(json.dumps(data).encode()))


def test_an_inverse_of_a_newer_format_is_refused() -> None:
    with pytest.raises(HistoryError, match="newer flowerpower"):
        decode_inverse(gzip.compress(b'{"version": 3}'))


def test_one_nested_beyond_reason_or_followed_by_more_is_damaged() -> None:
    for text in (b"[" * 100_000, gzip.compress(b"[" * 100_000)):
        with pytest.raises(HistoryError, match="damaged"):
            decode_inverse(text)


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
