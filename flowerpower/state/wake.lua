-- Hand runs back that waited for other schedules and need not wait any more, whatever it was that changed that: an apply, a
-- hold, a tick that was missed, an end in the moment in which RQ had not put them where they wait. Answers how many.
local seconds, micros = now()
local bad = wrong_type(our_types())
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end
if not has_type(AWAITED, 'zset') then return 0 end
return wake(redis.call('ZRANGE', AWAITED, 0, -1), seconds, micros)
