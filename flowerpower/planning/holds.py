"""When a hold ends and what that means: which ticks it swallowed, and from when on the schedule fires again."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flowerpower.errors import UsageError
from flowerpower.schedule.catchup import ON_TIME, Range, range_between
from flowerpower.schedule.trigger import Trigger, TriggerError, parse_trigger
from flowerpower.schedule.zones import LAST, load_zone, parse_moment
from flowerpower.specs.suggestions import meant_duration, why_no_moment
from flowerpower.specs.values import parse_duration
from flowerpower.state.models import Hold

_YEAR = re.compile(r"(19|20|21)\d\d", re.ASCII)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)

UNFIRED = "nothing fired it before the schedule was held"
UNLIFTED = "its hold was over, and no scheduler was there to lift it"


@dataclass(frozen=True, slots=True)
class Lifting:
    """The fate of the ticks up to `cursor` that nobody decided, oldest first; the next tick comes after it."""

    skipped: tuple[Range, ...]  # swallowed by the hold
    missed: tuple[Range, ...]  # those before and after it, which something else swallowed
    cursor: int

    @property
    def ranges(self) -> tuple[tuple[Range, str], ...]:
        """Return each range with its status, oldest first."""
        pairs = [(span, "skipped") for span in self.skipped] + [(span, "missed") for span in self.missed]
        return tuple(sorted(pairs, key=lambda pair: pair[0].first))


def lift(trigger: Trigger, hold: Hold, *, cursor: int, now: int, jitter: int = 0) -> Lifting:
    """Return what lifting a hold at *now* means for the ticks since the schedule's cursor; times are epoch seconds.

    A schedule starts from now. A hold that ended at most 60 s ago ended then: a tick of the moment it was to end at
    is on time, and runs.
    """
    end = now if hold.until is None else min(hold.until - 1, now)
    if now - end <= ON_TIME:
        now = end
    now = max(now, cursor)
    # A tick that was not late yet when the hold came would have run without it.
    began = min(max((hold.began or hold.since) - jitter - ON_TIME, cursor), now)
    end = min(max(end, began), now)
    return Lifting(
        skipped=range_between(trigger, began, end, f"held by {hold.who}: {hold.why}"),
        missed=(*range_between(trigger, cursor, began, UNFIRED), *range_between(trigger, end, now, UNLIFTED)),
        cursor=now,
    )


def end_of_hold(asked: str, timezone: str, now: int) -> int:
    """Return the moment (epoch seconds) that `--until` names: `2d` from now, an ISO 8601 moment, or the next `09:00`.

    Without an offset a moment is one on the clocks of the schedule's zone. Raises `UsageError` for any other text.
    """
    text = asked.strip()
    hint = "write a duration such as 2h or 1d12h, a moment such as 2026-12-01T09:00, or a time such as 09:00"
    if _YEAR.fullmatch(text):  # it would be half an hour
        raise UsageError(f"until {text[:80]!r} names no moment", hint=hint)
    try:
        return now + parse_duration(text)
    except ValueError:
        pass
    try:
        if clock := _CLOCK.fullmatch(text):
            tick = parse_trigger(cron=f"{int(clock[2])} {int(clock[1])} * * *", timezone=timezone).next_tick(now)
            return LAST if tick is None else tick
        return parse_moment(text, load_zone(timezone), "until")
    except TriggerError as error:
        raise UsageError(f"until {text[:80]!r} names no moment", hint=_meant(text) or hint) from error


def _meant(text: str) -> str:
    meant = meant_duration(text)
    return f"did you mean --until {meant}?" if meant else why_no_moment(text)
