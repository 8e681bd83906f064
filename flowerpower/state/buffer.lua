-- Part of the scripts that make or end runs: ticks that wait until no run of their schedule is active.
-- The hash `buffers` holds for each schedule JSON: {queue, digest, job = {field, value, ...}, meta = JSON without its end,
-- together, paused, ticks = {{tick, when it was decided, description, local time}, ...}}, the oldest tick first.
-- A tick has no job while it waits. It gets one as the spec in force says, which an apply writes anew.

-- What all jobs that one script writes have in common.
local function stamp_of(seconds, micros, commit)
  commit = commit or redis.call('HGET', ours('head'), 'commit') or ''
  return {seconds = seconds, moment = rq_time(seconds, micros), commit = commit, commit_text = cjson.encode(commit)}
end

local function meta_of(stamp, order, tick_text)
  return order.meta .. ', "tick": "' .. tick_text .. '", "commit": ' .. stamp.commit_text .. '}'
end

-- Write the whole hash of a job, as RQ does, where none is: what waited under that key may not be what was applied.
local function write_new_job(stamp, order, key, status, description, tick_text)
  local named = status == 'queued' and 'enqueued_at' or 'created_at'
  redis.call('HSET', key, 'status', status, 'created_at', stamp.moment, named, stamp.moment,
    'description', description, 'meta', meta_of(stamp, order, tick_text), unpack(order.job))
end

local function write_job(stamp, order, id, status, description, tick_text)
  redis.call('DEL', job_key(id))
  write_new_job(stamp, order, job_key(id), status, description, tick_text)
end

local function activate(stamp, order, name, tick, id, since)
  set_active(id, name, tostring(tick), {name = name, tick = tick, attempt = 0, since = since, commit = stamp.commit,
    queue = order.queue, digest = order.digest})
end

local function start_run(stamp, order, name, tick, id, since, description, tick_text)
  activate(stamp, order, name, tick, id, since)
  write_job(stamp, order, id, 'queued', description, tick_text)
  redis.call('RPUSH', queue_key(order.queue), id)
end

local function is_moment(value)
  return type(value) == 'number' and value >= 0 and value < 1e12 and math.floor(value) == value
end

