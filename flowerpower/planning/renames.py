"""Renames: a schedule that says which name it had goes on where the old one stopped.

The live state is read as if the schedule had its new name already, so that the rest of planning need not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from flowerpower.planning.plan import Change
from flowerpower.state.codec import canonical
from flowerpower.state.models import Desired, Reading, Schedule, State

T = TypeVar("T")


def renamed_from(desired: Desired, reading: Reading) -> dict[str, str]:
    """Return the live name of each wanted schedule that is live under a previous name, and not under its own."""
    wanted, live = desired.state.schedules, reading.state.schedules
    found: dict[str, str] = {}
    for name in sorted(desired.previous_names.keys() & wanted.keys() - live.keys()):
        candidates = (old for old in desired.previous_names[name] if old in live and old not in wanted)
        old = next((old for old in candidates if old not in found.values()), None)
        if old is not None:
            found[name] = old
    return found


def with_new_names(reading: Reading, renamed: Mapping[str, str]) -> Reading:
    """Return what was read with each renamed schedule under its new name; its value still says the old one."""
    if not renamed:
        return reading
    gone = set(renamed.values())
    schedules = {name: live for name, live in reading.state.schedules.items() if name not in gone}
    schedules |= {new: reading.state.schedules[old] for new, old in renamed.items()}
    addresses = {f"schedule.{old}" for old in gone}
    records = {address: record for address, record in reading.records.items() if address not in addresses}
    return replace(
        reading,
        state=State(schedules, reading.state.pipelines),
        records=records | _under_new(reading.records, renamed, "schedule."),
        cursors={**reading.cursors, **_under_new(reading.cursors, renamed)},
        holds={**reading.holds, **_under_new(reading.holds, renamed)},
        without_run_spec=reading.without_run_spec
        | {new for new, old in renamed.items() if old in reading.without_run_spec},
        firing=reading.firing | {new for new, old in renamed.items() if old in reading.firing},
    )


def likely_renames(changes: Sequence[Change]) -> list[tuple[str, str]]:
    """Return pairs of names, one deleted and one created, whose specs are the same and the only such two."""
    sides: dict[str, tuple[list[str], list[str]]] = {}
    for change in changes:
        shown = change.before or change.after
        if change.action != "update" and isinstance(shown, Schedule):
            pair = sides.setdefault(canonical([dict(shown.fields), shown.timing]), ([], []))
            pair[change.action == "create"].append(change.name)
    return [(old[0], new[0]) for old, new in sides.values() if len(old) == len(new) == 1]


def _under_new(values: Mapping[str, T], renamed: Mapping[str, str], kind: str = "") -> dict[str, T]:
    return {kind + new: values[kind + old] for new, old in renamed.items() if kind + old in values}
