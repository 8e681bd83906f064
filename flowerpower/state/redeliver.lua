-- Push a run again that RQ lost between pop and start. ARGV[2] is JSON: {id, name, tick, queue}.
-- The caller has seen it in no list; its status and the lists are checked once more. Answers 1 when it was pushed.
local lost = cjson.decode(ARGV[2])
local types = our_types()
types[queue_key(lost.queue)] = 'list'
local bad = wrong_type(types)
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end
if redis.call('HEXISTS', ours('active'), lost.id) == 0 then return 0 end
if redis.call('HGET', job_key(lost.id), 'status') ~= 'queued' then return 0 end
for _, list in ipairs({queue_key(lost.queue), queue_key(lost.queue) .. ':intermediate'}) do
  for _, id in ipairs(redis.call('LRANGE', list, 0, -1)) do
    if id == lost.id then return 0 end
  end
end
redis.call('RPUSH', queue_key(lost.queue), lost.id)
record_event({event = 'redelivered', schedule = lost.name, tick = lost.tick, job = lost.id})
return 1
