-- Push a run again that RQ lost before it began. ARGV[2] is JSON: {id, name, tick, queue, seen = its execution as it was}.
-- The caller has seen it with no worker; what it is now is checked once more: whoever looked may have slept since.
-- Answers 1 when it was pushed, 2 when it was pushed too often already and is left alone.
local MOST = 5
local lost = cjson.decode(ARGV[2])
local seconds, micros = now()
local types = our_types()
types[queue_key(lost.queue)], types[queue_key(lost.queue) .. ':intermediate'] = 'list', 'list'
types[names.rq .. ':wip:' .. lost.queue], types[names.rq .. ':failed:' .. lost.queue] = 'zset', 'zset'
types[job_key(lost.id)], types[scheduled_key(lost.queue)] = 'hash', 'zset'
local bad = wrong_type(types)
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end

local entry = read_active(lost.id)
if not entry or text_of(entry.execution, '') ~= lost.seen then return 0 end
local status = redis.call('HGET', job_key(lost.id), 'status')
local waits = status == 'queued' or status == 'scheduled'
local ENDED = {finished = true, stopped = true, canceled = true}
if not waits and not (lost.seen == '' and status and not ENDED[status]) then return 0 end
if redis.call('ZSCORE', scheduled_key(lost.queue), lost.id) then return 0 end
for _, id in ipairs(redis.call('LRANGE', queue_key(lost.queue), 0, -1)) do
  if id == lost.id then return 0 end
end
local dead = {}
for _, member in ipairs(redis.call('ZRANGE', names.rq .. ':wip:' .. lost.queue, 0, -1)) do
  if string.sub(member, 1, #lost.id + 1) == lost.id .. ':' then
    if redis.call('EXISTS', names.rq .. ':execution:' .. member) == 1 then return 0 end
    dead[#dead + 1] = member
  end
end
local times = tonumber(entry.redelivered) or 0
if times >= MOST then return 2 end

entry.redelivered = times + 1
redis.call('HSET', ours('active'), lost.id, cjson.encode(entry))
for _, member in ipairs(dead) do redis.call('ZREM', names.rq .. ':wip:' .. lost.queue, member) end
redis.call('ZREM', names.rq .. ':failed:' .. lost.queue, lost.id)
-- A worker that dies between pop and start leaves it there.
redis.call('LREM', queue_key(lost.queue) .. ':intermediate', 0, lost.id)
push(lost.queue, lost.id, {}, seconds, micros)
record_event({event = 'redelivered', schedule = name_of(entry, lost.name), tick = lost.tick, job = lost.id})
return 1
