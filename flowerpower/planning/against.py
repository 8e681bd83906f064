"""Two revisions of the specs compared with each other, without Redis: for forks, and where Redis cannot be reached."""

from __future__ import annotations

from flowerpower.planning.settle import settle
from flowerpower.state.keys import Keys
from flowerpower.state.models import Cursor, Desired, Head, Reading, Record


def reading_of(keys: Keys, specs: Desired, commit: str, now: int) -> Reading:
    """Return what Redis would hold at *now* (epoch seconds) if the specs of a commit had been applied a while ago.

    Nothing is held, running, altered or unmanaged in it, and no worker is known.
    """
    nothing = Reading(now=now, head=Head(), state=specs.state, records={}, cursors={})
    state = settle(keys, specs.state, nothing)
    schedules = {f"schedule.{name}": bool(one.fields.get("protected")) for name, one in state.schedules.items()}
    addresses = schedules | {f"pipeline.{name}": False for name in state.pipelines}
    return Reading(
        now=now,
        head=Head(),
        state=state,
        records={address: Record(0, "", protected, commit=commit) for address, protected in addresses.items()},
        cursors={
            name: Cursor(now, 0, one.occurrence.id if one.occurrence else None) for name, one in state.schedules.items()
        },
    )


def renamed_in(before: Desired) -> dict[str, str]:
    """Return which name each schedule got in place of another, as the specs of a commit tell it."""
    return {old: new for new, names in before.previous_names.items() for old in names}
