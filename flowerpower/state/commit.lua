-- Make Redis match git in one step, or change nothing.
-- ARGV[2] is JSON: {apply_id, generation, chunks, head = {field = value}, summary, changed, cursor_time, may_stop,
-- rollback_of}.
-- The stage hash holds JSON lists of changes under 1, 2, ..., and their texts as they will be written: the record of the
-- n-th change under `record n`, a run spec under `spec <digest>`, and the inverse. See flowerpower/apply.py.
local order = cjson.decode(ARGV[2])
local stage_key = ours('stage:' .. order.apply_id)
local seconds, micros = now()

local function conflict(kind, detail) return {'conflict', kind, cjson.encode(detail or {})} end

-- 1. Read and check everything; nothing is written before all of it holds.
local bad = wrong_type(our_types())
if bad then return conflict('type', {bad}) end
if not has_type(ours('inverses'), 'hash') then return conflict('type', {ours('inverses')}) end

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

local stale, lifted, running, checked = {}, {}, {}, {}
for _, change in ipairs(changes) do
  local live = change.previous or change.name
  local raw = redis.call('HGET', ours(change.kind .. 's'), live)
  local taken = change.previous and redis.call('HEXISTS', ours('schedules'), change.name) == 1
  if (raw and redis.sha1hex(raw) or '') ~= change.seal or taken then
    stale[#stale + 1] = change.kind .. '.' .. change.name
  end
  if change.kind == 'schedule' then
    local text = redis.call('HGET', ours('cursors'), live)
    local tick, _, pending = read_cursor(text)
    change.tick, change.pending = tick, pending
    if text and not change.tick then return conflict('cursor', {live}) end
    if change.pending == '-' then change.pending = nil end
    change.hold = redis.call('HGET', ours('holds'), live) or nil
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
    for _, name in ipairs({change.name, live}) do
      if not has_type(ours('outcomes:' .. name), 'zset') then return conflict('type', {ours('outcomes:' .. name)}) end
    end
    if change.cancel then
      local runs, wrong = runs_in_flight(runs_by_name()[change.cancel] or {})
      if not runs then return conflict('type', {wrong}) end
      if has_running(runs) then running[#running + 1] = change.cancel end
      change.runs = runs
    end
  end
end
if #stale > 0 then return conflict('revision', stale) end
if #lifted > 0 then return conflict('hold', lifted) end
if #running > 0 and not order.may_stop then return conflict('running', running) end

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

-- Ticks that wait have no job yet: they get one under the schedule's new name.
local function rename_buffer(old, new)
  local buffer = read_buffer(old)
  if not buffer then return end
  for _, item in ipairs(buffer.ticks) do
    if string.sub(item[3], 1, #old + 1) == old .. ' ' then item[3] = new .. string.sub(item[3], #old + 1) end
  end
  redis.call('HDEL', ours('buffers'), old)
  write_buffer(new, buffer)
end

-- Ticks that wait go on waiting and run as the spec says now, as many as there is room for; where runs may be active
-- together (`overlap: allow`) nothing waits.
local function keep_buffer(change)
  local buffer = redis.call('HEXISTS', ours('buffers'), change.name) == 1 and read_buffer(change.name)
  if not buffer then return end
  for field, value in pairs(change.buffer) do buffer[field] = value end
  trim(change.name, buffer, change.buffer.room, 'skipped', 'its overlap was changed', 'apply', seconds)
  write_buffer(change.name, buffer)
  release(change.name, seconds, micros, order.head.commit)
end

-- A renamed schedule takes along what it has been: cursor, hold, outcomes, active runs; these keep their ids.
local function take_name(change)
  local old, new = change.previous, change.name
  redis.call('HDEL', ours('schedules'), old)
  redis.call('HDEL', ours('cursors'), old)
  local hold = redis.call('HGET', ours('holds'), old)
  if hold then
    redis.call('HDEL', ours('holds'), old)
    redis.call('HSET', ours('holds'), new, hold)
  end
  rename_buffer(old, new)
  local from, to = ours('outcomes:' .. old), ours('outcomes:' .. new)
  if redis.call('EXISTS', from) == 1 then
    redis.call('ZUNIONSTORE', to, 2, to, from, 'AGGREGATE', 'MAX')
    redis.call('DEL', from)
  end
  for _, id in ipairs(runs_by_name()[old] or {}) do
    local entry, run = read_active(id), string.match(id, '%-%-(%w+)$')
    if entry then -- else it was cancelled above
      clear_active(id, old, run)
      entry.name = new
      set_active(id, new, run, entry)
    end
  end
end

-- The id and the texts of a pending job under the schedule's new name.
local function rename_pending(change, id, texts)
  local old, new = change.previous, change.name
  local prefix = names.queues .. old .. '--'
  if string.sub(id, 1, #prefix) ~= prefix then return id, texts end
  local description = texts.description
  if string.sub(description, 1, #old + 1) == old .. ' ' then description = new .. string.sub(description, #old + 1) end
  local read, meta = pcall(cjson.decode, texts.meta)
  if read and type(meta) == 'table' then meta.schedule = new end
  return names.queues .. new .. '--' .. string.sub(id, #prefix + 1),
    {description = description, meta = read and cjson.encode(meta) or texts.meta}
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

-- A stock scheduler has moved the pending occurrence of a schedule that gets another name now: it is a run of that one.
local function adopt_run(change, id)
  local tick = tick_of(id)
  set_active(id, change.name, tostring(tick), {name = change.name, tick = tick, attempt = 0, since = seconds,
    commit = redis.call('HGET', ours('head'), 'commit') or '', queue = change.live_queue or change.queue})
  set_cursor(change, math.max(change.tick, tick), nil)
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
  local in_flight = take_pending(id, queues_around(change))
  if change.previous and in_flight then return adopt_run(change, id) end
  if change.previous then id, texts = rename_pending(change, id, texts) end
  if not in_flight then wait_for(change, id, due, texts) end
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
  if change.previous then take_name(change) end
  redis.call('HDEL', ours('forgotten'), change.name)
  redis.call('HSET', ours('schedules'), change.name, change.record)
  redis.call('HSET', ours('specs'), change.run, redis.call('HGET', stage_key, 'spec ' .. change.run))
  redis.call('PERSIST', ours('outcomes:' .. change.name))
  if change.returning_hold then redis.call('HSETNX', ours('holds'), change.name, change.returning_hold) end
  if change.timing == 'keep' and change.tick then
    keep_pending(change)
  elseif change.timing == 'none' then
    rest(change)
  else
    reset_pending(change)
  end
  keep_buffer(change)
end

local lost_holds = {} -- the holds that go with their schedules: a rollback brings them back
local function delete_schedule(change)
  drop_pending(change)
  drop_buffer(change.name, 'its schedule was deleted', seconds)
  lost_holds[change.name] = redis.call('HGET', ours('holds'), change.name) or nil
  redis.call('HDEL', ours('schedules'), change.name)
  redis.call('HDEL', ours('cursors'), change.name)
  redis.call('HDEL', ours('holds'), change.name)
  redis.call('HDEL', ours('forgotten'), change.name)
  redis.call('EXPIRE', ours('outcomes:' .. change.name), 30 * 86400)
end

local deaf = {}
for _, change in ipairs(changes) do
  if change.runs then
    local reason = change.record and 'its schedule was changed' or 'its schedule was deleted'
    drop_buffer(change.cancel, reason, seconds)
    for _, id in ipairs(cancel_runs(change.cancel, change.runs, reason, 'apply', seconds)) do deaf[#deaf + 1] = id end
  end
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

empty_lists()

-- Inverses lie apart from the history, so that a look at it is cheap, and are bounded: a chain with a gap undoes nothing,
-- so the oldest go first, and the newest always stays.
local INVERSES_KEPT, INVERSE_BYTES = 200, 32 * 1024 * 1024
local function keep_inverse(entry)
  redis.call('HSET', ours('inverses'), entry, redis.call('HGET', stage_key, 'inverse') or '')
  local ids, age = redis.call('HKEYS', ours('inverses')), {}
  for _, id in ipairs(ids) do
    local millis, number = string.match(id, '^(%d+)-(%d+)$')
    age[id] = (tonumber(millis) or 0) * 1000 + (tonumber(number) or 0)
  end
  table.sort(ids, function(one, other) return age[one] > age[other] end)
  local bytes = 0
  for index, id in ipairs(ids) do
    bytes = bytes + redis.call('HSTRLEN', ours('inverses'), id)
    if index > 1 and (index > INVERSES_KEPT or bytes > INVERSE_BYTES) then redis.call('HDEL', ours('inverses'), id) end
  end
end

if order.changed then
  generation = generation + 1
  local before = redis.call('HMGET', ours('head'), 'commit', 'repository', 'rolled_back')
  local entry = {'apply_id', order.apply_id, 'generation', tostring(generation), 'when', tostring(seconds),
    'commit', order.head.commit, 'repository', order.head.repository, 'who', order.head.who, 'summary', order.summary,
    'rollback_of', order.rollback_of, 'previous_commit', before[1] or '', 'previous_repository', before[2] or '',
    'previous_rolled_back', before[3] or ''}
  if next(lost_holds) then
    entry[#entry + 1] = 'holds'
    entry[#entry + 1] = cjson.encode(lost_holds)
  end
  keep_inverse(redis.call('XADD', ours('history'), 'MAXLEN', '~', 200, '*', unpack(entry)))
end
local head = {'generation', tostring(generation), 'apply_id', order.apply_id, 'when', tostring(seconds)}
for name, value in pairs(order.head) do
  head[#head + 1] = name
  head[#head + 1] = value
end
redis.call('HSET', ours('head'), unpack(head))
redis.call('HSETNX', ours('head'), 'first_apply', order.apply_id)
if order.head.rolled_back == '' then redis.call('HDEL', ours('head'), 'rolled_back') end
redis.call('DEL', stage_key)
return {'applied', tostring(generation), tostring(seconds), cjson.encode(deaf)}
