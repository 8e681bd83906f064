"""Environments that the project file does not name any more: they go on firing, and no command takes their name."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from flowerpower.doctor.findings import Fact, Finding, Unknown
from flowerpower.render.words import count, listed
from flowerpower.state.keys import Keys
from flowerpower.state.models import Neighbour


def environment_findings(
    neighbours: Fact[tuple[Neighbour, ...]], keys: Keys, declared: Collection[str]
) -> Iterable[Finding]:
    """Yield a warning where environments of the project are live that are not *declared*."""
    if isinstance(neighbours, Unknown):
        return
    left = [one for one in neighbours if one.project == keys.project and one.env not in declared]
    if left:
        told = [
            f"{one.env} ({count(len(one.schedules), 'schedule')}{', firing' if one.scheduler else ''})" for one in left
        ]
        message = f"live in this Redis, and not in the project file: {listed(told)}"
        hint = "name it there again with `schedules: deleted`, apply, and take it out then"
        yield Finding("live", "environments", "warn", message, hint)
