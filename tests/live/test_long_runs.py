"""What `status` tells of a schedule whose runs outlast its interval: how they end, and not only what is skipped."""

from __future__ import annotations

import pytest
from support.holds import HOUR, apply, step
from support.players import Player
from support.redis_state import shift_clock
from support.states import schedule

from flowerpower.jobs.monitoring.status import ScheduleStatus
from flowerpower.jobs.monitoring.status_reader import StatusReader, read_status
from flowerpower.render.alarms import alarms_of, state_of
from flowerpower.render.metrics import schedule_metrics
from flowerpower.render.status import status_text
from flowerpower.render.status_html import status_html
from flowerpower.render.status_json import status_dict
from flowerpower.state.store import Store


def tick_after(store: Store, hours: int) -> None:
    for _ in range(hours):
        shift_clock(store.connection, HOUR)
        step(store)


def seen(store: Store, recent: int = 1) -> ScheduleStatus:
    return read_status(store, recent=recent).schedules[0]


def row(store: Store) -> str:
    """Return the row of the schedule without how long its run is active: the clock of Redis itself does not move."""
    words = " ".join(status_text(read_status(store), width=200).splitlines()[3].split())
    return words.replace(" for 0s", "")


@pytest.mark.parametrize("recent", [1, 20])
@pytest.mark.parametrize("skipped", [1, 3, 20, 25])
def test_a_failure_is_not_hidden_by_the_ticks_that_were_skipped_meanwhile(
    store: Store, player: Player, skipped: int, recent: int
) -> None:
    apply(store, schedule("often", every=HOUR))
    tick_after(store, 1)
    player.take()
    tick_after(store, skipped)
    first = seen(store, recent)
    player.end("failed")
    failed = seen(store, recent)
    tick_after(store, 1)
    player.take()
    tick_after(store, skipped)
    again = seen(store, recent)
    player.end()
    good = seen(store, recent)

    assert [state_of(one) for one in (first, failed, again, good)] == ["new", "failed", "failed", "ok"]
    assert [one.skipped for one in (first, failed, again, good)] == [skipped] * 4
    assert [one.ended and one.ended.status for one in (first, failed, again, good)] == [
        *(None, "failed", "failed", "succeeded")
    ]
    assert {one.last.status for one in (first, failed, again, good) if one.last} == {"skipped"}
    assert good.succeeded_at is not None
    assert len(good.recent) == min(recent, 2 * (skipped + 1))


def test_a_run_that_goes_on_is_told_with_what_it_lets_be_skipped(store: Store, player: Player) -> None:
    apply(store, schedule("often", every=HOUR))
    tick_after(store, 1)
    player.take()
    tick_after(store, 2)
    assert row(store).startswith("new often")
    assert row(store).endswith("running 1 active run; last 2 ticks skipped (overlap)")
    player.end()
    tick_after(store, 1)
    player.take()
    tick_after(store, 3)

    assert row(store).startswith("ok often")
    assert row(store).endswith("1 active run; last 3 ticks skipped (overlap)")
    assert " succeeded 0s ago" in row(store)
    status = read_status(store)
    assert "last 3 ticks skipped (overlap)" in status_html(status)
    document = status_dict(status)["schedules"][0]
    assert (document["skipped"], document["ended"]["status"], document["last"]["status"]) == (3, "succeeded", "skipped")
    assert document["active_since"]


def test_alarms_and_metrics_tell_of_the_run_that_failed(store: Store, player: Player) -> None:
    apply(store, schedule("often", every=HOUR))
    tick_after(store, 1)
    player.take()
    tick_after(store, 2)
    player.end("failed")

    status = StatusReader(store).read(successes=True)

    assert [alarm.names for alarm in alarms_of(status) if alarm.code == "failed"] == [("often",)]
    assert 'flowerpower_schedule_failing{schedule="often"} 1\n' in schedule_metrics(status)


def test_ticks_that_are_skipped_since_no_worker_begins_are_worth_a_look(store: Store, player: Player) -> None:
    apply(store, schedule("often", every=HOUR))
    tick_after(store, 1)
    player.take()
    player.end()
    tick_after(store, 3)

    assert state_of(seen(store)) == "skipped"
    assert row(store).endswith("1 run queued, no worker on queue default; last 2 ticks skipped (overlap)")
