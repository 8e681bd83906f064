"""Which ticks a recorded range was: it says the first, the last and how many, and an apply may have moved them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from flowerpower.jobs.records import RunRecord, decode_outcome, outcome_pages
from flowerpower.planning.past import view_object
from flowerpower.planning.window import is_tick, ticks_between
from flowerpower.schedule.trigger import Trigger
from flowerpower.state.desired import trigger_of
from flowerpower.state.history import read_past_of
from flowerpower.state.models import Schedule
from flowerpower.state.store import Store

if TYPE_CHECKING:
    from flowerpower.jobs.by_hand.applied import Applied


@dataclass(frozen=True)
class Ranges:
    """The ranges of one schedule, by the trigger it has now or one that it had."""

    store: Store
    applied: Applied
    _known: dict[tuple[int, int, int], Trigger | None] = field(default_factory=dict)

    def ticks(self, record: RunRecord) -> list[int] | None:
        """Return the ticks of a record, None where nobody knows any more which they were."""
        if record.count == 1:
            return [record.last]
        if not record.first:  # events do not say it
            return self._of_event(record)
        trigger = self._trigger_of(record)
        return None if trigger is None else ticks_between(trigger, record.first, record.last)

    def has(self, tick: int, record: RunRecord) -> bool | None:
        """Tell whether a tick is one of a range, by the trigger of that time; None where nobody knows any more."""
        if not record.first <= tick <= record.last:
            return False
        trigger = self._trigger_of(record)
        return None if trigger is None else is_tick(trigger, tick)

    def _trigger_of(self, record: RunRecord) -> Trigger | None:
        what = (record.first, record.last, record.count)
        if what not in self._known:
            triggers = chain([self.applied.trigger], self._former)
            self._known[what] = next((one for one in triggers if _fits(one, record)), None)
        return self._known[what]

    @cached_property
    def _former(self) -> tuple[Trigger, ...]:
        """The triggers that the schedule had, also under other names, the newest first."""
        return tuple(self._read_former())

    def _read_former(self) -> Iterator[Trigger]:
        name = self.applied.schedule.name
        for view in view_object(*read_past_of(self.store, name), f"schedule.{name}"):
            for one in view.changes:
                if isinstance(one.change.before, Schedule):
                    try:
                        yield trigger_of(one.change.before.fields)
                    except (ValueError, KeyError, TypeError, AttributeError):  # that record is damaged
                        continue

    def _of_event(self, event: RunRecord) -> list[int] | None:
        """Return the ticks of what an event tells of: one range, or as many ticks that ended apart for one reason."""
        alike = [one for one in self._outcomes() if (one.status, one.reason) == (event.status, event.reason)]
        whole = next((one for one in alike if (one.last, one.count) == (event.last, event.count)), None)
        if whole is not None:
            return self.ticks(whole)
        apart = sorted({one.last for one in alike if one.count == 1 and one.last <= event.last})[-event.count :]
        return apart if len(apart) == event.count else None

    def _outcomes(self) -> Iterator[RunRecord]:
        name = self.applied.schedule.name
        for key in (self.store.keys.outcomes(name), self.store.keys.older(name)):
            records = (decode_outcome(name, raw) for raw in outcome_pages(self.store, key, 0))
            yield from (record for record in records if record is not None)


def _fits(trigger: Trigger, record: RunRecord) -> bool:
    whole = is_tick(trigger, record.first) and is_tick(trigger, record.last)
    return whole and trigger.count_ticks(record.first, record.last) == record.count
