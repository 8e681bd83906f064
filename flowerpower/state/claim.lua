-- A worker asks whether it may run a run now. ARGV[2] is JSON:
-- {id, name, run, tick, execution, worker, digest, alone (a pipeline by hand), deadline (seconds, 0 for none),
-- after (schedules that must have succeeded), other_code (the worker's, if it is not what was applied), refuse (why it is
-- not run in any case)}.
-- Answers {'run', attempt, commit}, {'refused', reason}, {'skipped', reason}, as its spec says, or {'wait', reason, seconds
-- until it may ask again}.
local ask = cjson.decode(ARGV[2])
local seconds, micros = now()
local bad = wrong_type(our_types())
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end

local entry = read_active(ask.id)
local is_pipeline = redis.call('HEXISTS', ours('pipelines'), ask.name) == 1
-- A run that was over may be asked for again, as by RQ's `requeue`, when its schedule has another name.
local known_as = is_pipeline and ask.name or name_now(ask.name)
local name = entry and name_of(entry, ask.name) or known_as or ask.name

local outcomes, older = ours('outcomes:' .. name), ours('older:' .. name)

local function ended_as()
  for _, key in ipairs({outcomes, has_type(older, 'zset') and older or nil}) do
    for _, raw in ipairs(redis.call('ZRANGEBYSCORE', key, ask.tick, ask.tick)) do
      local outcome = may_name(raw, ask.id) and read_json(raw)
      if outcome and outcome.run == ask.id then return outcome.status, outcome end
    end
  end
end

-- Of a tick before all those whose outcomes are kept nobody knows how it ended, and it may have succeeded.
local function is_forgotten()
  if redis.call('ZCARD', outcomes) < OUTCOMES_KEPT then return false end
  return ask.tick < tonumber(redis.call('ZRANGE', outcomes, 0, 0, 'WITHSCORES')[2])
end

local function refuse(reason)
  record_event({event = 'refused', schedule = name, tick = ask.tick, reason = reason, job = ask.id})
  return {'refused', reason}
end

local ended, outcome
if not (entry and is_by_hand(ask.id)) then ended, outcome = ended_as() end  -- what waits for its first end has none
if ended == 'succeeded' then
  if entry then -- a clock that stepped back has it enqueued once more
    clear_active(ask.id, name, ask.run)
    go_on(name, seconds, micros)
  end
  return refuse('it has succeeded already')
end
if not entry and not ended and is_forgotten() then return refuse('how it ended is not kept any more: rerun it') end
-- An apply, a newer tick or its own spec has ended it, and a worker has it in hand nevertheless, perhaps once more.
if not entry and ended and type(outcome.by) == 'string' then
  return refuse('it was ' .. ended .. ': ' .. text_of(outcome.reason, ''))
end
if not entry and is_waiting(name, ask.tick) then return refuse('it waits for another run of its schedule') end

-- An execution lives while its worker renews it: in a hash that Redis lets expire, and in RQ's registry of started jobs.
-- Whoever asks RQ what runs, by a clock that is ahead of the worker's, takes it out of there. What was renewed a moment ago,
-- and is an execution that RQ knows of, lives all the same.
local LEFT = 40  -- seconds until the hash expires: renewed every 10 s for 70 s, by RQ's own worker every 30 s for 90 s

local function score_of(key, member)
  local score = redis.pcall('ZSCORE', key, member)
  return type(score) == 'string' and tonumber(score) or nil
end

local function is_alive(execution)
  if not execution or execution == '' or execution == ask.execution then return false end
  local member = ask.id .. ':' .. execution
  local left = redis.call('PTTL', names.rq .. ':execution:' .. member)
  if left == -2 then return false end
  local queue = entry.queue or redis.call('HGET', job_key(ask.id), 'origin') or ''
  local expires = score_of(names.rq .. ':wip:' .. queue, member)
  if expires and expires > seconds then return true end
  return left > LEFT * 1000 and (expires or score_of(names.rq .. ':executions:' .. ask.id, execution)) ~= nil
