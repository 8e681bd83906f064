"""Look at a whole Redis as values, and stand in for time."""

from __future__ import annotations

from typing import Any

from redis import Redis

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
    return {key: _value(connection, key) for key in keys}


def _value(connection: Redis, key: bytes) -> Any:
    kind = connection.type(key)
    if kind == b"zset":
        return connection.zrange(key, 0, -1, withscores=True)
    if kind == b"set":
        return sorted(connection.smembers(key))
    if kind == b"list":
        return connection.lrange(key, 0, -1)
    if kind == b"stream":
        return connection.xrange(key)
    return connection.hgetall(key) if kind == b"hash" else connection.get(key)
