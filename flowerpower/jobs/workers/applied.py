"""What a worker is told by the applied state before it starts."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

from flowerpower.errors import FormatError, StoreError
from flowerpower.jobs.absence import Absence
from flowerpower.jobs.workers.preload import GraphRecipe
from flowerpower.state.models import State
from flowerpower.state.store import Store

logger = logging.getLogger("flowerpower.worker")


def read_patiently(store: Store, *, patient: bool) -> State:
    """Return the applied state; a worker that starts while Redis is away waits for it."""
    pause, absence = 1.0, Absence(logger, "nothing starts")
    while True:
        try:
            found = store.read().state
            absence.over()
            return found
        except FormatError as error:
            logger.warning("%s; nothing is imported before forking", error)
            return State()
        except StoreError as error:
            if not patient:
                raise
            if not absence.explains(error):
                logger.warning("%s (%s); trying again in %.0f s", error, error.hint, pause)
            time.sleep(pause)
            pause = min(pause * 2, 10.0)


def recipes_of(applied: State) -> tuple[GraphRecipe, ...]:
    """Return what the graphs of the applied pipelines are built of."""
    fields: Iterable[Mapping[str, Any]] = (pipeline.fields for pipeline in applied.pipelines.values())
    return tuple(
        GraphRecipe(one.get("modules") or (), one.get("config") or {}, one.get("adapters") or ()) for one in fields
    )


def queues_of(applied: State) -> tuple[str, ...]:
    """Return the queues that the applied schedules use, as the specs name them, and the default one."""
    return tuple(sorted({"default", *(str(one.fields.get("queue")) for one in applied.schedules.values())}))
