"""Whether a cut-over got worse between the approval of a plan and its apply: an hour can make the difference."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from flowerpower.planning.plan import Change, Check, Fires, Plan

_BAD = ("skipped", "twice")
_NAMED = 5


def worse_cut_over(approved: Plan, now: Plan, *, accepted: bool = False) -> tuple[Check, ...]:
    """Return a refusal if a change, found again by its address, skips or doubles what the approved plan did not.

    A change that the approved plan does not have is taken for one that was said to skip nothing.
    """
    promised: Mapping[str, Change] = {change.address: change for change in approved.changes}
    worse = [words for change in now.changes if (words := _worse(promised.get(change.address), change))]
    if not worse or accepted:
        return ()
    shown = "; ".join(worse[:_NAMED]) + (f" and {len(worse) - _NAMED:,} more" if len(worse) > _NAMED else "")
    return (
        Check(
            "cut-over",
            "refuse",
            f"{len(worse):,} cut-over{'s' if len(worse) != 1 else ''} got worse since the plan was approved: {shown}",
            "apply at another time, or approve the plan as it is now; if it is meant: --accept-cutover",
        ),
    )


def _worse(approved: Change | None, now: Change) -> str:
    before = approved.fires.verdict if approved and approved.fires else "none"
    if now.fires is None or now.fires.verdict not in _BAD or now.fires.verdict == before:
        return ""
    return f"{now.name} was {_WORDS.get(before, before)}, now {_moment(now.fires)} {_WORDS[now.fires.verdict]}"


_WORDS = {"none": "untouched", "moved": "to move", "skipped": "is skipped", "twice": "runs twice"}


def _moment(fires: Fires) -> str:
    ticks = fires.lost if fires.verdict == "skipped" else fires.gained
    return f"{datetime.fromtimestamp(ticks[0], UTC):%Y-%m-%d %H:%M} UTC" if ticks else "a run"
