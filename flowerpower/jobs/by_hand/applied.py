"""A schedule as it is applied now, with what its runs are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowerpower.errors import FormatError, UsageError
from flowerpower.jobs.by_hand.naming import advice_for
from flowerpower.schedule.trigger import Trigger
from flowerpower.state.codec import decode_cursor, decode_schedule
from flowerpower.state.connection import redis_errors
from flowerpower.state.desired import trigger_of
from flowerpower.state.models import Cursor, Schedule
from flowerpower.state.store import Store


@dataclass(frozen=True, slots=True)
class Applied:
    """A schedule as it is applied now, with what its runs are made of."""

    schedule: Schedule
    revision: int
    commit: str
    trigger: Trigger
    run_spec: Mapping[str, Any]
    cursor: Cursor | None

    @property
    def timezone(self) -> str:
        """The zone of its clocks."""
        return str(self.schedule.fields.get("timezone", "UTC"))

    @property
    def takes_turns(self) -> bool:
        """Whether its own runs do not run side by side."""
        return self.schedule.fields.get("overlap") != "allow"


def read_applied(store: Store, name: str) -> Applied:
    """Return a schedule as it is applied; raise `UsageError` when there is none of that name."""
    keys = store.keys
    with redis_errors("reading the applied record"):
        record: Any = store.connection.hget(keys.schedules, name)
        cursor: Any = store.connection.hget(keys.cursors, name)
    if record is None:
        raise UsageError(f"no schedule {name!r} is live", hint=advice_for(store, name))
    schedule, described = decode_schedule(name, record)
    try:
        trigger = trigger_of(schedule.fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FormatError(
            f"the record of {name!r} is damaged: it says not when it fires",
            hint="`flowerpower plan` says how to repair it",
        ) from None
    with redis_errors("reading the run spec"):
        text: Any = store.connection.hget(keys.specs, schedule.run)
    if text is None:
        raise UsageError(f"the run spec of {name!r} is not in Redis", hint="apply again")
    return Applied(
        schedule,
        described.revision,
        described.commit,
        trigger,
        spec_of(name, text),
        decode_cursor(name, cursor) if cursor else None,
    )


def spec_of(name: str, text: bytes) -> Mapping[str, Any]:
    """Return a run spec as it lies in Redis; raise `FormatError` for one that nobody can read."""
    try:
        spec = json.loads(text)
    except (ValueError, RecursionError):
        spec = None
    if not isinstance(spec, dict):
        raise FormatError(f"the run spec of {name!r} is damaged", hint="apply again")
    return spec
