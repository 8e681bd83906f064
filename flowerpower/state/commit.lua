-- Make Redis match git in one step, or change nothing.
-- ARGV[2] is JSON: {apply_id, generation, chunks, head = {field = value}, summary, changed, cursor_time}.
-- The stage hash holds JSON lists of changes under 1, 2, ..., and their texts as they will be written: the record of the
-- n-th change under `record n`, a run spec under `spec <digest>`. See flowerpower/apply.py.
local order = cjson.decode(ARGV[2])
local stage_key = ours('stage:' .. order.apply_id)
local seconds, micros = now()

local function conflict(kind, detail) return {'conflict', kind, cjson.encode(detail or {})} end

-- 1. Read and check everything; nothing is written before all of it holds.
local bad = wrong_type(our_types())
if bad then return conflict('type', {bad}) end

local generation = tonumber(redis.call('HGET', ours('head'), 'generation') or '0')
if not generation or generation ~= order.generation then return conflict('generation', {tostring(generation)}) end

local changes, known_queues = {}, our_queues()
local is_known = {}
for _, queue in ipairs(known_queues) do
  is_known[queue] = true
  if not has_type(scheduled_key(queue), 'zset') then return conflict('type', {scheduled_key(queue)}) end
end
for chunk = 1, order.chunks do
  local read, items = pcall(cjson.decode, redis.call('HGET', stage_key, tostring(chunk)) or '')
  if not read then return conflict('stage', {}) end
  for _, item in ipairs(items) do
    changes[#changes + 1] = item
    if item.writes then item.record = redis.call('HGET', stage_key, 'record ' .. #changes) end
    if item.writes and not item.record then return conflict('stage', {}) end
    if item.run and redis.call('HEXISTS', stage_key, 'spec ' .. item.run) == 0 then return conflict('stage', {}) end
  end
end

local stale, lifted, checked = {}, {}, {}
for _, change in ipairs(changes) do
  local raw = redis.call('HGET', ours(change.kind .. 's'), change.name)
  if (raw and redis.sha1hex(raw) or '') ~= change.seal then
    stale[#stale + 1] = change.kind .. '.' .. change.name
  end
  if change.kind == 'schedule' then
    local text = redis.call('HGET', ours('cursors'), change.name)
    local tick, _, pending = read_cursor(text)
    change.tick, change.pending = tick, pending
    if text and not change.tick then return conflict('cursor', {change.name}) end
    if change.pending == '-' then change.pending = nil end
    change.hold = redis.call('HGET', ours('holds'), change.name) or nil
    if change.hold then change.timing = 'none' end
    if change.was_held and not change.hold then lifted[#lifted + 1] = change.name end
    for _, id in ipairs({change.pending or change.id, change.id}) do
      if id and not has_type(job_key(id), 'hash') then return conflict('type', {job_key(id)}) end
    end
    local live_queue = change.pending and redis.call('HGET', job_key(change.pending), 'origin')
    change.live_queue = live_queue or nil
    for _, queue in ipairs({change.live_queue or change.queue, change.queue, change.old_queue}) do
      local key = scheduled_key(queue)
      if checked[key] == nil then checked[key] = has_type(key, 'zset') end
      if not checked[key] then return conflict('type', {key}) end
    end
    if not has_type(ours('outcomes:' .. change.name), 'zset') then
      return conflict('type', {ours('outcomes:' .. change.name)})
    end
  end
end
if #stale > 0 then return conflict('revision', stale) end
if #lifted > 0 then return conflict('hold', lifted) end

-- 2. Write.
-- All of our queues: it may have been put into another one behind our back.
local function queues_around(change)
  local queues = {}
  for index, queue in ipairs(known_queues) do queues[index] = queue end
  for _, queue in ipairs({change.live_queue or '', change.old_queue or '', change.queue or ''}) do
    if queue ~= '' and not is_known[queue] then queues[#queues + 1] = queue end
  end
  return queues
end

-- Ticks that never fired are not lost silently: the plan has counted those that passed since the cursor
-- (passed = {cursor, first, last, count}), unless the schedule has fired since.
local function record_passed(change)
  local tick, passed = tick_of(change.pending), change.passed
  local range = passed and passed[1] == change.tick and {passed[2], passed[3], passed[4]}
  if not range and tick and tick <= seconds then range = {tick, tick, 1} end
  if not range then return end
  if change.hold then return record_range(change.name, range, 'skipped', held_reason(change.hold), seconds) end
  if change.was_paused then return record_range(change.name, range, 'skipped', 'paused in its spec', seconds) end
  record_range(change.name, range, 'missed', 'its schedule was changed before it fired', seconds)
end

-- Remove the pending occurrence for good; true when it is a run by now.
local function drop_pending(change)
  local in_flight = change.pending and take_pending(change.pending, queues_around(change))
  if not in_flight and not (change.pending and change.pending == change.id) then record_passed(change) end
  return in_flight
end

local function wait_for(change, id, due, texts)
  write_pending(change.queue, id, due, rq_time(seconds, micros), {change.job, texts})
end

local function set_cursor(change, tick, pending)
  redis.call('HSET', ours('cursors'), change.name,
    string.format('%d %d %s', tick, change.revision, pending or '-'))
end

-- The tick stays as it is, also when it fired since the plan was made: the cursor is carried on.
local function keep_pending(change)
  local id = change.pending
  if not id then return set_cursor(change, change.tick, nil) end
  local due, texts = change.due, {description = change.description, meta = change.meta}
  if id ~= change.id then
    local old = redis.call('HMGET', job_key(id), 'description', 'meta')
    local score = redis.call('ZSCORE', scheduled_key(change.live_queue or change.queue), id)
    texts = {description = old[1] or change.description, meta = old[2] or change.meta}
    due = score or change.due
  end
  if not take_pending(id, queues_around(change)) then wait_for(change, id, due, texts) end
  set_cursor(change, change.tick, id)
end

local function reset_pending(change)
  local in_flight = drop_pending(change)
  local cursor = math.max(change.tick or 0, order.cursor_time)
  if in_flight and change.pending == change.id then return set_cursor(change, cursor, change.id) end
  -- The very tick may have fired while the apply was staged: then it is a run, and the scheduler finds the next tick.
  local fired = tick_of(change.id) <= (change.tick or -1) or redis.call('HEXISTS', ours('active'), change.id) == 1
  if fired then return set_cursor(change, cursor, nil) end
  wait_for(change, change.id, change.due, {description = change.description, meta = change.meta})
  set_cursor(change, cursor, change.id)
end

-- The ticks of a hold or a pause that goes on are recorded when it ends, as one range: its cursor stays.
local function rest(change)
  if change.still and change.tick and (change.hold or change.was_paused) then
    local in_flight = change.pending and take_pending(change.pending, queues_around(change))
    return set_cursor(change, math.max(change.tick, in_flight and tick_of(change.pending) or 0), nil)
  end
  drop_pending(change)
  set_cursor(change, math.max(change.tick or 0, order.cursor_time), nil)
end

local function put_schedule(change)
  redis.call('HSET', ours('schedules'), change.name, change.record)
  redis.call('HSET', ours('specs'), change.run, redis.call('HGET', stage_key, 'spec ' .. change.run))
  redis.call('PERSIST', ours('outcomes:' .. change.name))
  if change.timing == 'keep' and change.tick then
    keep_pending(change)
  elseif change.timing == 'none' then
    rest(change)
  else
    reset_pending(change)
  end
end

local function delete_schedule(change)
  drop_pending(change)
  redis.call('HDEL', ours('schedules'), change.name)
  redis.call('HDEL', ours('cursors'), change.name)
  redis.call('HDEL', ours('holds'), change.name)
  redis.call('EXPIRE', ours('outcomes:' .. change.name), 30 * 86400)
end

for _, change in ipairs(changes) do
  if change.kind == 'pipeline' then
    if not change.record then
      redis.call('HDEL', ours('pipelines'), change.name)
    else
      redis.call('HSET', ours('pipelines'), change.name, change.record)
    end
  elseif not change.record then
    delete_schedule(change)
  else
    put_schedule(change)
  end
end

if order.changed then generation = generation + 1 end
local head = {'generation', tostring(generation), 'apply_id', order.apply_id, 'when', tostring(seconds)}
for name, value in pairs(order.head) do
  head[#head + 1] = name
  head[#head + 1] = value
end
redis.call('HSET', ours('head'), unpack(head))
if order.changed then
  redis.call('XADD', ours('history'), 'MAXLEN', '~', 200, '*', 'apply_id', order.apply_id,
    'generation', tostring(generation), 'when', tostring(seconds), 'commit', order.head.commit, 'who', order.head.who,
    'summary', order.summary, 'inverse', redis.call('HGET', stage_key, 'inverse') or '')
end
redis.call('DEL', stage_key)
return {'applied', tostring(generation), tostring(seconds)}
