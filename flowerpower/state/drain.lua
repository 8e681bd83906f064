-- Start waiting ticks that nothing stands in the way of any more, or that belong to no schedule. ARGV[2..] are schedules.
-- Answers how many were started.
local seconds, micros = now()
local bad = wrong_type(our_types())
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end
local started = 0
for index = 2, #ARGV do
  local schedule = ARGV[index]
  if redis.call('HEXISTS', ours('schedules'), schedule) == 1 then
    started = started + release(schedule, seconds, micros)
  elseif has_type(ours('outcomes:' .. schedule), 'zset') then
    drop_buffer(schedule, 'its schedule is gone', seconds)
    redis.call('EXPIRE', ours('outcomes:' .. schedule), 30 * 86400)
  end
end
return started
