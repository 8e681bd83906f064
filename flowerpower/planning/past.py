"""What an apply of the past changed: its inverse says how things were, the applies after it how they became."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from flowerpower.errors import HistoryError
from flowerpower.planning.diff import differences
from flowerpower.planning.plan import Change
from flowerpower.planning.rollback import read_object
from flowerpower.state.models import PastApply, Pipeline, Record, Schedule, Step

_UNREADABLE = Pipeline("", {}, "", "")


@dataclass(frozen=True, slots=True)
class PastChange:
    """One object that an apply changed; `told` says what is not known of it."""

    change: Change
    told: str = ""


@dataclass(frozen=True, slots=True)
class PastView:
    """One apply of the past and what it changed; `unknown` says why that is not known."""

    now: int
    past: PastApply
    changes: tuple[PastChange, ...] = ()
    unknown: str = ""


def view_past(
    now: int, steps: Sequence[Step], live: Mapping[str, bytes | None], only: Collection[str] | None = None
) -> PastView:
    """Return what the last of *steps* changed, given every later one from the newest on, and what is live of it.

    With *only* that is what it changed of these addresses.
    """
    *later, (past, inverse) = steps
    if isinstance(inverse, HistoryError):
        return PastView(now, past, unknown=f"what it changed is not known: {inverse}")
    renamed = {f"schedule.{new}": f"schedule.{old}" for new, old in inverse.renamed.items()}
    addresses = sorted(inverse.objects.keys() - renamed.values())  # a rename is one change
    chosen = [one for one in addresses if only is None or not {one, renamed.get(one, one)}.isdisjoint(only)]
    found = (_past_change((one, renamed.get(one, "")), inverse.objects, list(later), live) for one in chosen)
    return PastView(now, past, tuple(change for change in found if change))


def view_object(now: int, steps: Sequence[Step], live: Mapping[str, bytes | None], name: str) -> tuple[PastView, ...]:
    """Return what each of *steps*, newest first, changed of a schedule or a pipeline, also under its former names.

    *name* is an address, or a name alone, which means both. Steps of which that is not known are among them.
    """
    addresses = {name} if "." in name else {f"schedule.{name}", f"pipeline.{name}"}
    views = []
    for number, (_, inverse) in enumerate(steps, start=1):
        renamed = {} if isinstance(inverse, HistoryError) else inverse.renamed
        former = {f"schedule.{old}" for new, old in renamed.items() if f"schedule.{new}" in addresses}
        view = view_past(now, steps[:number], live, addresses | former)
        if view.changes or view.unknown:
            views.append(view)
        if former:
            addresses = former | {address for address in addresses if address.startswith("pipeline.")}
    return tuple(views) if any(view.changes for view in views) else ()


def _past_change(
    names: tuple[str, str], objects: Mapping[str, bytes | None], later: list[Step], live: Mapping[str, bytes | None]
) -> PastChange | None:
    """Return what became of an object, by its address and the one before, if it was renamed."""
    address, previous = names
    raw = objects.get(previous or address)
    try:
        became = next(_later_looks(address, later, live))
        before, altered = _object(previous or address, raw)
        after, _ = _object(address, became)
    except HistoryError as error:
        return PastChange(Change(address, _UNREADABLE, _UNREADABLE), f"not known in full: {error}")
    if before is None and after is None:
        return None
    told = "had been altered in Redis before" if altered else ""
    return PastChange(Change(address, before, after, differences(before, after), previous=previous), told)


def _later_looks(address: str, later: list[Step], live: Mapping[str, bytes | None]) -> Iterator[bytes | None]:
    for _, inverse in reversed(later):
        if isinstance(inverse, HistoryError):
            raise HistoryError(f"of a later apply, {inverse}")
        if address in inverse.objects:
            yield inverse.objects[address]
    yield live.get(address)


def _object(address: str, raw: bytes | None) -> tuple[Schedule | Pipeline | None, bool]:
    if raw is None:
        return None, False
    found: tuple[Schedule | Pipeline, Record] = read_object(address, raw)
    return found[0], not found[1].intact
