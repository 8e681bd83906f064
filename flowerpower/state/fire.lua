-- Decide due ticks: record the missed, push the runs, create the next occurrence, move the cursor, in one step.
-- ARGV[2..]: one JSON object for each schedule:
--   {name, cursor = its cursor as read, queue, mode, overlap, room (for ticks that wait; none: none do), digest,
--    decided = tick, job = {field, value, ...}, meta = JSON without its end, which is told per tick,
--    runs = {{tick, id, description, local time}}, missed = {{first, last, count, reason}}, next = {id, due, description},
--    claimed = as one of runs, or late = {tick, reason} for one that is in a worker's hands and does not run}
-- mode: 'due' (the occurrence waits and is due), 'heal' (there is none), 'claimed' (a stock scheduler moved it, it runs).
-- Answers one word for each: fired, moved (someone else decided, or holds it), early, damaged.
local seconds, micros = now()
local bad = wrong_type(our_types())
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end
local stamp = stamp_of(seconds, micros)

local function check(fire)
  local raw = redis.call('HGET', ours('cursors'), fire.name)
  if raw ~= fire.cursor then return 'moved' end
  if redis.call('HEXISTS', ours('holds'), fire.name) == 1 then return 'moved' end
  local _, _, pending = read_cursor(raw)
  fire.pending = pending ~= '-' and pending or nil
  if fire.mode == 'due' then
    local due = fire.pending and redis.call('ZSCORE', scheduled_key(fire.queue), fire.pending)
    if not due then return 'moved' end
    if tonumber(due) > seconds then return 'early' end
  end
  if not has_type(ours('outcomes:' .. fire.name), 'zset') then return 'damaged' end
  if fire.next and not has_type(job_key(fire.next[1]), 'hash') then return 'damaged' end
  for _, run in ipairs(fire.runs) do
    if not has_type(job_key(run[2]), 'hash') then return 'damaged' end
  end
  if fire.overlap == 'cancel_other' and has_active(fire.name) then
    fire.others = runs_in_flight(active_ids(fire.name))
    if not fire.others then return 'damaged' end
  end
end

local SKIPPED = 'overlap'
local TOOK = 'overlap: a newer tick took its place'
local FULL = {buffer_one = TOOK .. ' in the buffer', buffer_all = 'overlap: the buffer was full', cancel_other = TOOK}

local function start(fire, run)
  if fire.overlap == 'skip' and has_active(fire.name) then
    return record_range(fire.name, {run[1], run[1], 1}, 'skipped', SKIPPED, seconds)
  end
  start_run(stamp, fire, fire.name, run[1], run[2], seconds, run[3], run[4])
end

-- The ticks that have to wait; the oldest fall out where there is no room for all.
local function let_wait(fire, buffer, first)
  for index = first, #fire.runs do
    local tick, _, description, tick_text = unpack(fire.runs[index])
    table.insert(buffer.ticks, {tick, seconds, description, tick_text})
    record_event({event = 'buffered', schedule = fire.name, tick = tick})
  end
  buffer.queue, buffer.digest, buffer.job, buffer.meta = fire.queue, fire.digest, fire.job, fire.meta
  local status = fire.overlap == 'cancel_other' and 'cancelled' or 'skipped'
  trim(fire.name, buffer, fire.room, status, FULL[fire.overlap], 'overlap', seconds)
  write_buffer(fire.name, buffer)
end

-- Only the newest of several due ticks has a reason to start; what is active makes way for it.
local function make_way(fire)
  if #fire.runs == 0 then return end
  local newest = table.remove(fire.runs)
  record_dropped(fire.name, fire.runs, 'cancelled', TOOK, 'overlap', seconds)
  fire.runs = {newest}
  if fire.others then cancel_runs(fire.name, fire.others, TOOK, 'overlap', seconds) end
end

-- One at a time, in their order: what waits already is before what is due now.
local function start_in_turn(fire)
  if fire.overlap == 'cancel_other' then make_way(fire) end
  local buffer, first = read_buffer(fire.name), 1
  if not buffer and #fire.runs > 0 and not has_active(fire.name) then
    start(fire, fire.runs[1])
    first = 2
  end
  if first > #fire.runs then return end
  let_wait(fire, buffer or {ticks = {}}, first)
  release(fire.name, seconds, micros, stamp.commit)
end

-- A stock scheduler has handed the occurrence to a worker, which asks before it runs it: it may have to wait, or is
-- skipped, as any other tick.
local function take_claimed(fire)
  local run, late = fire.claimed, fire.late
  if late then return record_dropped(fire.name, {late}, 'missed', late[2], 'catch-up', seconds) end
  if fire.others then cancel_runs(fire.name, fire.others, TOOK, 'overlap', seconds) end
  fire.others = nil
  local is_first = not has_active(fire.name) and redis.call('HEXISTS', ours('buffers'), fire.name) == 0
  if fire.overlap == 'allow' or is_first then
    activate(stamp, fire, fire.name, run[1], fire.pending, seconds)
  elseif fire.room then
    table.insert(fire.runs, 1, run)
  else
    record_dropped(fire.name, {run}, 'skipped', SKIPPED, 'overlap', seconds)
  end
end

local function write_next(fire)
  if not fire.next then return '-' end
  local id = fire.next[1]
  write_job(stamp, fire, id, 'scheduled', fire.next[3], fire.next[4])
  redis.call('ZADD', scheduled_key(fire.queue), fire.next[2], id)
  return id
end

local function fire_one(fire)
  local _, revision = read_cursor(fire.cursor)
  local pending = fire.pending
  if fire.mode == 'claimed' then
    take_claimed(fire)
  elseif pending then
    redis.call('ZREM', scheduled_key(fire.queue), pending)
    redis.call('DEL', job_key(pending))
  end
  for _, range in ipairs(fire.missed) do
    record_range(fire.name, range, 'missed', range[4], seconds)
  end
  if fire.room then
    start_in_turn(fire)
  else
    for _, run in ipairs(fire.runs) do start(fire, run) end
  end
  local next_id = write_next(fire)
  redis.call('HSET', ours('cursors'), fire.name, string.format('%d %d %s', fire.decided, revision, next_id))
  if fire.mode == 'heal' then record_event({event = 'healed', schedule = fire.name, tick = fire.decided, job = next_id}) end
end

local queues, answers = {}, {}
for index = 2, #ARGV do
  local fire = cjson.decode(ARGV[index])
  local answer = check(fire)
  if not answer then
    if queues[fire.queue] == nil then
      queues[fire.queue] = has_type(queue_key(fire.queue), 'list') and has_type(scheduled_key(fire.queue), 'zset')
      if queues[fire.queue] then redis.call('SADD', names.rq .. ':queues', queue_key(fire.queue)) end
    end
    if queues[fire.queue] then
      fire_one(fire)
      answer = 'fired'
    else
      answer = 'damaged'
    end
  end
  answers[#answers + 1] = answer
end
empty_lists()
return answers
