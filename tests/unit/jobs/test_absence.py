"""A Redis that is away is told of once, at growing intervals, and once when it is back."""

from __future__ import annotations

import logging

import pytest
from redis.exceptions import ConnectionError, OutOfMemoryError, ResponseError

from flowerpower.errors import StoreError
from flowerpower.jobs.absence import Absence
from flowerpower.state.connection import as_ours, refuses_writes
from flowerpower.state.misplaced import says_misplaced

LOG = logging.getLogger("flowerpower.worker")
RQ = logging.getLogger("rq.worker.of-a-test")


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_an_absence_of_hours_is_a_handful_of_lines(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    absence = Absence(LOG, "no run is taken", lambda: now[0])
    for second in range(0, 4 * 3600, 2):
        now[0] = float(second)
        absence.gone("refused")
    absence.over()
    absence.over()

    assert told(caplog) == [
        "Redis is away: refused; no run is taken until it is back",
        *(f"Redis is still away, after {after} s: refused" for after in (60, 180, 420, 900, 1860, 3780, 7380, 10980)),
        "Redis is back, after 14398 s",
    ]


def test_a_redis_that_comes_back_and_takes_no_write_is_told_of_once_more(caplog: pytest.LogCaptureFixture) -> None:
    absence = Absence(LOG, "no run is taken", lambda: 0.0)
    for _ in range(2):
        absence.gone("refused")
    for _ in range(2):
        absence.gone("full", refuses=True)
    absence.over()

    assert told(caplog) == [
        "Redis is away: refused; no run is taken until it is back",
        "Redis takes no write: full; no run is taken until it works again",
        "Redis works again, after 0 s",
    ]


def test_only_what_passes_by_itself_is_explained_by_it(caplog: pytest.LogCaptureFixture) -> None:
    absence = Absence(LOG, "no run is taken", lambda: 0.0)
    for cause in (ConnectionError("no"), OutOfMemoryError("full"), ResponseError("MISCONF disk"), OSError("no")):
        error = StoreError("it failed", hint="do this")
        error.__cause__ = cause
        assert absence.explains(error)
    error = StoreError("it failed")
    error.__cause__ = ResponseError("ERR")

    assert not absence.explains(error)
    assert "Redis takes no write: it failed (do this); no run is taken until it works again" in told(caplog)


def test_what_an_old_redis_says_of_a_script_is_understood() -> None:
    start = "Error running script (call to f_6a5d4b7019390863dc366f053ed1596a346efba1): @user_script:7: "
    full, replica, misplaced, forbidden = (
        ResponseError(start + words)
        for words in (
            "@user_script: 7: -OOM command not allowed when used memory > 'maxmemory'.",
            "@user_script: 7: -READONLY You can't write against a read only replica.",
            "WRONGTYPE Operation against a key holding the wrong kind of value",
            "@user_script: 7: The user executing the script can't run this command or subcommand",
        )
    )

    assert [refuses_writes(error) for error in (full, replica, misplaced, forbidden)] == [True, True, False, False]
    assert "maxmemory" in (as_ours(full, "writing").hint or "")
    assert "replica" in (as_ours(replica, "writing").hint or "")
    assert says_misplaced(misplaced)
    assert "ACL" in (as_ours(forbidden, "writing").hint or "")


def test_the_next_absence_is_told_anew(caplog: pytest.LogCaptureFixture) -> None:
    absence = Absence(LOG, "no run is taken", lambda: 0.0)
    for _ in range(2):
        absence.gone("refused")
        absence.over()

    assert len(told(caplog)) == 4


def test_what_rq_says_of_it_is_taken_and_all_else_passes(caplog: pytest.LogCaptureFixture) -> None:
    absence = Absence(LOG, "no run is taken", lambda: 0.0)
    with absence.told_by(RQ):
        for _ in range(3):
            RQ.error("Worker %s: could not connect to Redis instance: %s retrying in %d seconds...", "w", "refused", 2)
        RQ.error("Worker %s: %s", "w", "something else")
    RQ.error("Worker %s: could not connect to Redis instance: %s", "w", "refused")

    assert told(caplog) == [
        "Redis is away: refused; no run is taken until it is back",
        "Worker w: something else",
        "Worker w: could not connect to Redis instance: refused",
    ]
    assert absence.lasts


def test_a_worker_that_ends_because_of_redis_says_so_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with Absence(LOG, "no run is taken").told_by(RQ):
        for error in (ResponseError("it refuses"), StoreError("it is gone"), KeyError("ours")):
            try:
                raise error
            except (ResponseError, StoreError, KeyError):
                RQ.error("Worker %s: found an unhandled exception, quitting...", "w", exc_info=True)

    first, second, third = caplog.records
    assert first.getMessage() == "Worker w: found an unhandled exception, quitting... it refuses"
    assert second.getMessage() == "Worker w: found an unhandled exception, quitting... it is gone"
    assert [bool(record.exc_info) for record in (first, second, third)] == [False, False, True]
