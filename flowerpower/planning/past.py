"""What an apply of the past changed: its inverse says how things were, the applies after it how they became."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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


def view_past(now: int, steps: Sequence[Step], live: Mapping[str, bytes | None]) -> PastView:
    """Return what the last of *steps* changed, given every later one from the newest on, and what is live of it."""
    *later, (past, inverse) = steps
    if isinstance(inverse, HistoryError):
        return PastView(now, past, unknown=f"what it changed is not known: {inverse}")
    found = (_past_change(address, raw, list(later), live) for address, raw in sorted(inverse.objects.items()))
    return PastView(now, past, tuple(change for change in found if change))


def _past_change(
    address: str, raw: bytes | None, later: list[Step], live: Mapping[str, bytes | None]
) -> PastChange | None:
    try:
        became = next(_later_looks(address, later, live))
        before, altered = _object(address, raw)
        after, _ = _object(address, became)
    except HistoryError as error:
        return PastChange(Change(address, _UNREADABLE, _UNREADABLE), f"not known in full: {error}")
    if before is None and after is None:
        return None
    told = "had been altered in Redis before" if altered else ""
    return PastChange(Change(address, before, after, differences(before, after)), told)


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
