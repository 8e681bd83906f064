"""Other namespaces of the same Redis, as far as this user may read them."""

from __future__ import annotations

from typing import Any

from flowerpower.state.connection import redis_errors
from flowerpower.state.keys import SEPARATOR, Keys
from flowerpower.state.models import Neighbour
from flowerpower.state.store import Store

_MOST = 100  # namespaces that are looked at


def read_neighbours(store: Store) -> tuple[Neighbour, ...]:
    """Return the other namespaces, in two round trips; those that hold nothing, or that an ACL hides, are left out."""
    with redis_errors("reading which other namespaces there are"):
        pipe = store.connection.pipeline(transaction=False)
        pipe.smembers(store.keys.queues)
        queues = pipe.execute(raise_on_error=False)[0]
        known = _namespaces(store.keys, queues) if isinstance(queues, set) else []  # else it is of another type
        for keys in known:
            pipe.hmget(keys.head, "commit", "repository")
            pipe.hkeys(keys.schedules)
            pipe.get(keys.lease)
        found = pipe.execute(raise_on_error=False) if known else []
    return tuple(
        Neighbour(keys.project, keys.env, _text(head[0]), _text(head[1]), frozenset(map(_text, names)), _text(lease))
        for keys, head, names, lease in zip(known, found[::3], found[1::3], found[2::3], strict=True)
        if names and not any(isinstance(reply, Exception) for reply in (head, names, lease))
    )


def _namespaces(ours: Keys, queues: Any) -> list[Keys]:
    """Return the namespaces that RQ's queues are of, without ours: `<project>--<env>--<queue>` each."""
    parts = (_text(queue).removeprefix(ours.queue_list("")).split(SEPARATOR) for queue in queues)
    found = {Keys(pieces[0], pieces[1], ours.rq) for pieces in parts if len(pieces) == 3}
    return sorted(found - {ours}, key=lambda keys: keys.namespace)[:_MOST]


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
