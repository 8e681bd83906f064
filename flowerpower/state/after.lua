-- Part of the scripts that fire, claim and end runs: whether a tick may run that comes after other schedules, and who waits.
-- The sorted set `awaited` has `<schedule>--<run that waits for it>`, all scores 0. It only says where to look: a member
-- too many costs a look, and one too few is made up for when RQ hands the run to a worker again, as it does now and then.

local PAGE = 50
local AWAITED, RENAMED = ours('awaited'), ours('renamed')
local HOPS = 20
local SOON = 5  -- seconds

-- The name that a schedule has now, which may have been renamed since a run was made; nothing if there is none.
local function name_now(schedule)
  for _ = 1, HOPS do
    if redis.call('HEXISTS', ours('schedules'), schedule) == 1 then return schedule end
    local newer = has_type(RENAMED, 'hash') and redis.call('HGET', RENAMED, schedule)
    if not newer then return nil end
    schedule = newer
  end
end

local function awaited_by(entry)
  local found = {}
  for _, schedule in ipairs(type(entry.after) == 'table' and text_of(entry.waits) and entry.after or {}) do
    found[#found + 1] = text_of(schedule)
  end
  return found
end

-- The entries of the runs of a schedule that are active and were due no later than a tick, one after the other. Of a run
-- whose tick its place in the index tells it is read only where it must be.
local function each_due(schedule, tick, must_read)
  local from, index = '[' .. schedule .. '--', 0
  local members = redis.call('ZRANGEBYLEX', ours('active_index'), from, from .. '\255')
  return function()
    while index < #members do
      index = index + 1
      local asked, entry = tick_of(members[index]), {}
      if must_read or not asked then entry = indexed_run(schedule, members[index]) or {tick = tick} end
      asked = asked or tonumber(entry.tick)
      if asked and asked <= tick then return entry end
    end
  end
end

-- Whether an active run waits for a schedule, itself or by way of what it waits for: specs that were turned round, and
-- names that were given to others, while runs waited could hold them all up for ever.
local function leads_to(schedule, entry, tick)
  local ahead, seen = awaited_by(entry), {}
  while #ahead > 0 do
    local name = name_now(table.remove(ahead))
    if name == schedule then return true end
    if name and not seen[name] then
      seen[name] = true
      for other in each_due(name, tick, true) do
        for _, named in ipairs(awaited_by(other)) do ahead[#ahead + 1] = named end
      end
    end
  end
  return false
end

-- Whether a schedule has something to do that was due no later than a tick: decided and not done, or not decided yet. Runs
-- by hand count, too: somebody makes good what failed. What waits for `who` does not, who asks.
local function is_busy(schedule, tick, who)
  local _, _, pending = read_cursor(redis.call('HGET', ours('cursors'), schedule), schedule)
  local due = tick_of(pending)
  if due and due <= tick then return true end
  local buffer = look_at_buffer(schedule)
  if buffer and buffer.ticks[1][1] <= tick then return true end
  for entry in each_due(schedule, tick, who) do
    if not (who and leads_to(who, entry, tick)) then return true end
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

-- Answers 'wait' or 'skip', and why; nothing where the tick may run. What did not succeed is not waited for. Who waits is
-- told for which schedules. A schedule that got the name of one it came after is not that one.
local function held_back(who, schedules, tick)
  local busy = {}
  for _, named in ipairs(schedules) do
    local schedule = name_now(named)
    if not schedule or schedule == who then return 'skip', 'after: there is no ' .. named end
    if is_busy(schedule, tick, who) then
      busy[#busy + 1] = schedule
    else
      local status = newest_status(schedule, tick)
      if status ~= 'succeeded' then return 'skip', 'after: ' .. schedule .. (DID[status] or ' has not run yet') end
    end
  end
  if #busy > 0 then return 'wait', 'after: ' .. busy[1] .. ' is not done', busy end
end

local function note_awaited(schedules, id)
  if not has_type(AWAITED, 'zset') then return end
  for _, schedule in ipairs(schedules) do
    redis.call('ZADD', AWAITED, 0, index_of(schedule, string.sub(id, #names.queues + 1)))
  end
end

-- Seconds until a tick that waits is looked at in any case: who wakes it may have died, or be of another version. The end
-- of its patience is met on time.
local function patience(waited, deadline)
  local seconds = math.max(60, math.min(600, math.floor(waited / 10)))
  return deadline > 0 and math.min(seconds, deadline - waited + 1) or seconds
end

-- Let the entry of a run say what it waits for, and until when its patience lasts (deadline: seconds, 0 for no end).
local function note_wait(entry, why, after, deadline)
  entry.waits, entry.after, entry['until'] = why, after, deadline > 0 and entry.since + deadline or nil
end

local function forget_wait(entry) entry.waits, entry.after, entry['until'] = nil, nil, nil end

-- Move a run from where RQ lets it wait to its queue. Answers whether it need not be thought of any more: it may be in the
-- queue already. A worker may have it in hand still, on its way to where it will wait.
local function hand_back(id, seconds, micros)
  if not has_type(job_key(id), 'hash') then return false end
  local status, queue, data = unpack(redis.call('HMGET', job_key(id), 'status', 'origin', 'data'))
  if not queue or not data or string.sub(queue, 1, #names.queues) ~= names.queues then return false end
  if wrong_type({[queue_key(queue)] = 'list', [scheduled_key(queue)] = 'zset', [names.rq .. ':queues'] = 'set'}) then
    return false
  end
  if redis.call('ZREM', scheduled_key(queue), id) == 0 then return status == 'queued' end
  push(queue, id, {}, seconds, micros)
  return true
end

-- Look at a run that waited for a schedule which has nothing left to do for it. Answers whether it was handed back.
local function look_again(member, id, tick, seconds, micros)
  local entry = read_active(id) or {}
  local after = awaited_by(entry)
  local word, _, busy = held_back(entry.name, after, tick)
  local goes = word ~= 'wait' and #after > 0
  if goes and not hand_back(id, seconds, micros) then return false end
  redis.call('ZREM', AWAITED, member)
  if word == 'wait' then note_awaited(busy, id) end
  if goes then
    forget_wait(entry)
    redis.call('HSET', ours('active'), id, cjson.encode(entry))
  end
  return goes
end

-- When a run whose time to ask has come is to be looked at next, since it still has to wait; nothing where it must ask.
local function next_look(id, seconds)
  local entry, tick = read_active(id) or {}, tick_of(id)
  local after, since, ends = awaited_by(entry), tonumber(entry.since), tonumber(entry['until'])
  if #after == 0 or not tick or not since or (ends and seconds > ends) then return nil end
  local word, _, busy = held_back(entry.name, after, tick)
  if word ~= 'wait' then return nil end
  note_awaited(busy, id)
  return seconds + patience(seconds - since, ends and ends - since or 0)
end

-- A member taken apart: the schedule, the run that waits for it, and its tick as a text.
local function parts_of(member)
  local schedule, run, tick = string.match(member, '^(.-)%-%-(.-%-%-(%d+))$')
  return schedule, names.queues .. (run or ''), tick
end

local WAKE_AT_ONCE = 500

-- Hand those of these runs back that need not wait any more, so many at once: the scheduler looks at all every second.
-- Answers how many it were.
local function wake(members, seconds, micros)
  local busy, woken = {}, 0
  for _, member in ipairs(members) do
    local schedule, id, tick = parts_of(member)
    local place = tick and schedule .. ' ' .. tick
    if not tick or redis.call('HEXISTS', ours('active'), id) == 0 then
      redis.call('ZREM', AWAITED, member)
    else
      if busy[place] == nil then
        busy[place] = redis.call('HEXISTS', ours('schedules'), schedule) == 1 and is_busy(schedule, tonumber(tick))
      end
      if not busy[place] and look_again(member, id, tonumber(tick), seconds, micros) then woken = woken + 1 end
    end
    if woken == WAKE_AT_ONCE then break end
  end
  return woken
end

-- How runs ended is kept as long as what they are called by is live, and then for some time.
local function keep_outcomes(name)
  local is_live = redis.call('HEXISTS', ours('schedules'), name) + redis.call('HEXISTS', ours('pipelines'), name) > 0
  if is_live then return redis.call('PERSIST', ours('outcomes:' .. name)) end
  redis.call('EXPIRE', ours('outcomes:' .. name), 30 * 86400)
end

-- A run of a schedule has ended: its next tick that waits may start, and what comes after it.
local function go_on(schedule, seconds, micros)
  keep_outcomes(schedule)
  release(schedule, seconds, micros)
  if not has_type(AWAITED, 'zset') then return end
  local from = '[' .. schedule .. '--'
  wake(redis.call('ZRANGEBYLEX', AWAITED, from, from .. '\255'), seconds, micros)
end
