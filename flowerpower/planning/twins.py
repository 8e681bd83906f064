"""Another namespace that holds the same schedules already: the project, or its environment, had that name before."""

from __future__ import annotations

from collections.abc import Collection, Set
from typing import NamedTuple

from flowerpower.state.keys import Keys
from flowerpower.state.models import Neighbour


class Twin(NamedTuple):
    """The other namespace, which of the wanted schedules it holds, sorted, and whether a scheduler fires them."""

    namespace: str
    schedules: tuple[str, ...]
    fires: bool


def twin_of(neighbour: Neighbour, ours: Keys, declared: Collection[str], wanted: Set[str]) -> Twin | None:
    """Return what a neighbour from the same repository holds of the *wanted* schedules, if it looks like a former self.

    Then most of its schedules are wanted here, and it is another project's of this environment, or this project's of an
    environment that is not *declared*. Two environments beside each other are what they should be.
    """
    renamed = neighbour.project != ours.project
    if neighbour.env != ours.env if renamed else neighbour.env in declared:
        return None
    shared = neighbour.schedules & wanted
    if 2 * len(shared) <= len(neighbour.schedules):
        return None
    return Twin(f"{neighbour.project}.{neighbour.env}", tuple(sorted(shared)), bool(neighbour.scheduler))
