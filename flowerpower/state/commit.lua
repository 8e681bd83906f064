-- Make Redis match git in one step, or change nothing.
-- ARGV[2] is JSON: {apply_id, generation, chunks, staged, call, head = {field = value}, summary, changed, cursor_time,
-- may_stop, rollback_of}; `staged` is the number of fields that the stage hash must have, `call` how each job's data
-- begins. The stage hash holds under 1, 2, ... JSON lists of changes, under `texts 1`, `texts 2`, ... their records and
-- run specs, one behind the other, under `shapes` what many changes have in common, and the inverse.
-- See flowerpower/staging.py.
local order = cjson.decode(ARGV[2])
local stage_key = ours('stage:' .. order.apply_id)
local seconds, micros = now()
local SCHEDULES, PIPELINES, CURSORS = ours('schedules'), ours('pipelines'), ours('cursors')
local SPECS, HOLDS, FORGOTTEN, ACTIVE = ours('specs'), ours('holds'), ours('forgotten'), ours('active')
local RENAMED, RENAMED_SECONDS = ours('renamed'), 30 * 86400
local MESSAGES = ours('messages') -- how schedules fare that somebody wants to hear of

local function conflict(kind, detail) return {'conflict', kind, cjson.encode(detail or {})} end

-- 1. Read and check everything; nothing is written before all of it holds, but to the stage, which expires.
local bad = wrong_type(our_types())
if bad then return conflict('type', {bad}) end
for _, key in ipairs({ours('inverses'), RENAMED}) do
  if not has_type(key, 'hash') then return conflict('type', {key}) end
end

local generation = tonumber(redis.call('HGET', ours('head'), 'generation') or '0')
if not generation or generation ~= order.generation then return conflict('generation', {tostring(generation)}) end

local known_queues, is_known = our_queues(), {}
for _, queue in ipairs(known_queues) do
  is_known[queue] = true
  if not has_type(scheduled_key(queue), 'zset') then return conflict('type', {scheduled_key(queue)}) end
end

-- The changes of one chunk, each with its shape behind it; nothing if anything is missing.
local function read_chunk(number, shapes)
  local items, size = read_json(redis.call('HGET', stage_key, number)), 0
  for _, change in ipairs(items or {}) do
    if not shapes[change.shape] then return nil end
    setmetatable(change, shapes[change.shape])
    size = size + (change.record_size or 0) + (change.spec_size or 0)
  end
  return redis.call('HSTRLEN', stage_key, 'texts ' .. number) == size and items
end

local chunks, shapes = {}, {}
if order.chunks > 0 then
  if redis.call('HLEN', stage_key) ~= order.staged then return conflict('stage', {}) end
  for number, shape in ipairs(read_json(redis.call('HGET', stage_key, 'shapes')) or {}) do
    shapes[number] = {__index = shape}
  end
end
for number = 1, order.chunks do
  chunks[number] = read_chunk(number, shapes)
  if not chunks[number] then return conflict('stage', {}) end
end

-- What is not there at all need not be looked for, change by change.
local has_buffers = redis.call('HLEN', ours('buffers')) > 0
local any_active = has_buffers or redis.call('HLEN', ACTIVE) > 0
local has_forgotten = redis.call('HLEN', FORGOTTEN) > 0
local has_renamed = redis.call('EXISTS', RENAMED) == 1
local has_health = has_type(MESSAGES, 'hash') and redis.call('HLEN', MESSAGES) > 1

local stale, lifted, running, moved, checked = {}, {}, {}, {}, {}

