-- Move due jobs that are no occurrences (retries, jobs of others in our queues) to their queue, as RQ does; a run that
-- still has to wait for other schedules goes on waiting, and no worker is asked.
-- ARGV[2] is the queue, ARGV[3..] are job ids. Answers how many were moved or go on waiting.
local queue = ARGV[2]
local seconds, micros = now()
for key, wanted in pairs({[scheduled_key(queue)] = 'zset', [queue_key(queue)] = 'list', [names.rq .. ':queues'] = 'set'}) do
  if not has_type(key, wanted) then return redis.error_reply('WRONGTYPE ' .. key) end
end
local can_look = not wrong_type(our_types())
local moved = 0
for index = 3, #ARGV do
  local id = ARGV[index]
  local due = redis.call('ZSCORE', scheduled_key(queue), id)
  if due and tonumber(due) <= seconds and has_type(job_key(id), 'hash') then
    local again = can_look and next_look(id, seconds)
    redis.call('ZREM', scheduled_key(queue), id)
    if again then
      redis.call('ZADD', scheduled_key(queue), again, id)
      moved = moved + 1
    elseif redis.call('HEXISTS', job_key(id), 'data') == 1 then
      push(queue, id, {}, seconds, micros)
      moved = moved + 1
    end
  end
end
return moved
