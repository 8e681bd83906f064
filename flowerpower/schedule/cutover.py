"""What a change of timing does at the moment it is applied.

After the apply only the new trigger fires, and only later than the apply. Whether that skips a run or makes one twice
depends on the hour of the merge, so the plan has to say it.

The rule: a tick of the old trigger and a tick of the new one are *one run, moved*, if each is the nearest to the other
(of two equally near, the later new one and the earlier old one). Then

- skipped: the next old tick belongs to a new tick that is already past: neither of them fires;
- twice: the next new tick belongs to an old tick that is already past: both of them fire;
- moved: both lie ahead, at different moments;
- none: nothing of this. A tick without a partner is the new rhythm, not an accident: it is in `lost` or `gained` only.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Literal

from flowerpower.schedule.trigger import Trigger

MOST_FIRES = 5
HORIZON = 14 * 86_400

Verdict = Literal["none", "skipped", "twice", "moved"]


@dataclass(frozen=True, slots=True)
class CutOver:
    """The ticks around a change of timing, in seconds since the Unix epoch.

    `lost` are ticks of the old trigger after the change that nothing replaces, `gained` ticks of the new one that
    replace nothing; both look at the next five of each trigger within 14 days. For the verdict `skipped` the first of
    `lost` is the run that will be missing, for `twice` the first of `gained` the one that is too many; `moved_by` is
    then how many seconds later (or, below zero, earlier) that run comes by the new trigger than by the old. Otherwise
    it is how the runs move; 0 if they do not.
    """

    lost: tuple[int, ...]
    gained: tuple[int, ...]
    verdict: Verdict
    moved_by: int = 0


def cut_over(before: Trigger | None, after: Trigger | None, *, at: int) -> CutOver:
    """Compare the old and the new trigger of a schedule around `at`; None is a schedule that is not there or paused."""
    if before is not None and after is not None and before.key == after.key:
        return CutOver((), (), "none")
    olds = _next_fires(before, at)
    news = _next_fires(after, at)
    if before is None or after is None:
        return CutOver(olds, news, "none")
    partners = {old: _partner_of_old(before, after, old) for old in olds}
    origins = {new: _partner_of_new(before, after, new) for new in news}
    lost = tuple(old for old, new in partners.items() if new is None or new <= at)
    gained = tuple(new for new, old in origins.items() if old is None or old <= at)
    shifts = [new - old for old, new in partners.items() if new is not None]
    shifts += [new - old for new, old in origins.items() if old is not None]
    moved_by = next((shift for shift in shifts if shift), 0)
    old, its_new = next(iter(partners.items()), (0, None))
    new, its_old = next(iter(origins.items()), (0, None))
    if its_new is not None and its_new <= at:
        return CutOver(lost, gained, "skipped", its_new - old)
    if its_old is not None and its_old <= at:
        return CutOver(lost, gained, "twice", new - its_old)
    return CutOver(lost, gained, "moved" if moved_by else "none", moved_by)


def _next_fires(trigger: Trigger | None, at: int) -> tuple[int, ...]:
    fires = () if trigger is None else islice(trigger.ticks_after(at), MOST_FIRES)
    return tuple(takewhile(lambda tick: tick <= at + HORIZON, fires))


def _partner_of_old(before: Trigger, after: Trigger, old: int) -> int | None:
    """Return the new tick that is the same run as this old one, if there is one."""
    new = _nearest(after, old, later_first=True)
    return new if new is not None and _nearest(before, new, later_first=False) == old else None


def _partner_of_new(before: Trigger, after: Trigger, new: int) -> int | None:
    """Return the old tick that is the same run as this new one, if there is one."""
    old = _nearest(before, new, later_first=False)
    return old if old is not None and _nearest(after, old, later_first=True) == new else None


def _nearest(trigger: Trigger, moment: int, *, later_first: bool) -> int | None:
    """Return the tick nearest to a moment; of two equally near the later or the earlier one."""
    earlier, later = trigger.previous_tick(moment + 1), trigger.next_tick(moment)
    if earlier is None or later is None:
        return later if earlier is None else earlier
    if later - moment == moment - earlier:
        return later if later_first else earlier
    return later if later - moment < moment - earlier else earlier
