"""Watch the clock of Redis, which decides everything: a leap is confirmed once, and a difference from ours is told."""

from __future__ import annotations

import logging

LEAP = 60.0  # seconds
SKEW = 2.0

logger = logging.getLogger("flowerpower.scheduler")


class ClockWatch:
    """Compares the times that Redis tells with the time that passes here."""

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None
        self._skewed = False

    def trusts(self, now: float, elapsed: float) -> bool:
        """Tell whether to act on the time *now*; `elapsed` is a clock of this process that only rises.

        After a leap forward the answer is no, once: the next look confirms it or finds that the clock is back.
        """
        before, self._last = self._last, (now, elapsed)
        if before is None:
            return True
        leap = (now - before[0]) - (elapsed - before[1])
        if leap > LEAP:
            logger.warning("the clock of Redis went %.0f s forward: looking once more before anything fires", leap)
            return False
        if leap < -LEAP:
            logger.warning("the clock of Redis went %.0f s back: no tick fires twice, the next ones wait for it", -leap)
        return True

    def compare(self, now: float, wall: float) -> None:
        """Warn when the clock of this machine differs from that of Redis; decisions do not depend on it."""
        skew = wall - now
        if (abs(skew) > SKEW) != self._skewed:
            self._skewed = not self._skewed
            if self._skewed:
                way = "ahead of" if skew > 0 else "behind"
                logger.warning("this machine's clock is %.0f s %s that of Redis, which decides", abs(skew), way)
            else:
                logger.info("this machine's clock agrees with that of Redis again")
