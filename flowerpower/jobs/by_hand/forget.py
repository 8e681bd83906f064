"""Stop managing live schedules from git and leave them running, until their specs come back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from flowerpower.errors import UsageError
from flowerpower.jobs.by_hand.naming import named_schedules
from flowerpower.state.connection import redis_errors
from flowerpower.state.misplaced import WAY_OUT
from flowerpower.state.scripts import one_line
from flowerpower.state.store import Store


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was forgotten now, and what had been before."""

    names: tuple[str, ...]
    already: tuple[str, ...]


def forget_schedules(store: Store, patterns: Sequence[str], who: str) -> Forgotten:
    """Forget the named schedules (`*`, `?` and `[...]` match many) in one step, all or none.

    Raises `UsageError` for an unknown name and `StoreError` when Redis fails; then nothing is written.
    """
    names = named_schedules(store, patterns)
    with redis_errors("forgetting schedules"):
        kind, said = (
            part.decode() for part in store.scripts.call("forget", [json.dumps({"who": one_line(who), "names": names})])
        )
    answer = json.loads(said)
    if kind == "missing":
        raise UsageError(f"deleted by an apply just now: {', '.join(answer)}; nothing was changed")
    if kind == "type":
        raise UsageError(f"{answer[0]} holds something that is not ours; nothing was changed", hint=WAY_OUT)
    done = [name for name in names if name in answer]
    return Forgotten(tuple(done), tuple(name for name in names if name not in answer))
