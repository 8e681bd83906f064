-- Make Redis match git in one step, or change nothing.
-- ARGV[2] is JSON: {apply_id, generation, chunks, head = {field = value}, summary, changed, cursor_time, may_stop}.
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

local stale, checked, running = {}, {}, {}
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
    if redis.call('HEXISTS', ours('holds'), change.name) == 1 then change.timing = 'none' end
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
    if change.cancel then
      local runs, wrong = runs_in_flight(change.cancel)
      if not runs then return conflict('type', {wrong}) end
      if has_running(runs) then running[#running + 1] = change.cancel end
      change.runs = runs
    end
  end
end
if #stale > 0 then return conflict('revision', stale) end
if #running > 0 and not order.may_stop then return conflict('running', running) end

-- 2. Write.
local function unschedule(change, id)
  local waited = 0
  -- All of our queues: it may have been put into another one behind our back.
  for _, queue in ipairs(known_queues) do waited = waited + redis.call('ZREM', scheduled_key(queue), id) end
  for _, queue in ipairs({change.live_queue or '', change.old_queue or '', change.queue or ''}) do
    if queue ~= '' and not is_known[queue] then waited = waited + redis.call('ZREM', scheduled_key(queue), id) end
  end
  return waited > 0
end

-- Remove the pending occurrence. A stock scheduler may have moved it to its queue: then it is a run, runs are kept, and
-- the answer is true.
local function take_pending(change)
  local id = change.pending
  if not id then return false end
  local waited = unschedule(change, id)
  local status = redis.call('HGET', job_key(id), 'status')
  if not waited and (status == 'queued' or status == 'started') then return true end
  redis.call('DEL', job_key(id))
  return false
end

local function tick_of(id) return id and tonumber(string.match(id, '%-%-(%d+)$')) end

-- Remove the pending occurrence for good; the answer is as above. Ticks that were due and had not fired are not lost
-- silently: the plan has counted them (missed = {first, last, count}) unless the schedule has fired since.
local function drop_pending(change)
  local id, in_flight = change.pending, take_pending(change)
  local tick = tick_of(id)
  if tick and tick <= seconds and not in_flight and id ~= change.id then
    local range = change.missed_id == id and change.missed or {tick, tick, 1}
    local reason = 'its schedule was changed before it fired'
    record_outcome(change.name,
      {first = range[1], last = range[2], count = range[3], status = 'missed', reason = reason, at = seconds})
    record_event({event = 'missed', schedule = change.name, tick = range[2], count = range[3], reason = reason})
  end
  return in_flight
end

local function write_pending(change, id, due, texts)
  local fields = {'status', 'scheduled', 'created_at', rq_time(seconds, micros)}
  for name, value in pairs(change.job) do
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  for name, value in pairs(texts) do
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  redis.call('DEL', job_key(id))
  redis.call('HSET', job_key(id), unpack(fields))
  redis.call('ZADD', scheduled_key(change.queue), due, id)
  redis.call('SADD', names.rq .. ':queues', queue_key(change.queue))
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
  if not take_pending(change) then write_pending(change, id, due, texts) end
  set_cursor(change, change.tick, id)
end

local function reset_pending(change)
  local in_flight = drop_pending(change)
  local cursor = math.max(change.tick or 0, order.cursor_time)
  if in_flight and change.pending == change.id then return set_cursor(change, cursor, change.id) end
  -- The very tick may have fired while the apply was staged: then it is a run, and the scheduler finds the next tick.
  local fired = tick_of(change.id) <= (change.tick or -1) or redis.call('HEXISTS', ours('active'), change.id) == 1
  if fired then return set_cursor(change, cursor, nil) end
  write_pending(change, change.id, change.due, {description = change.description, meta = change.meta})
  set_cursor(change, cursor, change.id)
end

local function put_schedule(change)
  redis.call('HSET', ours('schedules'), change.name, change.record)
  redis.call('HSET', ours('specs'), change.run, redis.call('HGET', stage_key, 'spec ' .. change.run))
  redis.call('PERSIST', ours('outcomes:' .. change.name))
  if change.timing == 'keep' and change.tick then
    keep_pending(change)
  elseif change.timing == 'none' then
    drop_pending(change)
    set_cursor(change, math.max(change.tick or 0, order.cursor_time), nil)
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

local deaf = {}
for _, change in ipairs(changes) do
  if change.runs then
    local reason = change.record and 'its schedule was changed' or 'its schedule was deleted'
    for _, id in ipairs(cancel_runs(change.cancel, change.runs, reason, seconds)) do deaf[#deaf + 1] = id end
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
return {'applied', tostring(generation), tostring(seconds), cjson.encode(deaf)}
