"""A message in the outbox that somebody damaged: it keeps no other from being told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from support.receivers import Hook

from .test_messages import KEYS, apply, folder, hook, messenger, tell  # noqa: F401 - fixtures among them


@pytest.mark.parametrize("damage", [{"due": "soon"}, {"tries": None}, {"url": 5}, {"id": "another"}])
def test_a_damaged_message_is_dropped_and_keeps_no_other_from_being_told(
    folder: Path,  # noqa: F811
    redis_url: str,
    redis_connection: Redis,
    hook: Hook,  # noqa: F811
    damage: dict[str, Any],
) -> None:
    apply(folder, redis_url)
    one = messenger(redis_connection)  # without the secret, so that the message waits
    one.step()
    tell(redis_connection, "failed")
    one.step()
    ((key, kept),) = redis_connection.hgetall(KEYS.outbox).items()
    redis_connection.hset(KEYS.outbox, "damaged", json.dumps(json.loads(kept) | {"id": "damaged"} | damage))
    redis_connection.hset(KEYS.outbox, key, json.dumps(json.loads(kept) | {"due": 0}))

    messenger(redis_connection, HOOK=hook.url).step()

    assert hook.kinds == ["failed"]
    assert redis_connection.hlen(KEYS.outbox) == 0