end

if entry and is_alive(entry.execution) then return refuse('another worker runs it') end
if ask.refuse then
  if not entry then return refuse(ask.refuse) end
  clear_active(ask.id, name, ask.run)
  record_outcome(name, {first = ask.tick, last = ask.tick, count = 1, status = 'failed', reason = ask.refuse,
    run = ask.id, attempt = entry.attempt, at = seconds, commit = entry.commit or ''})
  record_event({event = 'failed', schedule = name, tick = ask.tick, reason = ask.refuse, job = ask.id})
  go_on(name, seconds, micros)
  return {'refused', ask.refuse}
end
if entry and entry.cancel then
  clear_active(ask.id, name, ask.run)
  record_outcome(name, {first = ask.tick, last = ask.tick, count = 1, status = 'cancelled', reason = entry.cancel,
    run = ask.id, attempt = entry.attempt, at = seconds, commit = entry.commit or '', by = canceller(entry)})
  record_event({event = 'cancelled', schedule = name, tick = ask.tick, reason = entry.cancel, job = ask.id})
  go_on(name, seconds, micros)
  return {'refused', 'it was cancelled: ' .. entry.cancel}
end
local is_expected = entry ~= nil
if not entry then
  if not known_as then return refuse('its schedule was deleted') end
  entry = {name = name, tick = ask.tick, attempt = 0, since = seconds, alone = ask.alone, again = ended ~= nil, commit = redis.call('HGET', ours('head'), 'commit') or ''}
end
if ask.deadline > 0 and entry.attempt == 0 and seconds - entry.since > ask.deadline then
  clear_active(ask.id, name, ask.run)
  record_outcome(name, {first = ask.tick, last = ask.tick, count = 1, status = 'missed', reason = 'start deadline',
    run = ask.id, at = seconds, by = 'start deadline'})
  record_event({event = 'missed', schedule = name, tick = ask.tick, reason = 'start deadline', job = ask.id})
  go_on(name, seconds, micros)
  return {'refused', 'it waited longer than its start_deadline'}
end
local word, why, busy
if is_expected and entry.attempt == 0 and ask.after then word, why, busy = held_back(name, ask.after, ask.tick) end
if word == 'wait' then
  note_awaited(busy, ask.id)
  local is_known = entry.waits == why
  note_wait(entry, why, ask.after, ask.deadline)
  set_active(ask.id, name, ask.run, entry)
  if not is_known then
    record_event({event = 'waiting', schedule = name, tick = ask.tick, reason = why, job = ask.id})
  end
  -- What it waits for may end before RQ has put it away, and then only a scheduler of ours sees that it may run.
  local again = patience(seconds - entry.since, ask.deadline)
  return {'wait', why, is_known and again or math.min(SOON, again)}
end
if word == 'skip' then
  clear_active(ask.id, name, ask.run)
  record_outcome(name, {first = ask.tick, last = ask.tick, count = 1, status = 'skipped', reason = why, run = ask.id,
    at = seconds, by = 'after'})
  record_event({event = 'skipped', schedule = name, tick = ask.tick, reason = why, job = ask.id})
  go_on(name, seconds, micros)
  return {'skipped', why}
end
forget_wait(entry)
-- Whoever began the attempt before is gone, and nobody has told how that ended.
if text_of(entry.execution, '') ~= '' and entry.execution ~= ask.execution and entry.gone ~= entry.execution then
  record_lost(ask.id, name, entry, WORKER_GONE)
end
entry.gone = nil
entry.attempt = entry.attempt + 1
entry.execution = ask.execution
entry.digest = ask.digest
entry.other_code = ask.other_code
entry.started = seconds
set_active(ask.id, name, ask.run, entry)
record_event({event = 'started', schedule = name, tick = ask.tick, attempt = entry.attempt, job = ask.id, worker = ask.worker, commit = entry.commit or '',
  other_code = ask.other_code})
return {'run', entry.attempt, entry.commit or ''}
