-- Push a run again that RQ lost between pop and start. ARGV[2] is JSON: {id, name, tick, queue}.
-- The caller has seen it in no list; its status and the lists are checked once more. Answers 1 when it was pushed.
local lost = cjson.decode(ARGV[2])
local types = our_types()
types[queue_key(lost.queue)], types[queue_key(lost.queue) .. ':intermediate'] = 'list', 'list'
local bad = wrong_type(types)
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end
if redis.call('HEXISTS', ours('active'), lost.id) == 0 then return 0 end
if redis.call('HGET', job_key(lost.id), 'status') ~= 'queued' then return 0 end
for _, id in ipairs(redis.call('LRANGE', queue_key(lost.queue), 0, -1)) do
  if id == lost.id then return 0 end
end
-- A worker that dies between pop and start leaves it there.
redis.call('LREM', queue_key(lost.queue) .. ':intermediate', 0, lost.id)
redis.call('RPUSH', queue_key(lost.queue), lost.id)
record_event({event = 'redelivered', schedule = lost.name, tick = lost.tick, job = lost.id})
return 1
