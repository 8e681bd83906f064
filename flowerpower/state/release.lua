-- Move due jobs that are no occurrences (retries, jobs of others in our queues) to their queue, as RQ does.
-- ARGV[2] is the queue, ARGV[3..] are job ids. Answers how many were moved.
local queue = ARGV[2]
local seconds, micros = now()
for key, wanted in pairs({[scheduled_key(queue)] = 'zset', [queue_key(queue)] = 'list', [names.rq .. ':queues'] = 'set'}) do
  if not has_type(key, wanted) then return redis.error_reply('WRONGTYPE ' .. key) end
end
local moved = 0
for index = 3, #ARGV do
  local id = ARGV[index]
  local due = redis.call('ZSCORE', scheduled_key(queue), id)
  if due and tonumber(due) <= seconds and has_type(job_key(id), 'hash') then
    redis.call('ZREM', scheduled_key(queue), id)
    if redis.call('HEXISTS', job_key(id), 'data') == 1 then
      push(queue, id, {}, seconds, micros)
      moved = moved + 1
    end
  end
end
return moved
