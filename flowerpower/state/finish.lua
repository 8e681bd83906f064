-- An attempt of a run has ended. ARGV[2] is JSON:
-- {id, name, run, tick, execution ('' when nobody can speak for it), status, reason, final, duration (seconds, a string),
--  seen (its execution as the reconcile pass, which may have slept since, saw it)}.
-- The end of a run lets the next tick that waits start, and runs that come after it.
-- Answers 'recorded', or 'lost' if another execution has claimed the run meanwhile or its outcome is recorded already.
local done = cjson.decode(ARGV[2])
local seconds, micros = now()
local bad = wrong_type(our_types())
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end

local entry = read_active(done.id)
if not entry or (done.execution ~= '' and entry.execution ~= done.execution) then return 'lost' end
if done.seen and text_of(entry.execution, '') ~= done.seen then return 'lost' end
local tick = tonumber(entry.tick) or done.tick
local name = name_of(entry, done.name)
-- An apply or a newer tick told it to stop: whatever ended it, and whatever retries are left, unless it was done before it heard.
local by
if entry.cancel and done.status ~= 'succeeded' then
  done.status, done.reason, done.final, by = 'cancelled', entry.cancel, true, canceller(entry)
end
local could_not_tell = done.status ~= 'succeeded' and text_of(done.seen, '') ~= ''
record_event({event = done.final and done.status or 'attempt_failed', schedule = name, tick = tick,
  attempt = entry.attempt, reason = done.reason, duration = done.duration, job = done.id, commit = entry.commit or '',
  other_code = entry.other_code, lost = could_not_tell and text_of(entry.digest) or nil})
if done.seen then
  record_heal({event = 'closed', schedule = name, tick = tick, job = done.id, status = done.status, reason = done.reason})
end
if done.final then
  clear_active(done.id, name, done.run)
  record_outcome(name, {first = tick, last = tick, count = 1, status = done.status, reason = done.reason,
    run = done.id, attempt = entry.attempt, duration = done.duration, at = seconds, commit = entry.commit or '', by = by,
    other_code = entry.other_code}, not entry.again)
  go_on(name, seconds, micros)
else
  entry.execution, entry.gone = '', nil
  set_active(done.id, name, done.run, entry)
end
return 'recorded'
