-- Push runs of past ticks of one schedule: a backfill's, or one that is to run again. ARGV[2] is JSON:
-- {name, revision (of the record that the order was made of), limit (of runs handed out so at once; 0: none),
--  yields (none while a run of the schedule is active), again (also ticks that have succeeded), commit,
--  called_off (the mark that the backfill found when it began; missing for one tick that runs again),
--  queue, digest, run_spec, job = {field, value, ...}, meta = JSON without its end, reason,
--  ticks = {{tick, id, description, local time, signature or nothing}, ...}}.
-- Such a run stands in no tick's way: while it is active the schedule's own ticks fire as if it were not there.
-- Answers JSON: {word for each tick that was looked at ...}; the first that there is no room for is the last one.
-- Words: pushed, succeeded, active, waiting (for another run), undecided (the schedule will decide it), full, yields.
-- Or {'changed'} when an apply came in between, {'called off'} when all runs were cancelled since it began, {'damaged', key} for a key that is not ours to touch.
local order = cjson.decode(ARGV[2])
local seconds, micros = now()
local types = our_types()
types[queue_key(order.queue)], types[ours('handed:' .. order.name)] = 'list', 'set'
types[ours('called_off:' .. order.name)] = 'string'
types[ours('outcomes:' .. order.name)], types[ours('older:' .. order.name)] = 'zset', 'zset'
for _, registry in ipairs({'failed', 'finished', 'canceled', 'scheduled'}) do
  types[names.rq .. ':' .. registry .. ':' .. order.queue] = 'zset'
end
for _, tick in ipairs(order.ticks) do types[job_key(tick[2])] = 'hash' end
local bad = wrong_type(types)
if bad then return cjson.encode({'damaged', bad}) end

local record = read_json(redis.call('HGET', ours('schedules'), order.name))
if not record or record.revision ~= order.revision then return cjson.encode({'changed'}) end
local mark = order.called_off and redis.call('GET', ours('called_off:' .. order.name))
if mark and mark ~= order.called_off then return cjson.encode({'called off'}) end
local cursor, _, pending = read_cursor(redis.call('HGET', ours('cursors'), order.name), order.name)
local handed = ours('handed:' .. order.name)

-- What was handed out and is not active any more makes room.
local function active_of_ours()
  local count = 0
  for _, id in ipairs(redis.call('SMEMBERS', handed)) do
    if redis.call('HEXISTS', ours('active'), id) == 1 then
      count = count + 1
    else
      redis.call('SREM', handed, id)
    end
  end
  return count
end

-- The ticks in question whose runs are active under a name that the schedule had before: such a run keeps its id.
local function active_by_other_names()
  local asked, found = {}, {}
  for _, item in ipairs(order.ticks) do asked[tostring(item[1])] = item[2] end
  for _, id in ipairs(redis.call('HKEYS', ours('active'))) do
    local tick = string.match(id, '%-%-(%d+)$')
    local own = asked[tick or '']
    if own and own ~= id and name_of(read_active(id) or {}, '') == order.name then found[tick] = true end
  end
  return found
end
local by_other_names = active_by_other_names()

-- The newest outcome of this very tick, under whatever name it ran; not that of a range around it, nor of a run by hand.
local function outcome_of(tick)
  for _, key in ipairs({ours('outcomes:' .. order.name), ours('older:' .. order.name)}) do
    for _, raw in ipairs(redis.call('ZRANGEBYSCORE', key, tick, tick)) do
      local outcome = read_json(raw)
      if outcome and outcome.first == outcome.last and subject(outcome) == 'tick' then
        return outcome, key, raw
      end
    end
  end
end

local BUSY = {queued = true, started = true, scheduled = true, deferred = true}

local function look(tick, id)
  if redis.call('HEXISTS', ours('active'), id) == 1 or by_other_names[tostring(tick)] then return 'active' end
  if is_waiting(order.name, tick) then return 'waiting' end
  if pending and pending ~= '-' and (not cursor or tick > cursor) then return 'undecided' end
  if BUSY[redis.call('HGET', job_key(id), 'status') or ''] then return 'active' end
  local outcome, key, raw = outcome_of(tick)
  if outcome and outcome.status == 'succeeded' and not order.again then return 'succeeded' end
  return nil, outcome, key, raw
end

local stamp = stamp_of(seconds, micros)
local room = order.limit > 0 and order.limit - active_of_ours() or #order.ticks

local unsigned = order.meta
local function push_tick(item, outcome, key, raw)
  local tick, id, description, tick_text, signature = unpack(item)
  order.meta = signature ~= '' and unsigned .. ', "signature": ' .. cjson.encode(signature) or unsigned
  if outcome and outcome.status == 'succeeded' then redis.call('ZREM', key, raw) end  -- the claim refuses what has succeeded
  for _, registry in ipairs({'failed', 'finished', 'canceled', 'scheduled'}) do
    redis.call('ZREM', names.rq .. ':' .. registry .. ':' .. order.queue, id)
  end
  write_job(stamp, order, id, 'queued', description, tick_text)
  set_active(id, order.name, tostring(tick), {name = order.name, tick = tick, alone = true, since = seconds,
    attempt = outcome and tonumber(outcome.attempt) or 0, commit = stamp.commit, queue = order.queue,
    digest = order.digest, by = order.reason})
  redis.call('HSET', ours('specs'), order.digest, order.run_spec)
  redis.call('SADD', names.rq .. ':queues', queue_key(order.queue))
  redis.call('RPUSH', queue_key(order.queue), id)
  if order.limit > 0 then
    redis.call('SADD', handed, id)
    redis.call('EXPIRE', handed, 7 * 86400)
  end
  record_event({event = 'enqueued', schedule = order.name, tick = tick, job = id, reason = order.reason})
end

local words = {}
for _, item in ipairs(order.ticks) do
  local word, outcome, key, raw = look(item[1], item[2])
  if not word and order.yields and has_active(order.name) then word = 'yields' end
  if not word and room <= 0 then word = 'full' end
  if not word then
    push_tick(item, outcome, key, raw)
    room = room - 1
    word = 'pushed'
  end
  words[#words + 1] = word
  if word == 'yields' or word == 'full' then break end
end
return cjson.encode(words)
