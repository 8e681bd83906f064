"""Give back the jobs of others that a worker took from one of our queues and did not begin, because it was killed.

RQ keeps a job in a list of its own between pop and start, and its workers fail what stays there. Ours do not, since a
run that has not begun is delivered again; that is so here for what is no run of ours.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

from flowerpower.state.connection import redis_errors
from flowerpower.state.misplaced import is_misplaced
from flowerpower.state.store import Store

LOST_AFTER = 60  # seconds in that list: a worker may just be about to start it

logger = logging.getLogger("flowerpower.scheduler")


class PoppedKeeper:
    """Looks after what workers popped from the queues of one namespace; runs of ours are the business of others."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[tuple[str, str], int] = {}  # queue and job, and when it was first seen there

    def step(self, queues: Sequence[str], now: int) -> None:
        """Look at each queue."""
        self._seen = {one: self._seen.get(one, now) for one in self._popped(queues)}
        for (queue, job_id), since in self._seen.items():
            if now - since >= LOST_AFTER:
                self._give_back(queue, job_id)

    def _popped(self, queues: Sequence[str]) -> list[tuple[str, str]]:
        keys = self._store.keys
        with redis_errors("looking for jobs that no worker began"):
            pipe = self._store.connection.pipeline(transaction=False)
            for queue in queues:
                pipe.lrange(f"{keys.queue_list(queue)}:intermediate", 0, -1)
            replies: list[Any] = pipe.execute(raise_on_error=False) if queues else []
            found = [
                (queue, job_id.decode(errors="replace"))
                for queue, listed in zip(queues, replies, strict=True)
                if not is_misplaced(listed)
                for job_id in listed
            ]
            active: Any = self._store.connection.hmget(keys.active, [one for _, one in found]) if found else []
        return [one for one, entry in zip(found, active, strict=True) if entry is None]

    def _give_back(self, queue: str, job_id: str) -> None:
        with redis_errors("delivering a job again"):
            if self._store.scripts.call("give_back", [json.dumps({"id": job_id, "queue": queue})]):
                logger.warning("job %s was lost between queue and worker: delivered again", job_id)
