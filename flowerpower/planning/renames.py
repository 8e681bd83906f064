"""Renames: a schedule that says which name it had goes on where the old one stopped.

The live state is read as if the schedule had its new name already, so that the rest of planning need not know.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from flowerpower.planning.plan import Change, Check
from flowerpower.state.codec import canonical
from flowerpower.state.models import Desired, Json, Pipeline, Reading, Schedule, State

T = TypeVar("T")
_SHOWN = 5
_GIVEN = ("inputs", "config", "overrides")  # to a pipeline by its schedule


@dataclass(frozen=True, slots=True)
class LikelyRename:
    """A schedule that is deleted and another that is created and does the same; `differs`: their other fields."""

    old: str
    new: str
    differs: tuple[str, ...] = ()


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


def renamed_back(desired: Desired, reading: Reading, got: Mapping[str, str]) -> Desired:
    """Return what is wanted, with the names of now where git has undone a rename, which a revert cannot know, or where
    somebody renamed first what a spec names by the name before.

    *got* says which name a schedule got in place of another. One that runs another pipeline is taken for a new one, and
    a previous name that is live goes before.
    """
    wanted, live, previous = desired.state.schedules, reading.state.schedules, desired.previous_names
    gone = live.keys() - wanted.keys()
    free = gone - {old for names in previous.values() for old in names}
    found: dict[str, tuple[str, ...]] = {}
    for name in wanted.keys() - live.keys():
        written = previous.get(name, ())
        if not gone.isdisjoint(written):
            continue
        now = [last for one in (name, *written) if (last := _name_after(one, got, live)) in free]
        now = [last for last in now if wanted[name].fields.get("pipeline") == live[last].fields.get("pipeline")]
        found |= {name: (*written, *dict.fromkeys(now))} if now else {}
    return replace(desired, previous_names={**previous, **found}) if found else desired


def _name_after(name: str, got: Mapping[str, str], live: Container[str]) -> str:
    """Return the live name at the end of a chain of renames, or where the chain breaks off or goes round."""
    seen = {name}
    while name not in live and name in got and got[name] not in seen:
        name = got[name]
        seen.add(name)
    return name


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
        forgotten=(reading.forgotten - gone) | {new for new, old in renamed.items() if old in reading.forgotten},
        without_run_spec=reading.without_run_spec
        | {new for new, old in renamed.items() if old in reading.without_run_spec},
        firing=reading.firing | {new for new, old in renamed.items() if old in reading.firing},
    )


def check_taken(desired: Desired, reading: Reading, changes: Sequence[Change]) -> Iterator[Check]:
    """Warn of schedules that are deleted although another one names them as what it was: that one is live itself."""
    gone = {change.name for change in changes if change.kind == "schedule" and change.action == "delete"}
    taken = [
        (old, name)
        for name, names in sorted(desired.previous_names.items())
        if name in reading.state.schedules
        for old in names
        if old in gone
    ]
    if not taken:
        return
    told = [f"schedule.{old} is deleted, not renamed: a schedule {new} is live already" for old, new in taken[:_SHOWN]]
    rest = f" (and {len(taken) - _SHOWN:,} more)" if len(taken) > _SHOWN else ""
    old, new = taken[0]
    hint = f"to go on with what {old} was, delete {new} in one apply and rename {old} in the next"
    yield Check("renames", "warn", "; ".join(told) + rest, hint)


def likely_renames(changes: Sequence[Change]) -> list[LikelyRename]:
    """Return which deleted schedules were probably created under another name, sorted by name.

    Two are taken for one when they do the same work at the same time, or the same work with inputs of their own at
    another, and when no third one does. Of a pipeline without inputs, other times are no sign: it may have many
    schedules.
    """
    schedules = [change for change in changes if change.kind == "schedule"]
    gone = [change.before for change in schedules if change.action == "delete"]
    come = [change.after for change in schedules if change.action == "create"]
    if not gone or not come:
        return []
    bodies = _bodies(changes)
    olds, news = ([_Candidate.of(one, bodies) for one in side if isinstance(one, Schedule)] for side in (gone, come))
    on_both = {_time(one) for one in olds} & {_time(one) for one in news}
    found: list[tuple[_Candidate, _Candidate]] = []
    # Of several that do the same at the same time, the second sign takes those that are the same in all else; then one
    # of the others may be alone, which the first sign did not see.
    for same in (_time, lambda one: _whole(one) if _time(one) in on_both else None, _time, _own):
        pairs = _alone_together(olds, news, same)
        taken = {one.schedule.name for pair in pairs for one in pair}
        olds, news = ([one for one in side if one.schedule.name not in taken] for side in (olds, news))
        found += pairs
    renames = [LikelyRename(old.schedule.name, new.schedule.name, _differing(old, new)) for old, new in found]
    return sorted(renames, key=lambda one: one.old)


@dataclass(frozen=True, slots=True)
class _Candidate:
    schedule: Schedule
    work: str  # what it runs, with which inputs
    is_own: bool  # whether these say more than the pipeline alone

    @classmethod
    def of(cls, schedule: Schedule, bodies: Mapping[str, str]) -> _Candidate:
        pipeline = str(schedule.fields.get("pipeline"))
        work, given = bodies.get(pipeline, pipeline), [schedule.fields.get(name) or None for name in _GIVEN]
        return cls(schedule, work + canonical(given) if any(given) else work, any(given))


def _alone_together(
    olds: Sequence[_Candidate], news: Sequence[_Candidate], same: Callable[[_Candidate], Hashable]
) -> list[tuple[_Candidate, _Candidate]]:
    """Return an old and a new one wherever they are the only two that are the same."""
    sides: dict[Hashable, tuple[list[_Candidate], list[_Candidate]]] = {}
    for number, side in enumerate((olds, news)):
        for candidate in side:
            sides.setdefault(same(candidate), ([], []))[number].append(candidate)
    return [(old[0], new[0]) for key, (old, new) in sides.items() if key is not None and len(old) == len(new) == 1]


def _whole(one: _Candidate) -> Hashable:
    rest: dict[str, Json] = {**one.schedule.fields, "pipeline": None}
    return one.work, one.schedule.timing, canonical(rest)


def _time(one: _Candidate) -> Hashable:
    return one.work, one.schedule.timing


def _own(one: _Candidate) -> Hashable:
    return one.work if one.is_own else None


def _bodies(changes: Sequence[Change]) -> dict[str, str]:
    """Return what each pipeline is that comes or goes, its name aside: it may be renamed with its schedules."""
    shown = ((change.name, change.after or change.before) for change in changes if change.action != "update")
    return {name: canonical([dict(one.fields), one.code]) for name, one in shown if isinstance(one, Pipeline)}


def _differing(old: _Candidate, new: _Candidate) -> tuple[str, ...]:
    before, after = old.schedule.fields, new.schedule.fields
    return tuple(name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name))


def _under_new(values: Mapping[str, T], renamed: Mapping[str, str], kind: str = "") -> dict[str, T]:
    return {kind + new: values[kind + old] for new, old in renamed.items() if kind + old in values}
