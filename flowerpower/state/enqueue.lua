-- Enqueue a run outside its schedule: now, or at a time. ARGV[2] is JSON:
-- {id, name, run, tick, queue, due (0 for now), digest, run_spec, job = {field = value}, description, meta = {...}}.
-- Answers 'enqueued', or 'exists' when a job of that id is there.
local order = cjson.decode(ARGV[2])
local seconds, micros = now()
local types = our_types()
types[queue_key(order.queue)], types[scheduled_key(order.queue)] = 'list', 'zset'
local bad = wrong_type(types)
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end
if redis.call('EXISTS', job_key(order.id)) == 1 then return 'exists' end

local commit = redis.call('HGET', ours('head'), 'commit') or ''
order.meta.commit = commit
local fields = {description = order.description, meta = cjson.encode(order.meta), created_at = rq_time(seconds, micros)}
for name, value in pairs(order.job) do fields[name] = value end
redis.call('HSET', ours('specs'), order.digest, order.run_spec)
set_active(order.id, order.name, order.run, {name = order.name, tick = order.tick, attempt = 0,
  since = math.max(seconds, order.due), commit = commit, queue = order.queue, digest = order.digest,
  alone = order.meta.schedule == ''})
if order.due > seconds then
  local values = {'status', 'scheduled', 'origin', order.queue}
  for name, value in pairs(fields) do
    values[#values + 1] = name
    values[#values + 1] = value
  end
  redis.call('HSET', job_key(order.id), unpack(values))
  redis.call('ZADD', scheduled_key(order.queue), order.due, order.id)
  redis.call('SADD', names.rq .. ':queues', queue_key(order.queue))
else
  push(order.queue, order.id, fields, seconds, micros)
end
record_event({event = 'enqueued', schedule = order.name, tick = order.tick, job = order.id})
return 'enqueued'
