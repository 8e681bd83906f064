-- Decide due ticks: record the missed, push the runs, create the next occurrence, move the cursor, in one step.
-- ARGV[2..]: one JSON object for each schedule:
--   {name, cursor = its cursor as read, queue, mode, overlap, digest, decided = tick,
--    job = {field, value, ...}, meta = JSON without its end, which is told per tick,
--    runs = {{tick, id, description, local time}}, missed = {{first, last, count, reason}}, next = {id, due, description}}
-- mode: 'due' (the occurrence waits and is due), 'heal' (there is none), 'claimed' (a stock scheduler moved it, it runs).
-- Answers one word for each: fired, moved (someone else decided, or holds it), early, damaged.
local seconds, micros = now()
local bad = wrong_type(our_types())
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end
local commit = redis.call('HGET', ours('head'), 'commit') or ''
local moment, commit_text = rq_time(seconds, micros), cjson.encode(commit)

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
end

-- Write the whole hash of a job, as RQ does: what waits under that id may not be what was applied.
local function write_job(fire, id, status, description, tick_text)
  local stamp = status == 'queued' and 'enqueued_at' or 'created_at'
  local meta = fire.meta .. ', "tick": "' .. tick_text .. '", "commit": ' .. commit_text .. '}'
  redis.call('DEL', job_key(id))
  redis.call('HSET', job_key(id), 'status', status, 'created_at', moment, stamp, moment,
    'description', description, 'meta', meta, unpack(fire.job))
end

local function activate(fire, tick, id)
  set_active(id, fire.name, tostring(tick),
    {name = fire.name, tick = tick, attempt = 0, since = seconds, commit = commit, queue = fire.queue, digest = fire.digest})
end

local function start(fire, run)
  local tick, id = run[1], run[2]
  if fire.overlap == 'skip' and has_active(fire.name) then
    record_outcome(fire.name, {first = tick, last = tick, count = 1, status = 'skipped', reason = 'overlap', at = seconds})
    record_event({event = 'skipped', schedule = fire.name, tick = tick, reason = 'overlap'})
    return false
  end
  activate(fire, tick, id)
  write_job(fire, id, 'queued', run[3], run[4])
  redis.call('RPUSH', queue_key(fire.queue), id)
  return true
end

local function write_next(fire)
  if not fire.next then return '-' end
  local id = fire.next[1]
  write_job(fire, id, 'scheduled', fire.next[3], fire.next[4])
  redis.call('ZADD', scheduled_key(fire.queue), fire.next[2], id)
  return id
end

local function fire_one(fire)
  local _, revision = read_cursor(fire.cursor)
  local pending = fire.pending
  if fire.mode == 'claimed' then
    activate(fire, fire.claimed, pending)
  elseif pending then
    redis.call('ZREM', scheduled_key(fire.queue), pending)
    redis.call('DEL', job_key(pending))
  end
  for _, range in ipairs(fire.missed) do
    record_range(fire.name, range, 'missed', range[4], seconds)
  end
  for _, run in ipairs(fire.runs) do start(fire, run) end
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
return answers
