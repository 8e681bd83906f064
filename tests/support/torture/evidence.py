"""What the scripts did, written down by the clock they begin with: a record of its own, in Redis, in the same step.

The run records cannot prove that nothing was pushed twice, since whoever pushes twice may record once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from redis import Redis

from flowerpower.state.keys import Keys

LOG_KEY = "test:log"
CALLS_KEY = "test:calls"
OFFSET_KEY = "test:clock:offset"

RECORDING_CLOCK = f"""
local redis = setmetatable({{}}, {{__index = redis}})
local real_call, log_call = redis.call, nil
local asked = tostring(ARGV[2])

local moved = {{}}  -- runs that this script has taken from where RQ lets them wait

-- Which script pushes: only a retry, a redelivery, and what wakes a run that waited may push what was pushed before.
local function pusher(run)
  local is_end = string.find(asked, '"status"', 1, true)  -- which lets the next tick start
  if string.find(asked, '"seen"', 1, true) and not is_end then return 'redelivered' end
  if string.sub(asked, 1, 1) ~= '{{' and string.find(asked, '--', 1, true) then return 'retry' end
  return moved[run] and string.sub(asked, 1, 1) ~= '[' and 'woken' or 'decided'  -- to fire moves, too
end

local function log(...)
  if not log_call then log_call = real_call('INCR', '{CALLS_KEY}') end
  real_call('XADD', '{LOG_KEY}', '*', 'call', log_call, ...)
end

redis.call = function(...)
  local words = {{...}}
  local answer = real_call(...)
  local command, key = words[1], tostring(words[2])
  if command == 'RPUSH' and string.find(key, ':queue:', 1, true) then
    for index = 3, #words do log('op', 'push', 'run', words[index], 'by', pusher(words[index])) end
  elseif command == 'ZREM' and string.find(key, ':scheduled:', 1, true) and #words == 3 and answer == 1 then
    moved[words[3]] = true
  elseif command == 'HSET' and (key == '@cursors' or key == '@schedules') then
    local op = key == '@cursors' and 'cursor' or 'record'
    for index = 3, #words, 2 do log('op', op, 'name', words[index], 'value', words[index + 1]) end
  elseif command == 'HDEL' and key == '@cursors' then
    for index = 3, #words do log('op', 'gone', 'name', words[index]) end
  elseif command == 'ZADD' and string.sub(key, 1, #'@outcomes:') == '@outcomes:' then
    log('op', 'outcome', 'name', string.sub(key, #'@outcomes:' + 1), 'value', words[4])
  elseif command == 'XADD' and key == '@runs' then
    local fields = {{}}
    for index = 3, #words - 1 do
      if words[index] == '*' then for at = index + 1, #words, 2 do fields[words[at]] = tostring(words[at + 1]) end end
    end
    if next(fields) then log('op', 'event', 'value', cjson.encode(fields)) end
  elseif command == 'HSET' and key == '@head' then
    log('op', 'head', 'value', cjson.encode(words))
  end
  return answer
end

local function now()
  local time = real_call('TIME')
  return tonumber(time[1]) + tonumber(real_call('GET', '{OFFSET_KEY}') or '0'), tonumber(time[2])
end
"""


def recording_clock(keys: Keys) -> str:
    """Return a clock that is shifted by a key, and that writes down what the script after it does."""
    return RECORDING_CLOCK.replace("@", keys.prefix)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a script did: push, cursor, record, gone, outcome, event or head; `call` counts the scripts."""

    call: int
    op: str
    name: str = ""  # of the schedule, or the id of a run
    value: str = ""
    by: str = ""

    @property
    def data(self) -> Any:
        """Return the value, which is JSON."""
        return json.loads(self.value)


@dataclass(frozen=True)
class Evidence:
    """All that the checker reads."""

    log: tuple[Entry, ...]
    cursors: Mapping[str, str] = field(default_factory=dict)  # as they lie in Redis at the end
    active: frozenset[str] = frozenset()  # run ids
    waiting: Mapping[str, frozenset[int]] = field(default_factory=dict)  # ticks in the buffers
    queued: tuple[str, ...] = ()  # run ids in queues
    foreign: tuple[str, ...] = ()  # keys of others whose bytes changed
    undocumented: tuple[str, ...] = ()  # keys of ours that no page names
    differences: tuple[str, ...] = ()  # what a plan of what was applied last would change
    generations: tuple[int, ...] = ()  # in the history, oldest first
    calm: bool = True  # it ended with all runs ended


def read_log(connection: Redis) -> tuple[Entry, ...]:
    """Return everything that was written down, in its order."""
    found: Any = connection.xrange(LOG_KEY)
    return tuple(_entries(fields for _, fields in found))


def _entries(rows: Iterable[Mapping[bytes, bytes]]) -> Iterable[Entry]:
    for row in rows:
        text = {key.decode(): value.decode() for key, value in row.items()}
        name = text.get("name") or text.get("run") or ""
        yield Entry(int(text["call"]), text["op"], name, text.get("value", ""), text.get("by", ""))
