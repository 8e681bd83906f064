-- Part of claim.lua: whether a tick may run that comes after other schedules.

local PAGE = 50

-- Whether a schedule has something to do that was due no later than a tick: decided and not done, or not decided yet. Runs
-- by hand count, too: somebody makes good what failed.
local function is_busy(schedule, tick)
  local _, _, pending = read_cursor(redis.call('HGET', ours('cursors'), schedule), schedule)
  local due = tick_of(pending)
  if due and due <= tick then return true end
  local buffer = look_at_buffer(schedule)
  if buffer and buffer.ticks[1][1] <= tick then return true end
  local from = '[' .. schedule .. '--'
  for _, member in ipairs(redis.call('ZRANGEBYLEX', ours('active_index'), from, from .. '\255')) do
    local asked = tick_of(member) or tonumber((read_active(names.queues .. member) or {}).tick)
    if asked and asked <= tick then return true end
  end
  return false
end

-- What an outcome says of its schedule; nothing where the run that stood in its way does.
local function said_by(raw)
  local outcome = read_json(raw) or {}
  local is_overlap = outcome.status == 'skipped' and string.find(text_of(outcome.reason, ''), '^overlap') ~= nil
  return not is_overlap and text_of(outcome.status) or nil, tonumber(outcome.first)
end

-- What became of the newest tick of a schedule that was due no later than a tick; nothing if none is known.
local function newest_status(schedule, tick)
  local key, offset = ours('outcomes:' .. schedule), 0
  if not has_type(key, 'zset') then return nil end
  for _, raw in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. tick, '+inf', 'LIMIT', 0, PAGE)) do
    local status, first = said_by(raw)
    if status and first and first <= tick then return status end  -- of a range that reaches beyond it
  end
  while true do
    local found = redis.call('ZREVRANGEBYSCORE', key, tick, '-inf', 'LIMIT', offset, PAGE)
    for _, raw in ipairs(found) do
      local status = said_by(raw)
      if status then return status end
    end
    if #found < PAGE then return nil end
    offset = offset + PAGE
  end
end

local DID = {failed = ' failed', missed = ' was missed', cancelled = ' was cancelled', skipped = ' was skipped'}

-- Answers 'wait' or 'skip', and why; nothing where the tick may run. What did not succeed is not waited for.
local function held_back(schedules, tick)
  local busy
  for _, schedule in ipairs(schedules) do
    if redis.call('HEXISTS', ours('schedules'), schedule) == 0 then return 'skip', 'after: there is no ' .. schedule end
    if is_busy(schedule, tick) then
      busy = busy or schedule
    else
      local status = newest_status(schedule, tick)
      if status ~= 'succeeded' then return 'skip', 'after: ' .. schedule .. (DID[status] or ' has not run yet') end
    end
  end
  if busy then return 'wait', 'after: ' .. busy .. ' is not done' end
end

-- Seconds until a tick that waits asks again: soon at first, and less often the longer it has waited.
local function patience(waited) return math.max(5, math.min(60, math.floor(waited / 10))) end