-- Names of changed schedules and pipelines as Redis knows them, and the keys that a change may make or overwrite.
local function names_of(chunk)
  local names_by_kind, keys = {schedule = {}, pipeline = {}}, {}
  for _, change in ipairs(chunk) do
    change.live = change.previous or change.name
    local list = names_by_kind[change.kind]
    list[#list + 1] = change.live
    if change.kind == 'schedule' then
      keys[#keys + 1] = ours('outcomes:' .. change.name)
      if change.previous then keys[#keys + 1] = ours('outcomes:' .. change.live) end
      if change.id then keys[#keys + 1] = job_key(change.id) end
      if change.following then keys[#keys + 1] = job_key(change.following.id) end
    end
  end
  return names_by_kind, keys
end

local function is_registry(queue)
  if not queue then return true end
  if checked[queue] == nil then checked[queue] = has_type(scheduled_key(queue), 'zset') end
  return checked[queue]
end

-- Returns the key that is not ours to touch, if there is one.
local function wrong_key(change)
  if not is_registry(change.live_queue) then return scheduled_key(change.live_queue) end
  if not is_registry(change.queue) then return scheduled_key(change.queue) end
  if not is_registry(change.old_queue) then return scheduled_key(change.old_queue) end
  if not change.has_keys then return nil end
  for _, id in ipairs({change.id, change.following and change.following.id}) do
    if not has_type(job_key(id), 'hash') then return job_key(id) end
  end
  for _, name in ipairs({change.name, change.live}) do
    if not has_type(ours('outcomes:' .. name), 'zset') then return ours('outcomes:' .. name) end
  end
end

-- The ticks that passed were counted since some cursor, and the newest of them named (see record_passed). Where more have
-- fired since than are named, nobody knows how many are left.
local function is_told(since, passed)
  if not passed or not since or passed[1] == since then return true end
  local newest = passed[5] or {}
  return #newest == passed[4] or (newest[1] ~= nil and newest[1] <= since)
end

-- Look at what is live of a schedule. Returns a conflict, if there is one.
local function check_schedule(change, cursor, hold)
  local tick, _, pending = read_cursor(cursor, change.live)
  if cursor and not tick then -- what starts from now needs none
    if change.timing == 'keep' then return conflict('cursor', {change.live}) end
    cursor, pending = nil, nil
  end
  change.tick, change.pending, change.hold = tick, pending ~= '-' and pending or nil, hold
  if hold then change.timing = 'none' end
  if change.was_held and not hold then lifted[#lifted + 1] = change.name end
  if change.pending then
    local job = redis.pcall('HMGET', job_key(change.pending), 'origin', 'status')
    if job.err then return conflict('type', {job_key(change.pending)}) end
    change.live_queue, change.status = job[1] or nil, job[2] or nil
  end
  local told = is_told(tick, change.passed) and is_told(tick_of(change.pending), change.behind)
  if not told and change.timing ~= 'keep' then moved[#moved + 1] = change.live end
  local wrong = wrong_key(change)
  if wrong then return conflict('type', {wrong}) end
  if change.cancel then
    local runs, key = runs_in_flight(runs_by_name()[change.cancel] or {})
    if not runs then return conflict('type', {key}) end
    if has_running(runs) then running[#running + 1] = change.cancel end
    change.runs = runs
  end
end

local lost_holds = {} -- the holds that go with their schedules: a rollback brings them back
local taken_back = {} -- schedules that had been forgotten: a rollback says that they had
for _, chunk in ipairs(chunks) do
  local names_by_kind, keys = names_of(chunk)
  local records = {schedule = fetch(SCHEDULES, names_by_kind.schedule),
    pipeline = fetch(PIPELINES, names_by_kind.pipeline)}
  local cursors, holds = fetch(CURSORS, names_by_kind.schedule), fetch(HOLDS, names_by_kind.schedule)
  local has_keys = any_exists(keys)
  for _, change in ipairs(chunk) do
    local raw = records[change.kind][change.live]
    local taken = change.previous and redis.call('HEXISTS', SCHEDULES, change.name) == 1
    local left = has_forgotten and change.kind == 'schedule' and not change.adopts
      and redis.call('HEXISTS', FORGOTTEN, change.live) == 1
    if (raw and redis.sha1hex(raw) or '') ~= change.seal or taken or left then
      stale[#stale + 1] = change.kind .. '.' .. change.name
    end
    change.has_keys = has_keys
    if change.kind == 'schedule' then
      local found = check_schedule(change, cursors[change.live], holds[change.live])
      if found then return found end
      if not change.writes then lost_holds[change.name] = change.hold end
      local is_forgotten = has_forgotten and change.adopts and redis.call('HEXISTS', FORGOTTEN, change.live) == 1
      if is_forgotten then taken_back[#taken_back + 1] = change.live end
    end
  end
  if #stale == 0 then keep_before(stage_key, chunk, records) end
end
if #stale > 0 then return conflict('revision', stale) end
if #lifted > 0 then return conflict('hold', lifted) end
if #running > 0 and not order.may_stop then return conflict('running', running) end
if #moved > 0 then return conflict('moved', moved) end

-- 2. Write.
-- All of our queues: it may have been put into another one behind our back.
local function known(queue) return not queue or queue == '' or is_known[queue] end
local function queues_around(change)
  if known(change.live_queue) and known(change.old_queue) and known(change.queue) then return known_queues end
  local queues = {}
  for index, queue in ipairs(known_queues) do queues[index] = queue end
  for _, queue in ipairs({change.live_queue or '', change.old_queue or '', change.queue or ''}) do
    if queue ~= '' and not is_known[queue] then queues[#queues + 1] = queue end
  end
  return queues
end

-- Ticks that never fired are not lost silently: the plan has counted those that passed since the cursor
-- (passed = {cursor, first, last, count, the newest of them}); if the schedule has fired since, those after its cursor.
local recorded = {}  -- names of schedules
local function passed_since(tick, passed)
  if passed[1] == tick then return {passed[2], passed[3], passed[4]} end
  local left = {}
  for _, one in ipairs(passed[5] or {}) do
    if one > tick then left[#left + 1] = one end
  end
  return #left > 0 and {left[1], left[#left], #left}
end

local function record_passed(change, until_when, in_flight)
  local tick, passed = tick_of(change.pending), in_flight and change.behind or change.passed
  local since = in_flight and tick or change.tick
  local range = passed and since and passed_since(since, passed)
  if not range and not in_flight and tick and tick <= until_when then range = {tick, tick, 1} end
  if not range then return end
  recorded[change.name] = true
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

-- The call that the jobs of a schedule are, as RQ's JSON serializer writes it.
local function data_of(change)
  return change.data or order.call .. change.name .. '", "' .. change.run .. '"], {}]'
end

-- Ticks that wait go on waiting and run as the spec says now, as many as there is room for; where runs may be active
-- together (`overlap: allow`) nothing waits.
local function keep_buffer(change)
  local buffer = has_buffers and read_buffer(change.name)
  if not buffer then return end
  if change.room > 0 then
    local job = {'data', data_of(change)}
    for index, word in ipairs(change.job) do job[index + 2] = word end
    buffer.queue, buffer.digest, buffer.meta, buffer.job = change.queue, change.run, change.meta, job
    buffer.together, buffer.paused = change.together, change.paused
  end
  trim(change.name, buffer, change.room, 'skipped', 'its overlap was changed', 'apply', seconds)
  write_buffer(change.name, buffer)
  flush()
  release(change.name, seconds, micros, order.head.commit)
end

-- The end of a run finds who waits for its schedule by the name that this has now.
local function rename_awaited(old, new)
  local awaited, from = ours('awaited'), '[' .. old .. '--'
  if not has_type(awaited, 'zset') then return end
  for _, member in ipairs(redis.call('ZRANGEBYLEX', awaited, from, from .. '\255')) do
    redis.call('ZREM', awaited, member)
    redis.call('ZADD', awaited, 0, new .. string.sub(member, #old + 1))
  end
end

-- A backfill goes on under the new name: what it handed out counts there, and whether it was called off is said there.
local function rename_backfills(old, new)
  local from, to = ours('handed:' .. old), ours('handed:' .. new)
  if redis.call('EXISTS', from) == 1 and has_type(from, 'set') and has_type(to, 'set') then
    redis.call('SUNIONSTORE', to, to, from)
    redis.call('EXPIRE', to, 7 * 86400)
    redis.call('DEL', from)
  end
  from, to = ours('called_off:' .. old), ours('called_off:' .. new)
  redis.call('DEL', to)
  if redis.call('EXISTS', from) == 1 then redis.call('RENAME', from, to) end
end

-- Another schedule may have had the name until it was deleted: its past is not this one's, and is kept apart until the
-- name is given back. Runs by hand of a pipeline of that name are the pipeline's.
local PAST = {'outcomes:', 'older:'}
local function put_past_away(name)
  for _, kind in ipairs(PAST) do
    local key, away = ours(kind .. name), ours('former:' .. kind .. name)
    if redis.call('HEXISTS', PIPELINES, name) == 0 then
      redis.call('DEL', away)
      if redis.call('EXISTS', key) == 1 then
        redis.call('RENAME', key, away)
        redis.call('EXPIRE', away, RENAMED_SECONDS)
      end
    elseif has_type(key, 'zset') then
      for _, raw in ipairs(redis.call('ZRANGE', key, 0, -1)) do
        if may_tell_of(raw, 'tick') then redis.call('ZREM', key, raw) end
      end
    end
  end
end

local function rename_past(old, new)
  put_past_away(new)
  for _, kind in ipairs(PAST) do
    local from, to = ours(kind .. old), ours(kind .. new)
    if redis.call('EXISTS', to) == 0 then
      if redis.call('EXISTS', from) == 1 then redis.call('RENAME', from, to) end
    elseif has_type(from, 'zset') and has_type(to, 'zset') then
      redis.call('ZUNIONSTORE', to, 2, to, from, 'AGGREGATE', 'MAX')
      redis.call('EXPIRE', to, OLDER_SECONDS) -- of `older`: the other one is kept as long as its schedule is
      redis.call('DEL', from)
    end
    local away = ours('former:' .. kind .. old)
    if redis.call('EXISTS', away) == 1 and redis.call('EXISTS', from) == 0 and has_type(away, 'zset') then
      redis.call('RENAME', away, from)
    end
  end
end

-- The runs of a schedule that had the name until it was deleted stand in nobody's way, nor in the place of those that get
-- the name now.
local function set_aside(name)
  for _, id in ipairs(runs_by_name()[name] or {}) do
    local entry = read_active(id)
    if entry then
      entry.alone = true
      clear_active(id, name, string.match(id, '%-%-(%w+)$'))
      set_active(id, name, '', entry)
    end
  end
end

-- A renamed schedule takes along what it has been: cursor, hold, outcomes, active runs; these keep their ids. Runs that
-- come after it may know its old name only.
local function take_name(change)
  local old, new = change.previous, change.name
  flush()
  redis.call('HSET', RENAMED, old, new)
  redis.call('EXPIRE', RENAMED, RENAMED_SECONDS)
  redis.call('HDEL', SCHEDULES, old)
  redis.call('HDEL', CURSORS, old)
  local hold = redis.call('HGET', HOLDS, old)
  if hold then
    redis.call('HDEL', HOLDS, old)
    redis.call('HSET', HOLDS, new, hold)
  end
  rename_buffer(old, new)
  rename_awaited(old, new)
  rename_backfills(old, new)
  local health = has_health and redis.call('HGET', MESSAGES, 'health:' .. old)
  if health then
    redis.call('HDEL', MESSAGES, 'health:' .. old)
    redis.call('HSET', MESSAGES, 'health:' .. new, health)
  end
  rename_past(old, new)
  set_aside(new)
  for _, id in ipairs(runs_by_name()[old] or {}) do
    local entry, run = read_active(id), string.match(id, '%-%-(%w+)$')
    if entry then -- else it was cancelled above
      clear_active(id, old, run)
      entry.name = new
      set_active(id, new, run, entry)
    end
  end
  for _, id in ipairs(handed_by_name()[old] or {}) do
    local entry = read_active(id)
    entry.name = new
    redis.call('HSET', ACTIVE, id, cjson.encode(entry))
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

-- Take the pending job out of the registries, but for the queue that it is put into again; true when it is a run by now.
local function take(change, id, kept_in)
  if change.previous or change.status == 'queued' or change.status == 'started' then
    return take_pending(id, queues_around(change))
  end
  for _, queue in ipairs(queues_around(change)) do
    if queue ~= kept_in then later('ZREM', scheduled_key(queue), id) end
  end
  if not kept_in then later('DEL', job_key(id)) end
  return false
end

-- A stock scheduler has made a run of the pending occurrence; its schedule goes on without it.
local function part_with_run(change, id)
  local name, queue = change.name, change.live_queue or change.queue
  if change.writes then
    any_active = true
    adopt_moved(id, name, queue, change.together or runs_together(name), seconds)
  else
    call_back(id)
    record_dropped(name, {{tick_of(id), id = id}}, 'cancelled', 'its schedule was deleted', 'apply', seconds)
    recorded[name] = true
  end
end

-- Remove the pending occurrence for good; true when it is a run by now, and goes on being what the schedule waits for. A
-- tick after `until_when` is not passed over.
local function drop_pending(change, until_when)
  local id = change.pending
  if id and id == change.id then return take_pending(id, queues_around(change)) end
  local in_flight = id and take(change, id)
  if in_flight then part_with_run(change, id) end
  record_passed(change, until_when, in_flight)
  return in_flight
end

local moment = rq_time(seconds, micros)
local told = {}  -- queues that RQ knows of
local function wait_for(change, id, due, texts)
  local key = job_key(id)
  if change.pending or change.has_keys then redis.call('DEL', key) end
  redis.call('HSET', key, 'status', 'scheduled', 'created_at', moment, 'data', data_of(change),
    'description', texts.description, 'meta', texts.meta, unpack(change.job))
  later('ZADD', scheduled_key(change.queue), due, id)
  if not told[change.queue] then redis.call('SADD', names.rq .. ':queues', queue_key(change.queue)) end
  told[change.queue] = true
end

local function texts_of(change, occurrence)
  return {description = occurrence.description or change.name,
    meta = change.meta .. ', "tick": "' .. (occurrence.local_time or '') .. '", "commit": ""}'}
end

local function set_cursor(change, tick, pending)
  later('HSET', CURSORS, change.name, string.format('%d %d %s', tick, order.generation + 1, pending or '-'))
end

-- The occurrence of this tick is a run by now: the one after it waits, whether or not a scheduler is there to make it.
local function wait_for_following(change, tick)
  local following = change.following
  if not following or following.after ~= tick then return set_cursor(change, tick, nil) end
  flush() -- it may have waited already, as what the schedule was before waits for
  wait_for(change, following.id, following.due, texts_of(change, following))
  set_cursor(change, tick, following.id)
end

-- A stock scheduler has moved the pending occurrence of a schedule that gets another name now: it is a run of that one.
local function adopt_run(change, id)
  part_with_run(change, id)
  wait_for_following(change, math.max(change.tick, tick_of(id)))
end

-- The tick stays as it is, also when it fired since the plan was made: the cursor is carried on.
local function keep_pending(change)
  local id = change.pending
  if not id then return set_cursor(change, change.tick, nil) end
  local due, texts = change.due, texts_of(change, change)
  if id ~= change.id then
    local old = redis.call('HMGET', job_key(id), 'description', 'meta')
    local score = redis.call('ZSCORE', scheduled_key(change.live_queue or change.queue), id)
    texts = {description = old[1] or texts.description, meta = old[2] or texts.meta}
    due = score or change.due
  end
  local in_flight = take(change, id, change.queue)
  if change.previous and in_flight then return adopt_run(change, id) end
  if change.previous then id, texts = rename_pending(change, id, texts) end
  if id == change.id then due = change.due end -- jitter is another under another name
  if not in_flight then wait_for(change, id, due, texts) end
  set_cursor(change, change.tick, id)
end

local function reset_pending(change)
  local cursor = math.max(change.tick or 0, order.cursor_time)
  local in_flight = drop_pending(change, cursor)
  if in_flight then cursor = math.max(cursor, tick_of(change.pending) or 0) end
  if in_flight and change.pending == change.id then return set_cursor(change, cursor, change.id) end
  -- The very tick may have fired while the apply was staged: then it is a run.
  local fired = tick_of(change.id) <= (change.tick or -1) or (any_active and redis.call('HEXISTS', ACTIVE, change.id) == 1)
  if fired then return wait_for_following(change, cursor) end
  wait_for(change, change.id, change.due, texts_of(change, change))
  set_cursor(change, cursor, change.id)
end

-- The ticks of a hold or a pause that goes on are recorded when it ends, as one range: its cursor stays.
local function rest(change)
  if change.still and change.tick and (change.hold or change.was_paused) then
    local in_flight = change.pending and take(change, change.pending)
    if in_flight then part_with_run(change, change.pending) end
    return set_cursor(change, math.max(change.tick, in_flight and tick_of(change.pending) or 0), nil)
  end
  local cursor = math.max(change.tick or 0, order.cursor_time)
  drop_pending(change, cursor)
  set_cursor(change, cursor, nil)
end

local function put_schedule(change)
  if change.previous then take_name(change) end
  if has_forgotten then later('HDEL', FORGOTTEN, change.name, change.live) end
  if has_renamed then later('HDEL', RENAMED, change.name) end
  later('HSET', SCHEDULES, change.name, change.record)
  later('HSET', SPECS, change.run, change.spec)
  if change.signature then later('HSET', ours('signatures'), change.run, change.signature) end
  if change.has_keys or change.previous then redis.call('PERSIST', ours('outcomes:' .. change.name)) end
  if change.returning_hold then redis.call('HSETNX', HOLDS, change.name, change.returning_hold) end
  if change.timing == 'keep' and change.tick then
    keep_pending(change)
  elseif change.timing == 'none' then
    rest(change)
  else
    reset_pending(change)
  end
  keep_buffer(change)
end

-- How runs ended is kept by name, which a schedule and a pipeline may share: as long as one of them is live, and a month.
local ended = {}
local function let_outcomes_expire()
  for _, name in ipairs(ended) do
    if redis.call('HEXISTS', SCHEDULES, name) + redis.call('HEXISTS', PIPELINES, name) == 0 then
      redis.call('EXPIRE', ours('outcomes:' .. name), 30 * 86400)
    end
  end
end

local function delete_schedule(change)
  drop_pending(change, seconds)
  local dropped = has_buffers and drop_buffer(change.name, 'its schedule was deleted', seconds)
  later('HDEL', SCHEDULES, change.name)
  later('HDEL', CURSORS, change.name)
  if change.hold then later('HDEL', HOLDS, change.name) end
  if has_health then later('HDEL', MESSAGES, 'health:' .. change.name) end
  if has_forgotten then later('HDEL', FORGOTTEN, change.name) end
  if change.has_keys or change.runs or dropped or recorded[change.name] then ended[#ended + 1] = change.name end
end

local function write_pipeline(change)
  later(change.writes and 'HSET' or 'HDEL', PIPELINES, change.name, change.record)
  if not change.writes then
    ended[#ended + 1] = change.name
  elseif change.seal == '' then
    redis.call('PERSIST', ours('outcomes:' .. change.name))
  end
end

local deaf = {}
local function write(change)
  if change.runs then
    local reason = change.writes and 'its schedule was changed' or 'its schedule was deleted'
    drop_buffer(change.cancel, reason, seconds)
    for _, id in ipairs(cancel_runs(change.cancel, change.runs, reason, 'apply', seconds)) do deaf[#deaf + 1] = id end
  end
  if change.kind == 'pipeline' then
    write_pipeline(change)
  elseif not change.writes then
    delete_schedule(change)
  else
    put_schedule(change)
  end
end

for number, chunk in ipairs(chunks) do
  local texts, at = redis.call('HGET', stage_key, 'texts ' .. number), 1
  local function cut(size)
    at = at + size
    return string.sub(texts, at - size, at - 1)
  end
  for index, change in ipairs(chunk) do
    if change.record_size then change.record = cut(change.record_size) end
    if change.spec_size then change.spec = cut(change.spec_size) end
    write(change)
    chunk[index] = false
  end
end
flush()
empty_lists()
let_outcomes_expire()

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
  if #taken_back > 0 then
    entry[#entry + 1] = 'taken_back'
    entry[#entry + 1] = cjson.encode(taken_back)
  end
  keep_inverse(stage_key, redis.call('XADD', ours('history'), 'MAXLEN', '~', 200, '*', unpack(entry)))
end
-- The head was lost, and nothing else: schedules that fire were applied at least once.
if generation == 0 and redis.call('HLEN', SCHEDULES) > 0 then generation = 1 end
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
