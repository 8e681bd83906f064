"""What a rollback had taken away and a plan brings back: a merge that holds the bad commit does so unasked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from flowerpower.errors import HistoryError
from flowerpower.planning.plan import Change, Check, Plan
from flowerpower.planning.rollback import read_object
from flowerpower.state.models import Inverse, Step

_SHOWN = 5
_SHORT = 12


def check_returning(plan: Plan, rollbacks: Sequence[Step]) -> Iterator[Check]:
    """Warn of changes that make something again what one of the rollbacks had undone."""
    before = [inverse.objects for _, inverse in rollbacks if isinstance(inverse, Inverse)]
    found = [change.address for change in plan.changes if any(_is_back(change, objects) for objects in before)]
    if not found:
        return
    commits = [commit.removesuffix("+dirty")[:_SHORT] for commit in plan.head.rolled_back]
    told = f"what the rollback of {_listed(commits)} had undone comes back: {_listed(found)}"
    yield Check("rolled back", "warn", told, "if what was wrong is not mended by now, take it out first (git revert)")


def _is_back(change: Change, objects: Mapping[str, bytes | None]) -> bool:
    """Tell whether a change makes of an object what it was before a rollback that changed these."""
    if change.address not in objects:
        return False
    raw = objects[change.address]
    if raw is None or change.after is None:
        return raw is None and change.after is None
    try:
        before, _ = read_object(change.address, raw)
    except HistoryError:
        return False
    return before.digest == change.after.digest


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")
