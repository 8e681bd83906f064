"""What the design says becomes of the ticks of one schedule: a second, plain account of it to compare with.

It knows nothing of Redis, scripts or triggers: ticks are the multiples of `every`, all times are whole seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

AT_ONCE = 100  # ticks that one pass starts with `catchup: all`
ON_TIME = 60


@dataclass(frozen=True, slots=True)
class Rules:
    """What a spec says, as far as time goes."""

    every: int = 1000
    catchup: str = "latest"
    window: int = 86_400
    overlap: str = "skip"
    limit: int = 100
    paused: bool = False
    cancels: bool = False  # on_inflight
    queue: str = "default"
    timeout: int = 60

    @property
    def room(self) -> int:
        """Return how many ticks may wait."""
        return {"buffer_all": self.limit, "buffer_one": 1, "cancel_other": 1}.get(self.overlap, 0)

    @property
    def fields(self) -> dict[str, object]:
        """Return the fields of the schedule's spec."""
        return {
            "every": self.every,
            "catchup": self.catchup,
            "catchup_window": self.window,
            "overlap": self.overlap,
            "buffer_limit": self.limit,
            "paused": self.paused,
            "on_inflight": "cancel" if self.cancels else "keep",
            "queue": self.queue,
            "timeout": self.timeout,
        }


@dataclass(frozen=True, slots=True)
class Hold:
    """A pause by a person."""

    began: int
    until: int | None


@dataclass(slots=True)
class Model:
    """One schedule; a run is named by its tick, or by its id where it was started by hand."""

    rules: Rules | None = None
    cursor: int = 0
    hold: Hold | None = None
    active: dict[int | str, str] = field(default_factory=dict)  # queued, running, dead
    told_to_stop: set[int | str] = field(default_factory=set)
    waiting: list[int] = field(default_factory=list)
    outcomes: dict[int | str, list[str]] = field(default_factory=dict)
    reigns: list[tuple[int, int, int]] = field(default_factory=list)  # every, after, until

    @property
    def asleep(self) -> bool:
        """Tell whether nothing fires."""
        return self.rules is None or self.rules.paused or self.hold is not None

    def due(self, now: int) -> list[int]:
        """Return the ticks that nobody has decided."""
        return ticks(self.rules.every, self.cursor, now) if self.rules else []

    def record(self, status: str, of: Sequence[int | str]) -> None:
        """Note an outcome of each."""
        for one in of:
            self.outcomes.setdefault(one, []).append(status)

    def fire(self, now: int) -> None:
        """Let a scheduler look once."""
        if self.hold and self.hold.until is not None and self.hold.until <= now:
            self.lift(now)
        due = self.due(now)
        if self.rules is None or self.asleep or not due:
            return
        fresh = [tick for tick in due if now - tick <= self.rules.window]
        if self.rules.catchup == "none":
            fresh = [tick for tick in fresh if now - tick <= ON_TIME]
        run = fresh[:AT_ONCE] if self.rules.catchup == "all" else fresh[-1:]
        self.cursor = run[-1] if run else due[-1]
        self.record("missed", [tick for tick in due if tick <= self.cursor and tick not in run])
        self._pass_through(self.rules, run)

    def _pass_through(self, rules: Rules, run: list[int]) -> None:
        if rules.overlap == "cancel_other" and run:
            self.record("cancelled", run[:-1])
            run = run[-1:]
            self._cancel()
        for tick in run:
            is_first = not self.active and not self.waiting
            if rules.overlap == "allow" or is_first:
                self.active[tick] = "queued"
            elif rules.room:
                self.waiting.append(tick)
            else:
                self.record("skipped", [tick])
        self._trim(rules.room, "cancelled" if rules.overlap == "cancel_other" else "skipped")
        self.release()

    def _trim(self, room: int, status: str) -> None:
        over = len(self.waiting) - room
        if over > 0:
            self.record(status, self.waiting[:over])
            del self.waiting[:over]

    def _cancel(self) -> None:
        for run, state in list(self.active.items()):
            if state == "running":
                self.told_to_stop.add(run)
            else:
                self._finish(run, "cancelled")

    def _finish(self, run: int | str, status: str) -> None:
        del self.active[run]
        self.told_to_stop.discard(run)
        self.record(status, [run])

    def release(self) -> None:
        """Start what waits if nothing stands in its way."""
        together = self.rules is not None and self.rules.overlap == "allow"
        while self.waiting and not self.asleep and (together or not self.active):
            self.active[self.waiting.pop(0)] = "queued"

    def claim(self, run: int | str) -> bool:
        """Let a worker ask for a run that it has taken from its queue."""
        if run in self.told_to_stop:
            self._finish(run, "cancelled")
            self.release()
            return False
        self.active[run] = "running"
        return True

    def end(self, run: int | str, status: str) -> None:
        """End a run, or an attempt if the status is `retry`."""
        if run in self.told_to_stop and status != "succeeded":
            status = "cancelled"
        if status == "retry":
            self.active[run] = "queued"
            return
        self._finish(run, status)
        self.release()

    def change(self, rules: Rules | None, now: int) -> None:
        """Apply other rules, or none: the schedule is deleted."""
        before, self.rules = self.rules, rules
        if rules == before:
            return
        if before is None:
            self.cursor = now
        else:
            self._part_with(before, now)
            if (rules or before).cancels:
                self.record("cancelled", self.waiting)
                self.waiting = []
                self._cancel()
        if rules is None:
            self.record("cancelled", self.waiting)
            self.waiting, self.hold = [], None
        elif rules.overlap != "allow":
            self._trim(rules.room, "skipped")
        self.release()
        self._crown()

    def _part_with(self, before: Rules, now: int) -> None:
        """Decide what is due and will not be fired any more."""
        after = self.rules
        if after and (before.every, before.paused) == (after.every, after.paused):
            return
        fate = "skipped" if self.hold or before.paused else "missed"
        passed = ticks(before.every, self.cursor, now)
        self.record(fate, passed)
        every, since, _ = self.reigns.pop()
        self.cursor = max(self.cursor, now)
        self.reigns.append((every, since, self.cursor))

    def _crown(self) -> None:
        """Remember from when on which ticks are called for."""
        every = self.rules.every if self.rules else 0
        if every and (not self.reigns or self.reigns[-1][2] >= 0):
            self.reigns.append((every, self.cursor, -1))

    def pause(self, now: int, until: int | None) -> None:
        """Hold the schedule, or hold it otherwise than before."""
        self.hold = Hold(self.hold.began if self.hold else now, until)

    def lift(self, now: int) -> None:
        """Let it go on, from now."""
        hold, self.hold = self.hold, None
        if hold is None or self.rules is None:
            return
        if not self.rules.paused:
            end = now if hold.until is None else min(hold.until - 1, now)
            now = max(end if now - end <= ON_TIME else now, self.cursor)
            for tick in ticks(self.rules.every, self.cursor, now):
                self.record("skipped" if hold.began - ON_TIME < tick <= end else "missed", [tick])
            self.cursor = now
        self.release()

    def called_for(self) -> set[int]:
        """Return every tick up to the cursor that the specs in force called for."""
        return {
            tick
            for every, after, until in self.reigns
            for tick in ticks(every, after, self.cursor if until < 0 else until)
        }


def ticks(every: int, after: int, until: int) -> list[int]:
    """Return the ticks after one moment, up to another."""
    return list(range((after // every + 1) * every, until + 1, every))


def changed(rules: Rules, change: dict[str, object]) -> Rules:
    """Return the rules with some of them changed."""
    return replace(rules, **change)  # type: ignore[arg-type]
