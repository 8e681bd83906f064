"""The laws, as functions of the evidence: no tick twice, no tick without an outcome, nothing half done."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from flowerpower.schedule.trigger import Trigger
from flowerpower.state.desired import trigger_of
from flowerpower.state.keys import tick_of
from support.torture.evidence import Entry, Evidence


@dataclass
class Story:
    """What became of the ticks of one schedule."""

    expected: Counter[int] = field(default_factory=Counter)  # ticks that a cursor passed, and how often
    ended: defaultdict[int, list[str]] = field(default_factory=lambda: defaultdict(list))  # by single outcomes
    ranges: list[tuple[int, int, int]] = field(default_factory=list)  # first, last, count
    muddled: bool = False  # it was deleted and made anew while the clock stood before what it had passed already


def violations(evidence: Evidence) -> list[str]:
    """Return every breach of the laws, one sentence each."""
    return [
        *something_succeeded(evidence.log),
        *no_tick_is_pushed_twice(evidence.log),
        *no_run_succeeds_twice(evidence.log),
        *no_run_starts_after_its_success(evidence.log),
        *no_cursor_goes_back(evidence.log),
        *every_tick_has_one_outcome(evidence),
        *nothing_is_half_applied(evidence),
        *nothing_is_left_over(evidence),
        *(f"the key {key} of somebody else was touched" for key in evidence.foreign),
        *(f"the key {key} is documented nowhere" for key in evidence.undocumented),
    ]


def something_succeeded(log: Iterable[Entry]) -> Iterator[str]:
    """Most runs do; where none does, the other laws have seen nothing."""
    ends = Counter(entry.data["event"] for entry in _events(log))
    if ends["failed"] > ends["succeeded"]:
        yield f"{ends['failed']} runs failed, and {ends['succeeded']} succeeded"


def no_tick_is_pushed_twice(log: Iterable[Entry]) -> Iterator[str]:
    """A tick is decided once; only a retry, a redelivery and the end of what it waited for push it again."""
    log = list(log)
    pushed = Counter(entry.name for entry in log if entry.op == "push" and entry.by == "decided")
    twice = {run: times for run, times in pushed.items() if times > 1}
    muddled = {name for name, story in _stories(log).items() if story.muddled} if twice else set()
    for run, times in sorted(twice.items()):
        if not any(f"--{name}--" in run for name in muddled):
            yield f"run {run} was enqueued {times} times"


def no_run_succeeds_twice(log: Iterable[Entry]) -> Iterator[str]:
    """One success is enough."""
    done = Counter(entry.data["job"] for entry in _events(log) if entry.data["event"] == "succeeded")
    yield from (f"run {run} succeeded {times} times" for run, times in sorted(done.items()) if times > 1)


def no_run_starts_after_its_success(log: Iterable[Entry]) -> Iterator[str]:
    """What is done is not done again."""
    done: set[str] = set()
    for entry in _events(log):
        event, run = entry.data["event"], entry.data.get("job", "")
        if event == "succeeded":
            done.add(run)
        elif event == "started" and run in done:
            yield f"run {run} was started after it had succeeded"


def no_cursor_goes_back(log: Iterable[Entry]) -> Iterator[str]:
    """A cursor only rises, as long as its schedule lives."""
    last: dict[str, int] = {}
    for entry in log:
        if entry.op == "gone":
            last.pop(entry.name, None)
        elif entry.op == "cursor":
            tick = _tick(entry.value)
            if tick < last.get(entry.name, 0):
                yield f"the cursor of {entry.name} went back from {last[entry.name]} to {tick}"
            last[entry.name] = tick


def every_tick_has_one_outcome(evidence: Evidence) -> Iterator[str]:
    """Each tick that a cursor passed has one outcome, its own or that of a range; a failed one may be run again."""
    active = {(parts[2], tick_of(parts[3])) for run in evidence.active if len(parts := run.split("--")) == 4}
    for name, story in sorted(_stories(evidence.log).items()):
        if story.muddled:  # the same ticks belong to two lives: which outcome is whose, nobody can tell
            continue
        open_ticks = evidence.waiting.get(name, frozenset()) | {tick for owner, tick in active if owner == name}
        yield from _ticks_of(name, story, open_ticks)


def _ticks_of(name: str, story: Story, open_ticks: Iterable[int]) -> Iterator[str]:
    ticks = sorted(story.expected)
    changes = Counter[int]()  # of how many ranges cover a tick, by its place
    for first, last, count in story.ranges:
        start, stop = bisect_left(ticks, first), bisect_right(ticks, last)
        changes.update({start: 1})
        changes.subtract({stop: 1})
        if stop - start != count:
            yield f"a range of {name} from {first} to {last} says {count} ticks, and there were {stop - start}"
    covering, still_open = 0, set(open_ticks)
    for place, tick in enumerate(ticks):
        covering += changes[place]
        ends = story.ended.get(tick, [])
        final = len(ends) - sum(1 for status in ends[:-1] if status == "failed")
        if final + covering == 0 and tick not in still_open:
            yield f"tick {tick} of {name} has no outcome"
        if final + covering > 1:
            yield f"tick {tick} of {name} has {final + covering} outcomes: {ends} and {covering} ranges"


def nothing_is_half_applied(evidence: Evidence) -> Iterator[str]:
    """Generations follow on each other, and what was applied last is what is live."""
    for before, after in zip(evidence.generations, evidence.generations[1:], strict=False):
        if after != before + 1:
            yield f"generation {after} follows on {before}"
    yield from (f"what is live is not what was applied: {text}" for text in evidence.differences)


def nothing_is_left_over(evidence: Evidence) -> Iterator[str]:
    """When all is calm, no run is active, queued or waiting, and the cursors are those that scripts wrote."""
    if not evidence.calm:
        yield "it did not come to rest"
    yield from (f"run {run} is still active" for run in sorted(evidence.active))
    yield from (f"run {run} is still queued" for run in sorted(evidence.queued))
    yield from (f"ticks of {name} still wait" for name in sorted(evidence.waiting))
    written: dict[str, str] = {}
    for entry in evidence.log:
        if entry.op == "cursor":
            written[entry.name] = entry.value
        elif entry.op == "gone":
            written.pop(entry.name, None)
    if written != evidence.cursors:
        yield f"cursors differ from what scripts wrote: {written} and {dict(evidence.cursors)}"


def _events(log: Iterable[Entry]) -> Iterator[Entry]:
    return (entry for entry in log if entry.op == "event")


def _tick(cursor: str) -> int:
    return int(cursor.partition(" ")[0])


def _stories(log: Iterable[Entry]) -> Mapping[str, Story]:
    """Follow each schedule, one script after the other."""
    follower = _Follower()
    for _, call in groupby(log, key=lambda entry: entry.call):
        follower.follow(list(call))
    return follower.stories


class _Follower:
    """A cursor that moves passes the ticks of the trigger that was in force until then."""

    def __init__(self) -> None:
        self.stories: defaultdict[str, Story] = defaultdict(Story)
        self._triggers: dict[str, Trigger] = {}
        self._cursors: dict[str, int] = {}

    def follow(self, entries: Sequence[Entry]) -> None:
        """Take in what one script did."""
        for entry in entries:
            if entry.op == "cursor":
                story = self.stories[entry.name]
                story.muddled |= entry.name not in self._cursors and _tick(entry.value) < max(story.expected, default=0)
                self._pass(entry.name, _tick(entry.value))
                self._cursors[entry.name] = _tick(entry.value)
            elif entry.op == "outcome":
                self._note(self.stories[entry.name], entry.data)
        for entry in entries:
            if entry.op == "record":
                self._triggers[entry.name] = trigger_of(json.loads(entry.value)["spec"])
            elif entry.op == "gone":
                self._bury(entry.name, entries)

    def _pass(self, name: str, until: int) -> None:
        if name in self._cursors and name in self._triggers:
            self.stories[name].expected.update(_between(self._triggers[name], self._cursors[name], until))

    def _bury(self, name: str, entries: Sequence[Entry]) -> None:
        """A schedule that is deleted passes the ticks that the same step gives an outcome."""
        ends = [int(entry.data["last"]) for entry in entries if entry.op == "outcome" and entry.name == name]
        self._pass(name, max(ends, default=0))
        self._triggers.pop(name, None)
        self._cursors.pop(name, None)

    def _note(self, story: Story, outcome: Mapping[str, object]) -> None:
        first, last, count = (int(str(outcome[key])) for key in ("first", "last", "count"))
        if first == last:
            story.ended[first].append(str(outcome["status"]))
        else:
            story.ranges.append((first, last, count))


def _between(trigger: Trigger, after: int, until: int) -> Iterator[int]:
    tick = trigger.next_tick(after)
    while tick is not None and tick <= until:
        yield tick
        tick = trigger.next_tick(tick)
