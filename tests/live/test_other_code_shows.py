"""A run of other code than was applied is marked wherever people look at it, not in Redis alone."""

from __future__ import annotations

from typing import Any

import pytest
from support.holds import HOUR, apply, queued, step
from support.players import reference
from support.redis_state import shift_clock
from support.states import KEYS, schedule

from flowerpower.jobs.details import read_run
from flowerpower.jobs.ledger import Claimant, Ledger, Terms
from flowerpower.jobs.monitoring.status_reader import read_status
from flowerpower.jobs.records import Wish, read_runs
from flowerpower.render.details import details_dict
from flowerpower.render.records import runs_dict
from flowerpower.render.status_json import status_dict
from flowerpower.state.store import Store

HERE = f"{'2' * 40}+dirty"


def looks(store: Store, run: str) -> list[str]:
    """Return the other code as each document tells it: of all runs, of one name, of one run, of the schedule."""
    told: list[dict[str, Any]] = [runs_dict(read_runs(store, Wish(name)))["runs"][0] for name in ("", "often")]
    told.append(details_dict(read_run(store, run), KEYS.namespace))
    last = status_dict(read_status(store))["schedules"][0]["last"]
    return [one["other_code"] for one in (*told, *([last] if last else []))]


@pytest.mark.parametrize("code", [HERE, ""])
def test_every_document_tells_which_other_code_ran(store: Store, code: str) -> None:
    apply(store, schedule("often", every=HOUR))
    shift_clock(store.connection, HOUR)
    step(store)
    (run,) = queued(store)
    ledger, ref = Ledger(store), reference(store, run)

    ledger.claim(ref, Claimant("w", "e"), digest="d", terms=Terms(other_code=code))
    assert looks(store, run) == [code] * 3, "while it runs"

    ledger.finish(ref, execution="e", status="succeeded", reason="", final=True, duration=1.0)
    assert looks(store, run) == [code] * 4

    store.connection.hset(KEYS.job(run), "status", "finished")
    store.connection.delete(KEYS.outcomes("often"))
    assert details_dict(read_run(store, run), KEYS.namespace)["other_code"] == code, "as long as its events are there"