local function is_sound(buffer)
  if type(buffer.queue) ~= 'string' or string.sub(buffer.queue, 1, #names.queues) ~= names.queues then return false end
  if type(buffer.digest) ~= 'string' or type(buffer.meta) ~= 'string' then return false end
  if type(buffer.job) ~= 'table' or type(buffer.ticks) ~= 'table' then return false end
  if #buffer.job % 2 == 1 or #buffer.job > 100 then return false end
  for _, text in ipairs(buffer.job) do
    if type(text) ~= 'string' then return false end
  end
  for _, item in ipairs(buffer.ticks) do
    if type(item) ~= 'table' or not is_moment(item[1]) or not is_moment(item[2]) then return false end
    if type(item[3]) ~= 'string' or type(item[4]) ~= 'string' then return false end
  end
  return #buffer.ticks > 0
end

-- What waits for a schedule, or nothing; what cannot be read is removed, and an event tells of it.
local function read_buffer(schedule)
  local raw = redis.call('HGET', ours('buffers'), schedule)
  if not raw then return nil end
  local buffer = read_json(raw)
  if buffer and is_sound(buffer) then return buffer end
  redis.call('HDEL', ours('buffers'), schedule)
  record_event({event = 'removed', schedule = schedule, reason = 'the ticks in its buffer could not be read'})
end

-- The ticks stand last, so that a tick can be taken from the front and put at the end without reading all of them.
local TICKS = ',"ticks":['

local function write_ticks(schedule, buffer, text)
  buffer.ticks = nil
  redis.call('HSET', ours('buffers'), schedule, string.sub(cjson.encode(buffer), 1, -2) .. TICKS .. text .. ']}')
end

local function text_of_ticks(ticks) return string.sub(cjson.encode(ticks), 2, -2) end

local function write_buffer(schedule, buffer)
  if #buffer.ticks == 0 then
    redis.call('HDEL', ours('buffers'), schedule)
  else
    write_ticks(schedule, buffer, text_of_ticks(buffer.ticks))
  end
end

-- Answers a buffer with its oldest tick alone, the text of all ticks, and that of the others. Nothing where it is not as
-- `write_ticks` leaves it or its front cannot be read. (Inside of a JSON text no quote follows a comma without `\`.)
local function front_of(raw)
  local begins, opens = string.find(raw, TICKS, 1, true)
  if not begins or string.sub(raw, -3) ~= ']]}' then return nil end
  local ends, oldest = opens, nil
  for _ = 1, 8 do  -- a bracket may stand in the words of a tick
    ends = string.find(raw, ']', ends + 1, true)
    oldest = ends and read_json(string.sub(raw, opens + 1, ends))
    if oldest or not ends then break end
  end
  local buffer = oldest and read_json(string.sub(raw, 1, begins - 1) .. '}')
  if not buffer or buffer.ticks ~= nil then return nil end
  buffer.ticks = {oldest}
  if not is_sound(buffer) then return nil end
  local after, all = string.sub(raw, ends + 1, ends + 2), string.sub(raw, opens + 1, -3)
  if after == ',[' then return buffer, all, string.sub(raw, ends + 2, -3) end
  if after == ']}' and ends + 2 == #raw then return buffer, all, '' end
end

-- What waits for a schedule, read as far as need be, since thousands may wait: as `front_of` answers, or the whole
-- buffer alone.
local function look_at_buffer(schedule)
  local raw = redis.call('HGET', ours('buffers'), schedule)
  if not raw then return nil end
  local buffer, all, others = front_of(raw)
  if buffer then return buffer, all, others end
  return read_buffer(schedule)
end

local function count_of(all)
  local count, at = 0, 1
  while at do
    count, at = count + 1, string.find(all, '],[', at + 1, true)
  end
  return count
end

local function is_waiting(schedule, tick)
  local buffer = read_json(redis.call('HGET', ours('buffers'), schedule))
  for _, item in ipairs(buffer and type(buffer.ticks) == 'table' and buffer.ticks or {}) do
    if type(item) == 'table' and item[1] == tick then return true end
  end
  return false
end

-- The outcome of ticks ({tick, ..., id = the run's, if that is of a former name}) that were decided and will not run after
-- all.
local function record_dropped(schedule, ticks, status, reason, by, seconds)
  local many = #ticks > EVENTS_APART
  for _, item in ipairs(ticks) do
    local tick = item[1]
    record_outcome(schedule, {first = tick, last = tick, count = 1, status = status, reason = reason, at = seconds,
      run = item.id or names.queues .. schedule .. '--' .. string.format('%d', tick), by = by})
    if not many then record_event({event = status, schedule = schedule, tick = tick, reason = reason}) end
  end
  if many then
    record_event({event = status, schedule = schedule, tick = ticks[#ticks][1], count = #ticks, reason = reason})
  end
end

-- Keep the newest ticks, as many as there is room for.
local function trim(schedule, buffer, room, status, reason, by, seconds)
  local fallen, kept = {}, {}
  for index, item in ipairs(buffer.ticks) do
    table.insert(#buffer.ticks - index < room and kept or fallen, item)
  end
  buffer.ticks = kept
  record_dropped(schedule, fallen, status, reason, by, seconds)
end

local function drop_buffer(schedule, reason, seconds)
  local buffer = read_buffer(schedule)
  if not buffer then return end
  redis.call('HDEL', ours('buffers'), schedule)
  record_dropped(schedule, buffer.ticks, 'cancelled', reason, 'apply', seconds)
  return true
end

local function can_start(schedule, buffer)
  return not buffer.paused and redis.call('HEXISTS', ours('holds'), schedule) == 0
    and redis.call('HEXISTS', ours('schedules'), schedule) == 1
end

-- Start the oldest tick that waits if no run of its schedule is active; all of them if they may run together.
-- What is of another type and in the way is left alone: the tick goes on waiting.
local function release(schedule, seconds, micros, commit)
  local buffer, _, others = look_at_buffer(schedule)
  if others and buffer.together then buffer, others = read_buffer(schedule), nil end
  if not buffer or not can_start(schedule, buffer) then return 0 end
  local stamp, done = stamp_of(seconds, micros, commit), 0
  while done < #buffer.ticks and (buffer.together or not has_active(schedule)) do
    local tick, since, description, tick_text = unpack(buffer.ticks[done + 1])
    local id = names.queues .. schedule .. '--' .. string.format('%d', tick)
    if wrong_type({[job_key(id)] = 'hash', [queue_key(buffer.queue)] = 'list'}) then break end
    start_run(stamp, buffer, schedule, tick, id, since, description, tick_text)
    record_event({event = 'released', schedule = schedule, tick = tick, job = id})
    done = done + 1
  end
  if done == 0 then return 0 end
  redis.call('SADD', names.rq .. ':queues', queue_key(buffer.queue))
  if others and others ~= '' then
    write_ticks(schedule, buffer, others)
    return done
  end
  local left = {}
  for index = done + 1, #buffer.ticks do left[#left + 1] = buffer.ticks[index] end
  buffer.ticks = left
  write_buffer(schedule, buffer)
  return done
end

-- Whether the schedule lets its runs be active together, as its record says.
local function runs_together(schedule)
  local record = read_json(redis.call('HGET', ours('schedules'), schedule)) or {}
  return type(record.spec) == 'table' and record.spec.overlap == 'allow'
end

-- Take what a stock scheduler has handed to a queue, and does not run now, out of it: there it would be counted as work,
-- and be there twice once it does run. Which a worker has in hand already is refused when it asks.
local function call_back(id)
  if not has_type(job_key(id), 'hash') then return end
  local status, queue = unpack(redis.call('HMGET', job_key(id), 'status', 'origin'))
  if status ~= 'queued' or string.sub(queue or '', 1, #names.queues) ~= names.queues then return end
  local list = queue_key(queue)
  if has_type(list, 'list') and redis.call('LREM', list, 1, id) > 0 then redis.call('DEL', job_key(id)) end
end

-- A stock scheduler has handed the pending occurrence to a queue, and the schedule goes on without it: it is a run like
-- any other, unless one stands in its way. Then it is skipped.
local function adopt_moved(id, schedule, queue, together, seconds)
  local tick = tick_of(id)
  if not together and has_active(schedule) then
    call_back(id)
    return record_dropped(schedule, {{tick, id = id}}, 'skipped', 'overlap', 'overlap', seconds)
  end
  local digest = string.match(redis.call('HGET', job_key(id), 'data') or '', '"(%x+)"%], {}%]$')
  set_active(id, schedule, tostring(tick), {name = schedule, tick = tick, attempt = 0, since = seconds, digest = digest,
    commit = redis.call('HGET', ours('head'), 'commit') or '', queue = queue})
end
