"""Look at a whole Redis as values, and stand in for time."""

from __future__ import annotations

from typing import Any

from redis import Redis
from redis.client import Pipeline

OFFSET_KEY = "test:clock:offset"
SHIFTED_CLOCK = f"""
local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(redis.call('GET', '{OFFSET_KEY}') or '0'), tonumber(time[2])
end
"""


def shift_clock(connection: Redis, seconds: int) -> None:
    """Let the scripts that use the shifted clock live that many seconds later from now on."""
    connection.incrby(OFFSET_KEY, seconds)


def start_at_half_past(connection: Redis) -> None:
    """Set the shifted clock to half past noon (UTC), so that no hourly or nightly tick falls into a test by chance."""
    seconds, _ = connection.time()
    shift_clock(connection, (12 * 3600 + 1800 - seconds) % 86400)


def dump_keys(connection: Redis, *, without: tuple[str, ...] = ()) -> dict[bytes, Any]:
    """Return every key with its exact bytes, but those that start with one of the given prefixes."""
    keys = sorted(key for key in connection.scan_iter() if not key.decode(errors="replace").startswith(without))
    pipe = connection.pipeline(transaction=False)
    for key in keys:
        pipe.type(key)
    kinds = pipe.execute()
    for key, kind in zip(keys, kinds, strict=True):
        _ask(pipe, key, kind)
    found = zip(keys, kinds, pipe.execute(), strict=True)
    return {key: sorted(value) if kind == b"set" else value for key, kind, value in found}


def _ask(pipe: Pipeline, key: bytes, kind: bytes) -> None:
    if kind == b"zset":
        pipe.zrange(key, 0, -1, withscores=True)
    elif kind == b"set":
        pipe.smembers(key)
    elif kind == b"list":
        pipe.lrange(key, 0, -1)
    elif kind == b"stream":
        pipe.xrange(key)
    elif kind == b"hash":
        pipe.hgetall(key)
    else:
        pipe.get(key)


def keep_keys(connection: Redis) -> dict[bytes, tuple[int, bytes]]:
    """Return every key as Redis itself writes it down, with its time to live, for `put_back`."""
    keys = list(connection.scan_iter())
    pipe = connection.pipeline(transaction=False)
    for key in keys:
        pipe.pttl(key)
        pipe.dump(key)
    answers = pipe.execute()
    return {key: (max(0, ttl), raw) for key, ttl, raw in zip(keys, answers[::2], answers[1::2], strict=True)}


def put_back(connection: Redis, kept: dict[bytes, tuple[int, bytes]]) -> None:
    """Make Redis hold what was kept and nothing else."""
    pipe = connection.pipeline(transaction=False)
    pipe.flushall()
    for key, (ttl, raw) in kept.items():
        pipe.restore(key, ttl, raw)
    pipe.execute()
