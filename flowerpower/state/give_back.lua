-- Take a job that no run of ours is out of RQ's list of those that a worker has popped and not begun, and push it again if
-- it has not begun. ARGV[2] is JSON: {id, queue}. Answers 1 when it was pushed.
local lost = cjson.decode(ARGV[2])
local seconds, micros = now()
local key, popped = job_key(lost.id), queue_key(lost.queue) .. ':intermediate'
local bad = wrong_type({[ours('active')] = 'hash', [queue_key(lost.queue)] = 'list', [popped] = 'list', [key] = 'hash',
  [names.rq .. ':queues'] = 'set'})
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end
if redis.call('HEXISTS', ours('active'), lost.id) == 1 then return 0 end
if redis.call('LREM', popped, 0, lost.id) == 0 then return 0 end
if redis.call('HGET', key, 'status') ~= 'queued' or redis.call('LPOS', queue_key(lost.queue), lost.id) then return 0 end
push(lost.queue, lost.id, {}, seconds, micros)
return 1
