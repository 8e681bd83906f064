"""Whether what is live is what the specs ask for, told from digests: one word for each schedule."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Literal

from flowerpower.state.models import Desired, Schedule
from flowerpower.state.outline import Outline

Sync = Literal["synced", "out_of_sync", "orphaned", "unmanaged", "unknown"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the specs ask for: of each schedule the starts of its digest and of its run spec's.

    Where nobody looked, or the specs are not valid, `unknown` says why.
    """

    schedules: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    commit: str = ""
    unknown: str = "not compared"

    @classmethod
    def of(cls, desired: Desired | Outline, commit: str) -> Wanted:
        """Return what a wanted state, or its outline, asks for."""
        if isinstance(desired, Outline):
            found = {one.name: (one.digest, one.run) for one in desired.schedules()}
        else:
            found = {name: (one.digest, one.run) for name, one in desired.state.schedules.items()}
        return cls(found, commit, "")

    def sync_of(self, live: Schedule, forgotten: Set[str], *, drifted: bool) -> Sync:
        """Return how a live schedule relates to the specs; a forgotten one is nobody's business, until they name it."""
        if live.name in forgotten and live.name not in self.schedules:
            return "unmanaged"
        if self.unknown:
            return "out_of_sync" if drifted else "unknown"
        wanted = self.schedules.get(live.name)
        if wanted is None:
            return "orphaned"
        same = live.digest.startswith(wanted[0]) and live.run.startswith(wanted[1])
        return "synced" if same and not drifted and live.name not in forgotten else "out_of_sync"

    def missing(self, live: Mapping[str, Schedule]) -> tuple[str, ...]:
        """Return the schedules of the specs that are not live, sorted."""
        return tuple(sorted(self.schedules.keys() - live.keys()))
