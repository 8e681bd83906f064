-- Part of commit.lua and fire.lua: runs in flight of a schedule that an apply cancels (`on_inflight: cancel`) or a newer
-- tick (`overlap: cancel_other`). They are found and their keys checked before the first write; then those that wait are
-- removed, and those that run told to stop.

-- Ids of active runs by the name of their schedule now; looked up once, when they are needed. It may have been
-- another when the run was made, so the id does not tell. Those of past ticks that were handed out lie apart.
local runs_found, handed_found
local function look_at_runs()
  if runs_found then return end
  runs_found, handed_found = {}, {}
  for _, id in ipairs(redis.call('HKEYS', ours('active'))) do
    local entry, run = read_active(id), string.match(id, '%-%-(%w+)$')
    local found = entry and run and (not entry.alone and runs_found or tonumber(run) and handed_found)
    if found then
      local name = name_of(entry, '')
      found[name] = found[name] or {}
      table.insert(found[name], id)
    end
  end
end

local function runs_by_name()
  look_at_runs()
  return runs_found
end

local function handed_by_name()
  look_at_runs()
  return handed_found
end

-- The same for one schedule, without a look at all active runs unless one was made under another name.
local function active_ids(schedule)
  local from, found = '[' .. schedule .. '--', {}
  for _, member in ipairs(redis.call('ZRANGEBYLEX', ours('active_index'), from, from .. '\255')) do
    local _, id = indexed_run(schedule, member)
    found[#found + 1] = id
  end
  return found
end

-- Returns what must be known of active runs to cancel them, or nothing and the key that is not ours to touch.
local function runs_in_flight(ids)
  local found = {}
  for _, id in ipairs(ids) do
    if not has_type(job_key(id), 'hash') then return nil, job_key(id) end
    local status, origin, worker = unpack(redis.call('HMGET', job_key(id), 'status', 'origin', 'worker_name'))
    local entry, queues = read_active(id) or {}, {}
    for _, queue in ipairs({type(entry.queue) == 'string' and entry.queue or '', origin or ''}) do
      local bad = wrong_type({[queue_key(queue)] = 'list', [queue_key(queue) .. ':intermediate'] = 'list',
        [scheduled_key(queue)] = 'zset'})
      if queue ~= '' and bad then return nil, bad end
      if queue ~= '' then queues[#queues + 1] = queue end
    end
    -- One that is started but not claimed yet has run no code of the project: its claim will be refused.
    local runs = status == 'started' and (entry.execution or '') ~= ''
    found[#found + 1] = {id = id, run = string.match(id, '%-%-(%w+)$'), entry = entry, queues = queues,
      worker = runs and (worker or '') or nil}
  end
  return found
end

local function has_running(runs)
  for _, run in ipairs(runs) do
    if run.worker then return true end
  end
  return false
end

-- Ask the worker as RQ's own stop command does; who may not publish cannot, and its run ends by itself.
local function tell_to_stop(schedule, run, reason, by)
  local again = run.entry.cancel
  run.entry.cancel, run.entry.cancelled_by = reason, by
  redis.call('HSET', ours('active'), run.id, cjson.encode(run.entry))
  local told = redis.pcall('PUBLISH', names.rq .. ':pubsub:' .. run.worker,
    cjson.encode({command = 'stop-job', job_id = run.id}))
  local heard = type(told) == 'number' and told > 0
  if not again then
    record_event({event = heard and 'stopping' or 'not stopped', schedule = schedule, tick = run.entry.tick or 0,
      job = run.id, reason = reason})
  end
  return heard
end

local FEW = 20

-- Take runs out of a list of RQ: many of them in one pass, since each LREM walks the whole list.
local function take_out(key, ids)
  if #ids <= FEW then
    for _, id in ipairs(ids) do redis.call('LREM', key, 0, id) end
    return
  end
  local gone, kept = {}, {}
  for _, id in ipairs(ids) do gone[id] = true end
  for _, id in ipairs(redis.call('LRANGE', key, 0, -1)) do
    if not gone[id] then kept[#kept + 1] = id end
  end
  redis.call('DEL', key)
  for start = 1, #kept, 1000 do
    redis.call('RPUSH', key, unpack(kept, start, math.min(start + 999, #kept)))
  end
end

local taken = {}  -- by list, the runs that are to be taken out of it

local function empty_lists()
  for key, ids in pairs(taken) do take_out(key, ids) end
end

local function remove_run(schedule, run, reason, by, seconds)
  for _, queue in ipairs(run.queues) do
    for _, key in ipairs({queue_key(queue), queue_key(queue) .. ':intermediate'}) do
      taken[key] = taken[key] or {}
      table.insert(taken[key], run.id)
    end
    redis.call('ZREM', scheduled_key(queue), run.id)
  end
  redis.call('DEL', job_key(run.id), names.rq .. ':results:' .. run.id)
  clear_active(run.id, schedule, run.run)
  local tick = tonumber(run.entry.tick) or tonumber(run.run) or seconds
  record_outcome(schedule, {first = tick, last = tick, count = 1, status = 'cancelled', reason = reason, run = run.id,
    attempt = run.entry.attempt, duration = '0.000', at = seconds, commit = run.entry.commit or '', by = by})
  record_event({event = 'cancelled', schedule = schedule, tick = tick, reason = reason, job = run.id})
end

-- Returns the runs that should stop but whose worker was not there to hear it.
local function cancel_runs(schedule, runs, reason, by, seconds)
  local deaf = {}
  for _, run in ipairs(runs) do
    if not run.worker then
      remove_run(schedule, run, reason, by, seconds)
    elseif not tell_to_stop(schedule, run, reason, by) then
      deaf[#deaf + 1] = run.id
    end
  end
  return deaf
end
