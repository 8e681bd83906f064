"""What other tools left in Redis may be anything: it is read as plain values or refused, and nothing of it runs."""

from __future__ import annotations

import json
import os
import pickle
import pickletools
import zlib
from collections import OrderedDict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowerpower.adoption.found import Found, Unread
from flowerpower.adoption.pickles import Unreadable, read_pickle
from flowerpower.adoption.rq_cron import CronScheduler, cron_jobs
from flowerpower.adoption.rq_jobs import JOB_FIELDS, UnreadableJobError, job_call, pending_job, scheduler_entry
from flowerpower.adoption.values import NotPlainError, plain_value

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
PLAIN = st.recursive(
    LEAVES | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=4)
    ),
)
JSON_LIKE = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
PROTOCOLS = st.integers(0, pickle.HIGHEST_PROTOCOL)
NOT_PLAIN = (
    datetime(2027, 1, 1),
    date(2027, 1, 1),
    {1, 2},
    frozenset("a"),
    OrderedDict(a=1),
    1j,
    bytearray(b"x"),
    print,
)


class Runs:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.folder,)


@given(value=PLAIN, protocol=PROTOCOLS)
def test_plain_values_are_read_as_pickle_reads_them(value: Any, protocol: int) -> None:
    dumped = pickle.dumps(value, protocol)
    names = {opcode.name for opcode, _, _ in pickletools.genops(dumped)}
    if names & {"REDUCE", "GLOBAL"}:  # how the oldest protocols write bytes
        return

    assert read_pickle(dumped) == value == read_pickle(pickletools.optimize(dumped))


@given(value=JSON_LIKE, protocol=PROTOCOLS)
def test_a_job_of_plain_arguments_has_the_same_call_as_pickle_and_as_json(value: Any, protocol: int) -> None:
    job = ("acme.tasks.f", None, (value, "x"), {"named": value})
    as_pickle, as_json = pickle.dumps(job, protocol), json.dumps(job).encode()

    calls = [job_call(data) for data in (as_pickle, zlib.compress(as_pickle), as_json, zlib.compress(as_json))]

    assert all(call.args == (value, "x") and call.kwargs == {"named": value} for call in calls)
    assert not any(call.to_fill_in for call in calls)


@pytest.mark.parametrize("value", NOT_PLAIN, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_is_not_plain_is_to_be_filled_in_and_its_neighbours_are_kept(value: Any, protocol: int) -> None:
    call = job_call(pickle.dumps(("acme.tasks.f", None, (1, value, 3), {"a": "b"}), protocol))

    assert (call.args[0], call.args[2], call.kwargs) == (1, 3, {"a": "b"})
    assert str(call.args[1]).startswith("FILL IN: ")
    assert len(call.to_fill_in) == 1
    assert call.to_fill_in[0].startswith("argument 2: it was ")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_in_a_pickle_runs(protocol: int, tmp_path: Path) -> None:
    target = tmp_path / "made"
    whole = pickle.dumps(Runs(target), protocol)
    job = pickle.dumps(("acme.tasks.f", None, (Runs(target),), {"x": Runs(target)}), protocol)

    assert isinstance(read_pickle(whole), Unreadable)
    call = job_call(job)
    fields = dict.fromkeys(JOB_FIELDS)
    found = scheduler_entry(b"x", 1.0, [*{**fields, "data": job, "meta": whole}.values()])

    assert (len(call.args), len(call.to_fill_in)) == (1, 2)
    assert isinstance(found, Unread)
    assert not target.exists()
    pickle.loads(whole)
    assert target.exists(), "the payload does nothing, so this test proves nothing"


@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    fields = dict.fromkeys(JOB_FIELDS, data)

    for found in (
        pending_job("default", data, 5.0, [*fields.values()]),
        scheduler_entry(data, 5.0, [*fields.values()]),
        *cron_jobs([CronScheduler("one", (data, data, data, data))])[1],
    ):
        assert isinstance(found, Found | Unread)


def test_an_escape_that_python_warns_of_is_no_warning_of_ours() -> None:
    assert isinstance(read_pickle(b"cos\\Z\nx\n."), Unreadable)


@given(value=PLAIN, protocol=PROTOCOLS, position=st.integers(0, 500), byte=st.integers(0, 255))
def test_a_damaged_pickle_is_read_or_refused(value: Any, protocol: int, position: int, byte: int) -> None:
    data = bytearray(pickle.dumps(("acme.tasks.f", None, (value,), {}), protocol))
    data[position % len(data)] = byte
    for cut in (bytes(data), bytes(data[: position % len(data)])):
        fields = {**dict.fromkeys(JOB_FIELDS), "data": cut, "meta": cut}

        assert isinstance(scheduler_entry(b"x", 5.0, [*fields.values()]), Found | Unread)


JOBS = st.fixed_dictionaries(
    {},
    optional={
        name: JSON_LIKE | st.sampled_from(["acme.tasks.f", "* * * * *", "[1]", "{}", 60])
        for name in (
            "func_name",
            "name",
            "queue_name",
            "args",
            "kwargs",
            "interval",
            "cron",
            "next_enqueue_time",
            "ttl",
        )
    },
)


@given(jobs=st.lists(JOBS | JSON_LIKE, max_size=4) | JSON_LIKE)
def test_any_description_of_cron_jobs_is_read_or_refused(jobs: Any) -> None:
    found, unread = cron_jobs([CronScheduler("one", (json.dumps(jobs).encode(), None, None, None))])

    assert len(found) + len(unread) <= (len(jobs) if isinstance(jobs, list) else 1)


def test_a_few_bytes_that_stand_for_a_huge_value_are_not_copied() -> None:
    laughs = (
        b"\x80\x02]q\x00"
        + b"".join(b"]q" + bytes([n + 1]) + b"(" + b"h" + bytes([n]) + b"h" + bytes([n]) + b"e" for n in range(60))
        + b"."
    )

    with pytest.raises(NotPlainError, match="very large"):
        plain_value(read_pickle(laughs))


def test_a_value_that_holds_itself_is_not_copied() -> None:
    value: list[Any] = []
    value.append(value)

    with pytest.raises(NotPlainError, match="very large"):
        plain_value(read_pickle(pickle.dumps(value)))


def test_a_bomb_of_compressed_data_is_refused() -> None:
    with pytest.raises(UnreadableJobError, match="very large"):
        job_call(zlib.compress(b"[" * (1 << 26)))


@pytest.mark.parametrize(
    "function",
    [
        "os.system('x')",
        "a.b; import os",
        "a\n.b",
        "",
        ".",
        "a..b",
        "__main__.f",
        "a.class",
        "a.b" * 200,
        "a.b c",
        "\u202ea.b",
    ],
)
def test_a_function_whose_name_is_no_name_is_refused(function: str) -> None:
    with pytest.raises(UnreadableJobError, match="not a function that can be imported"):
        job_call(json.dumps([function, None, [], {}]).encode())
