"""Adapters are told of runs that were lost with their worker, which they would show as running for ever.

A process of its own tells them, one run after the other: their libraries are large, and their servers may hang. It is
tried once, where the scheduler runs; what is to be told is not written down, since nobody acts on it.
"""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowerpower.jobs.events import Event
from flowerpower.jobs.ledger import RunRef, run_ref
from flowerpower.jobs.workers.epilogue import PATIENCE, Attempt, adapters_of, tell
from flowerpower.state.store import Store

MOST = 1000  # that wait to be told
_STARTED_IN = 10  # seconds that a new interpreter may take, with large libraries
_PROGRAM = (
    "import json, sys; order = json.load(sys.stdin); sys.path[:] = order.pop('path'); "
    "from flowerpower.jobs.messages.endings import tell_in_time; tell_in_time(order)"
)

logger = logging.getLogger("flowerpower.messenger")


@dataclass(frozen=True, slots=True)
class Lost:
    """An attempt that was lost with its worker, and how it was recorded to have ended."""

    attempt: Attempt
    reason: str


class Endings:
    """Tells adapters of the ends of attempts that could not do so, as the events of the runs say."""

    def __init__(self, store: Store, plugins: Sequence[str] = ()) -> None:
        self._store = store
        self._plugins = list(plugins)
        self._waiting: deque[Lost] = deque(maxlen=MOST)
        self._telling: subprocess.Popen[str] | None = None
        self._told = ""  # the run that is told of

    @property
    def is_busy(self) -> bool:
        """Tell whether adapters are being told, or are to be."""
        return self._telling is not None or bool(self._waiting)

    def note(self, events: Iterable[Event]) -> None:
        """Note which of these events tell of an attempt that was lost."""
        self._waiting.extend(found for event in events if (found := lost_in(self._store, event)))

    def step(self) -> None:
        """Begin to tell of the next one, unless that of the one before goes on; it ends by itself."""
        if self._telling is not None:
            code = self._telling.poll()
            if code is None:
                return
            if code:
                logger.warning(
                    "the adapters of run %s, which lost its worker, could not be told of its end", self._told
                )
            self._telling = None
        while self._waiting and self._telling is None:
            lost = self._waiting.popleft()
            names, pipeline = adapters_of(self._store, lost.attempt)
            if names:
                self._told = lost.attempt.run.id
                self._begin(order_of(lost, names, pipeline) | {"plugins": self._plugins, "path": sys.path})

    def _begin(self, order: Mapping[str, Any]) -> None:
        # In a group of its own: a Ctrl-C is for the scheduler, and does not keep it from telling what it has begun.
        command = [sys.executable, "-P", "-c", _PROGRAM]
        try:
            self._telling = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, process_group=0)
            if pipe := self._telling.stdin:
                with pipe:
                    pipe.write(json.dumps(order))
        except OSError as error:
            logger.warning(
                "the adapters of run %s, which lost its worker, cannot be told of its end: %s", self._told, error
            )


def lost_in(store: Store, event: Event) -> Lost | None:
    """Return the attempt that an event says was lost with its worker; None for any other, and for damaged ones."""
    text = event.fields
    if not text.get("lost"):
        return None
    try:
        run = run_ref(store, text.get("job", ""), int(float(text.get("tick") or 0)))
        number = int(float(text.get("attempt") or 0))
    except (ValueError, OverflowError):
        return None
    reason = text.get("reason", "")
    told_to_stop = reason if text.get("event") == "cancelled" else ""
    return Lost(Attempt(run, number, text["lost"], told_to_stop), reason) if run else None


def order_of(lost: Lost, names: Sequence[str], pipeline: str) -> dict[str, Any]:
    """Return, fit for JSON, what `tell_in_time` is to do."""
    run, attempt = lost.attempt.run, lost.attempt
    return {
        "names": list(names),
        "pipeline": pipeline,
        "reason": lost.reason,
        "run": {"id": run.id, "name": run.name, "run": run.run, "tick": run.tick},
        "attempt": attempt.number,
        "told_to_stop": attempt.told_to_stop,
    }


def tell_in_time(order: Mapping[str, Any]) -> None:
    """Tell adapters what an order says; this process is killed when that takes too long."""
    signal.alarm(int(PATIENCE) + _STARTED_IN)
    attempt = Attempt(RunRef(**order["run"]), int(order["attempt"]), "", str(order["told_to_stop"]))
    tell(order["names"], str(order["pipeline"]), attempt, str(order["reason"]), order["plugins"])
