"""What a scheduler says of itself: which part it plays, in its log; that it goes by other zone rules, in `status`."""

from __future__ import annotations

import logging
import threading

import pytest
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.doctor.live import read_live
from flowerpower.doctor.live_checks import live_findings
from flowerpower.jobs.monitoring.status_reader import read_status
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.state.store import Store


def apply(store: Store) -> None:
    apply_plan(make_plan(store.keys, desired([schedule("hourly", every=3600)]), store.read(), SOURCE), store, "apply")


@pytest.fixture(autouse=True)
def whole_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "flowerpower.scheduler")


def test_its_log_says_who_fires_who_stands_by_and_who_takes_over(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    apply(store)
    one, two = Scheduler(store, "one"), Scheduler(store, "two")
    for scheduler in (one, two, one, two):
        scheduler.step()
    one.resign()
    for _ in range(2):
        two.step()

    assert caplog.messages == [
        "scheduler one works first: it fires for acme.test",
        "scheduler two stands by: another one works first",
        "scheduler two works first: it fires for acme.test",
    ]


def test_its_log_says_when_it_ends(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    stop = threading.Event()
    stop.set()

    Scheduler(store, "one").run(stop)

    assert caplog.messages == ["scheduler one ends"]


def test_one_that_goes_by_other_zone_rules_than_the_last_apply_is_told_until_they_are_the_same(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    apply(store)
    store.connection.hset(KEYS.head, "tzdata", "2020.1")
    one = Scheduler(store, "one")
    one.step()
    one.step()

    (told,) = read_status(store).troubles
    assert told.startswith("scheduler one goes by the zone rules of tzdata ")
    assert told.endswith(
        ", the last apply by those of 2020.1: they may disagree about a tick; upgrade it everywhere and apply"
    )
    assert told in next(found.message for found in live_findings(read_live(store, "")) if found.name == "troubles")
    assert caplog.messages.count(told) == 1

    apply(store)  # by a machine that has the rules of this scheduler
    one.step()

    assert read_status(store).troubles == ()


@pytest.mark.parametrize("kept", ["", "system"])
def test_zone_rules_without_a_version_are_compared_with_nothing(store: Store, kept: str) -> None:
    apply(store)
    store.connection.hset(KEYS.head, "tzdata", kept)

    Scheduler(store, "one").step()

    assert read_status(store).troubles == ()
