-- What the scripts have in common: key names, checks before the first write, records of what happened.
-- ARGV[1] is JSON: {ns = prefix of our keys, rq = prefix of RQ's keys, queues = prefix of our queues}.
local names = cjson.decode(ARGV[1])

local function ours(name) return names.ns .. name end
local function job_key(id) return names.rq .. ':job:' .. id end
local function scheduled_key(queue) return names.rq .. ':scheduled:' .. queue end
local function queue_key(queue) return names.rq .. ':queue:' .. queue end

-- A script error is not rolled back, so every key is checked before the first write.
local function has_type(key, wanted)
  local found = redis.call('TYPE', key).ok
  return found == 'none' or found == wanted
end

local function wrong_type(keys)
  for key, wanted in pairs(keys) do
    if not has_type(key, wanted) then return key end
  end
end

local function our_types()
  return {
    [ours('head')] = 'hash', [ours('schedules')] = 'hash', [ours('pipelines')] = 'hash',
    [ours('cursors')] = 'hash', [ours('active')] = 'hash', [ours('active_index')] = 'zset',
    [ours('holds')] = 'hash', [ours('buffers')] = 'hash', [ours('forgotten')] = 'hash', [ours('specs')] = 'hash',
    [ours('signatures')] = 'hash',
    [ours('runs')] = 'stream', [ours('heals')] = 'stream', [ours('history')] = 'stream', [names.rq .. ':queues'] = 'set',
  }
end

-- Our queues in RQ's own set of them, by name.
local function our_queues()
  local start, found = queue_key(names.queues), {}
  for _, key in ipairs(redis.call('SMEMBERS', names.rq .. ':queues')) do
    if string.sub(key, 1, #start) == start then found[#found + 1] = string.sub(key, #queue_key('') + 1) end
  end
  return found
end

local LAST_MOMENT = 253370764800  -- as keys.py has it

-- Whether a job's id is that of an occurrence of a schedule.
local function is_of(id, name)
  local start = names.queues .. name .. '--'
  return string.sub(id, 1, #start) == start and string.find(id, '^%d+$', #start + 1) ~= nil
end

-- Returns tick, revision, pending id of a schedule ('-' for none, and for what is no occurrence of it: that is not its to
-- touch); nothing if there is no readable cursor.
local function read_cursor(raw, name)
  if not raw then return nil end
  local tick, revision, pending = string.match(raw, '^(%d+) (%d+) (%S+)$')
  tick, revision = tonumber(tick), tonumber(revision)
  if not tick or tick > LAST_MOMENT or revision > LAST_MOMENT then return nil end
  return tick, revision, is_of(pending, name) and pending or '-'
end

local function tick_of(id) return id and tonumber(string.match(id, '%-%-(%d+)$')) end

local function read_json(raw)
  if not raw then return nil end
  local read, value = pcall(cjson.decode, raw)
  if read and type(value) == 'table' then return value end
end

local function text_of(value, otherwise) return type(value) == 'string' and value or otherwise end

-- What the outcome of ticks under a hold says; a hold that cannot be read still holds.
local function held_reason(raw)
  local hold = read_json(raw) or {}
  return 'held by ' .. text_of(hold.who, 'unknown') .. ': ' .. text_of(hold.why, 'the hold\'s record is damaged')
end

-- RQ writes times as 2026-11-22T01:00:00.000000Z.
local function rq_time(seconds, micros)
  local days = math.floor(seconds / 86400)
  local rest = seconds - days * 86400
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local day = doy - math.floor((153 * mp + 2) / 5) + 1
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%06dZ', year, month, day,
    math.floor(rest / 3600), math.floor(rest % 3600 / 60), rest % 60, micros)
end

local OUTCOMES_KEPT = 1000
local OLDER_KEPT = 10000
local OLDER_SECONDS = 90 * 86400

local function is_by_hand(run) return type(run) == 'string' and string.find(run, '%-%-m%w+$') ~= nil end

-- What an outcome is about: the tick itself, or a run by hand that happened to be asked for in that second.
local function subject(outcome) return is_by_hand(outcome.run) and outcome.run or 'tick' end

-- Whether a text may tell of a run: of thousands that were asked for in one second few are to be read. A / is escaped in
-- them, and is none in the end of an id.
local function may_name(raw, run) return string.find(raw, string.match(run, '%-%-%w+$') or run, 1, true) ~= nil end

local function may_tell_of(raw, about)
  if about == 'tick' then return not string.find(raw, '"run":"[^"]*%-%-m%w+"') end
  return may_name(raw, about)
end

-- A tick of long ago that ran late (a backfill's) would be the first to fall out, so its outcome lies apart.
local function keep_older(schedule, outcome, text)
  local key = ours('older:' .. schedule)
  if not has_type(key, 'zset') then return end
  if outcome.first == outcome.last then redis.call('ZREMRANGEBYSCORE', key, outcome.last, outcome.last) end
  redis.call('ZADD', key, outcome.last, text)
  redis.call('ZREMRANGEBYRANK', key, 0, -OLDER_KEPT - 1)
  redis.call('EXPIRE', key, OLDER_SECONDS)
end

-- Counted for good, for those who watch from outside; where it cannot be counted, nothing else is held up.
local TOOK = {'0.1', '0.5', '1', '5', '10', '30', '60', '300', '600', '1800', '3600'}  -- seconds
local function count_outcome(outcome)
  local key, seconds = ours('totals'), tonumber(outcome.duration)
  redis.pcall('HINCRBY', key, outcome.status, string.format('%d', tonumber(outcome.count) or 1))
  if not seconds or (outcome.status ~= 'succeeded' and outcome.status ~= 'failed') then return end
  local bound = 'more'
  for _, limit in ipairs(TOOK) do
    if seconds <= tonumber(limit) then bound = limit break end
  end
  redis.pcall('HINCRBY', key, 'took:' .. bound, 1)
  redis.pcall('HINCRBY', key, 'took_ms', string.format('%d', seconds * 1000 + 0.5))
end

-- One outcome of one tick, or of a range of ticks; a newer outcome of the same tick takes its place, and one of the same
-- run by hand, unless it has never ended before: there may be thousands of others to look through.
local function record_outcome(schedule, outcome, is_first)
  local key = ours('outcomes:' .. schedule)
  local about = subject(outcome)
  if outcome.first == outcome.last and not (is_first and about ~= 'tick') then
    for _, raw in ipairs(redis.call('ZRANGEBYSCORE', key, outcome.last, outcome.last)) do
      local old = may_tell_of(raw, about) and (read_json(raw) or {first = outcome.last, last = outcome.last})
      if old and old.first == old.last and subject(old) == about then redis.call('ZREM', key, raw) end
    end
  end
  local text = cjson.encode(outcome)
  redis.call('ZADD', key, outcome.last, text)
  redis.call('ZREMRANGEBYRANK', key, 0, -OUTCOMES_KEPT - 1)
  if not redis.call('ZSCORE', key, text) then keep_older(schedule, outcome, text) end
  count_outcome(outcome)
end

local function flat(event)
  local fields = {}
  for name, value in pairs(event) do
    fields[#fields + 1] = name
    fields[#fields + 1] = tostring(value)
  end
  return fields
end

-- What was mended is kept apart: among the runs of a busy hour nobody would find it.
local HEALS_KEPT = 200
local HEALS = {healed = true, removed = true, redelivered = true}
local function record_heal(event)
  redis.call('XADD', ours('heals'), 'MAXLEN', '~', HEALS_KEPT, '*', unpack(flat(event)))
end

local function record_event(event)
  redis.call('XADD', ours('runs'), 'MAXLEN', '~', 10000, '*', unpack(flat(event)))
  if HEALS[event.event] then record_heal(event) end
end

-- An attempt whose worker went away, and that is to be tried again. What it ran stands in `lost`: there is somebody to be
-- told of its end, which it could not tell itself.
local WORKER_GONE = 'its worker was gone before it was done: it was killed, or its machine died'
local function record_lost(id, schedule, entry, reason)
  record_event({event = 'attempt_failed', schedule = schedule, tick = entry.tick or 0, attempt = entry.attempt,
    reason = reason, job = id, commit = entry.commit or '', lost = text_of(entry.digest)})
  record_heal({event = 'lost', schedule = schedule, tick = entry.tick or 0, job = id, reason = reason})
end

-- One event for each of these schedules ({name, ...}), or one for all: thousands would push the history of runs out.
local EVENTS_APART = 100
local function record_many(event, schedules, fields)
  fields.event = event
  if #schedules > EVENTS_APART then
    fields.count = #schedules
    record_event(fields)
    return
  end
  for _, schedule in ipairs(schedules) do
    fields.schedule = schedule[1]
    record_event(fields)
  end
end

-- The outcome of a range {first, last, count} of ticks that never ran, and, unless quiet, the event that tells of it.
local function record_range(schedule, range, status, reason, at, quiet)
  record_outcome(schedule,
    {first = range[1], last = range[2], count = range[3], status = status, reason = reason, at = at})
  if quiet then return end
  record_event({event = status, schedule = schedule, tick = range[2], count = range[3], reason = reason})
end

-- Remove a pending occurrence from the registries of these queues. A stock scheduler may have moved it to its queue: then
-- it is a run, runs are kept, and the answer is true.
local function take_pending(id, queues)
  local waited = 0
  for _, queue in ipairs(queues) do waited = waited + redis.call('ZREM', scheduled_key(queue), id) end
  local status = redis.call('HGET', job_key(id), 'status')
  if waited == 0 and (status == 'queued' or status == 'started') then return true end
  redis.call('DEL', job_key(id))
  return false
end

-- Let a job wait as RQ's own enqueue_at does; `fields` are tables of the fields of its hash.
local function write_pending(queue, id, due, moment, fields)
  local values = {'status', 'scheduled', 'created_at', moment}
  for _, part in ipairs(fields) do
    for name, value in pairs(part) do
      values[#values + 1] = name
      values[#values + 1] = value
    end
  end
  redis.call('DEL', job_key(id))
  redis.call('HSET', job_key(id), unpack(values))
  redis.call('ZADD', scheduled_key(queue), due, id)
  redis.call('SADD', names.rq .. ':queues', queue_key(queue))
end

-- An active run: from its push to its final outcome, waiting retries included. A run of a pipeline alone stands in no
-- schedule's way, also where the two share a name.
local function index_of(schedule, run) return schedule .. '--' .. run end

local function set_active(id, schedule, run, entry)
  redis.call('HSET', ours('active'), id, cjson.encode(entry))
  if not entry.alone then redis.call('ZADD', ours('active_index'), 0, index_of(schedule, run)) end
end

local function read_active(id) return read_json(redis.call('HGET', ours('active'), id)) end

local function clear_active(id, schedule, run)
  local entry = read_active(id)
  redis.call('HDEL', ours('active'), id)
  if not (entry and entry.alone) then redis.call('ZREM', ours('active_index'), index_of(schedule, run)) end
end

-- The name that the schedule of an active run has now: it may be another than when the run was made.
local function name_of(entry, otherwise)
  return type(entry.name) == 'string' and entry.name or otherwise
end

-- The entry and the id of a run that has this place in the index, whatever name its schedule had when it was made: that
-- name may be another's by now, whose run has its id.
local made_before  -- ids by place, looked up once, and only where a run has another name than its id
local function indexed_run(schedule, place)
  local id = names.queues .. place
  local entry = read_active(id)
  if entry and name_of(entry, schedule) == schedule then return entry, id end
  if not made_before then
    made_before = {}
    for _, other in ipairs(redis.call('HKEYS', ours('active'))) do
      local found, run = read_active(other), string.match(other, '%-%-(%w+)$')
      if found and run and not found.alone then made_before[index_of(name_of(found, ''), run)] = other end
    end
  end
  id = made_before[place]
  entry = id and read_active(id)
  if entry then return entry, id end
end

-- Who told an active run to stop: an apply, or a newer tick of a schedule with `overlap: cancel_other`.
local function canceller(entry) return text_of(entry.cancelled_by, 'apply') end

local function has_active(schedule)
  local from = '[' .. schedule .. '--'
  return redis.call('ZLEXCOUNT', ours('active_index'), from, from .. '\255') > 0
end

-- Hand a job to the workers exactly as RQ does.
local function push(queue, id, fields, seconds, micros)
  local values = {'status', 'queued', 'origin', queue, 'enqueued_at', rq_time(seconds, micros)}
  for name, value in pairs(fields) do
    values[#values + 1] = name
    values[#values + 1] = value
  end
  redis.call('HSET', job_key(id), unpack(values))
  redis.call('SADD', names.rq .. ':queues', queue_key(queue))
  redis.call('RPUSH', queue_key(queue), id)
end
