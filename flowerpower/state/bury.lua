-- A worker is gone for certain, and with it the process of its run. ARGV[2] is JSON: {name, pid} of the worker.
-- It counts as one no more, what it ran looks to everybody as if its signs of life had run out, and a scheduler is asked
-- to look after it now. To be told twice does no harm: what the worker ran is known by executions that never come back.
-- Answers {what it ran, what it had in hand and had not begun}: {ids}, {{id, schedule, tick, queue}, as JSON}.
local dead = cjson.decode(ARGV[2])
local seconds, micros = now()
local worker = names.rq .. ':worker:' .. dead.name
local function execution_key(member) return names.rq .. ':execution:' .. member end

local types = our_types()
types[worker], types[worker .. ':executions'], types[names.rq .. ':workers'] = 'hash', 'set', 'set'
local bad = wrong_type(types)
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end
local known = redis.call('HMGET', worker, 'pid', 'queues', 'death')
if known[1] and known[1] ~= tostring(dead.pid) then return {{}, {}} end -- another one has its name by now

local function is_of_it(member)
  local by = redis.call('HGET', execution_key(member), 'worker_name')
  return not by or by == dead.name
end

local ran, unbegun = {}, {}
for _, member in ipairs(redis.call('SMEMBERS', worker .. ':executions')) do
  local id, execution = string.match(member, '^(.*):([^:]+)$')
  if id and has_type(execution_key(member), 'hash') and has_type(job_key(id), 'hash') and is_of_it(member) then
    local queue = redis.call('HGET', job_key(id), 'origin')
    local entry = read_active(id)
    local wip = names.rq .. ':wip:' .. (queue or '')
    redis.call('DEL', execution_key(member))
    -- A sign of life that is still on its way must not bring it back.
    redis.pcall('ZREM', names.rq .. ':executions:' .. id, execution)
    local status = redis.call('HGET', job_key(id), 'status')
    local waits = status == 'queued' or status == 'scheduled'
    if queue and entry and text_of(entry.execution, '') == '' and (entry.attempt == 0 or waits) then
      redis.pcall('ZREM', wip, member)
      unbegun[#unbegun + 1] = cjson.encode({id = id, name = name_of(entry, ''), tick = entry.tick, queue = queue})
    else
      redis.pcall('ZADD', wip, 'XX', 0, member)
      ran[#ran + 1] = id
    end
  end
end

if known[1] then
  if not known[3] then
    redis.call('HSET', worker, 'death', rq_time(seconds, micros))
    redis.call('EXPIRE', worker, 60)
  end
  redis.call('SREM', names.rq .. ':workers', worker)
  for queue in string.gmatch(known[2] or '', '[^,]+') do redis.pcall('SREM', names.rq .. ':workers:' .. queue, worker) end
end
-- Also where it is known to have had nothing: what it had just taken from a queue is noted nowhere.
if known[1] or #ran > 0 then redis.call('SET', ours('look'), string.format('%d.%06d', seconds, micros), 'EX', 60) end
return {ran, unbegun}
