"""Checks of `after`: a schedule comes after others of the project, and not after itself, even by way of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from flowerpower.specs.messages import did_you_mean, there_are
from flowerpower.specs.placeholders import Path

if TYPE_CHECKING:
    from flowerpower.specs.models import ScheduleSpec

_LONGEST = 5  # names of a circle that are told

Mistake = tuple[str, Path, str, str]
"""The schedule, the path in it, what is wrong, and what to do."""


def check_waits(schedules: Mapping[str, ScheduleSpec], elsewhere: Mapping[str, str], env: str) -> Iterator[Mistake]:
    """Yield what is wrong; *elsewhere* says of addresses why they are not among the schedules."""
    for name, schedule in schedules.items():
        for position, other in enumerate(schedule.after):
            path: Path = ("after", position)
            if other == name:
                yield name, path, "a schedule cannot come after itself", "remove it"
            elif other in schedule.after[:position]:
                yield name, path, f"'{other}' is there twice", "keep one of the two"
            elif other not in schedules:
                yield from _missing(name, path, other, schedules, elsewhere.get(f"schedule.{other}"), env)
    for circle in _circles({name: schedule.after for name, schedule in schedules.items() if schedule.after}):
        names = [*circle[:_LONGEST], *(["…"] if len(circle) > _LONGEST else []), circle[0]]
        position = schedules[circle[0]].after.index(circle[1])
        what = f"these schedules wait for each other: {' after '.join(names)}"
        yield circle[0], ("after", position), what, "take one of them out of the `after` of another"


def _missing(
    name: str, path: Path, other: str, schedules: Mapping[str, ScheduleSpec], why: str | None, env: str
) -> Iterator[Mistake]:
    if why is None:
        yield name, path, f"there is no schedule '{other}'", did_you_mean(other, schedules) or there_are(schedules)
    elif why.startswith("is left out"):
        hint = f"say under `environments: {{{env}: ...}}` what this one comes after there: `after: []`"
        yield name, path, f"the schedule '{other}' {why}", hint


def _circles(after: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """Yield each circle once, from its first name on; longer ones than Python could follow by calls."""
    done: set[str] = set()
    for start in sorted(after):
        trail: dict[str, Iterator[str]] = {}
        following: str | None = start
        while following is not None or trail:
            if following is not None and following in trail:
                names = list(trail)
                circle = names[names.index(following) :]
                if len(circle) > 1:  # of one that names itself its own mistake is told
                    first = circle.index(min(circle))
                    yield circle[first:] + circle[:first]
            elif following is not None and following not in done:
                trail[following] = iter(after.get(following, ()))
            following = next(trail[next(reversed(trail))], None) if trail else None
            if following is None and trail:
                done.add(trail.popitem()[0])
