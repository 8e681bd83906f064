-- Remove a waiting job of ours that is neither the pending occurrence nor an active run. ARGV[2] is JSON: {id, name, queue}.
-- Answers 1 when it was removed.
local stray = cjson.decode(ARGV[2])
local bad = wrong_type(our_types())
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end
local _, _, pending = read_cursor(redis.call('HGET', ours('cursors'), stray.name), stray.name)
if pending == stray.id or redis.call('HEXISTS', ours('active'), stray.id) == 1 then return 0 end
if redis.call('ZREM', scheduled_key(stray.queue), stray.id) == 0 then return 0 end
redis.call('DEL', job_key(stray.id))
record_event({event = 'removed', schedule = stray.name, job = stray.id, reason = 'it waited, but no schedule expects it'})
return 1
