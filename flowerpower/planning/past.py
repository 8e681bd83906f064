"""What an apply of the past changed: its inverse says how things were, the applies after it how they became."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flowerpower.errors import HistoryError
from flowerpower.planning.diff import differences
from flowerpower.planning.plan import Change
from flowerpower.planning.rollback import read_object
from flowerpower.state.models import Pipeline, Record, Schedule, Step


@dataclass(frozen=True, slots=True)
class PastChange:
    """One object that an apply changed; `told` says what is not known of it."""

    change: Change
    told: str = ""


def past_changes(steps: Sequence[Step], live: Mapping[str, bytes | None]) -> tuple[PastChange, ...]:
    """Return what the last of *steps* changed, given every later one from the newest on, and what is live of it.

    Raises `HistoryError` when its own inverse is not there.
    """
    *later, (_, inverse) = steps
    if isinstance(inverse, HistoryError):
        raise HistoryError(f"what it changed is not known: {inverse}")
    found = (_past_change(address, raw, list(later), live) for address, raw in sorted(inverse.objects.items()))
    return tuple(change for change in found if change)


def _past_change(
    address: str, raw: bytes | None, later: list[Step], live: Mapping[str, bytes | None]
) -> PastChange | None:
    before, altered = _object(address, raw)
    words = ["it had been altered in Redis"] if altered else []
    became = next(_later_looks(address, later, live))
    if isinstance(became, HistoryError):
        known = Change(address, before, before)
        return PastChange(known, "what it became is not known: a later apply is not kept")
    after, _ = _object(address, became)
    if before is None and after is None:
        return None
    return PastChange(Change(address, before, after, differences(before, after)), "; ".join(words))


def _later_looks(
    address: str, later: list[Step], live: Mapping[str, bytes | None]
) -> Iterator[bytes | HistoryError | None]:
    for _, inverse in reversed(later):
        if isinstance(inverse, HistoryError):
            yield inverse
        elif address in inverse.objects:
            yield inverse.objects[address]
    yield live.get(address)


def _object(address: str, raw: bytes | None) -> tuple[Schedule | Pipeline | None, bool]:
    if raw is None:
        return None, False
    found: tuple[Schedule | Pipeline, Record] = read_object(address, raw)
    return found[0], not found[1].intact
