-- Make the index of active runs and the active runs agree again. ARGV[2] is JSON: {stray = {{member, id, schedule, run,
-- tick}, ...}, missing = {{id, schedule, run}, ...}}, as they were seen twice; all is looked at once more.
-- A stray member stands in its schedule's way for ever: RQ knows whether its run is still under way, then the run is made
-- active again, else the member goes. What is missing would let a second run start. Answers how many were mended.
local order = cjson.decode(ARGV[2])
local seconds = now()
local bad = wrong_type(our_types())
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end
local UNDER_WAY = {queued = true, started = true, scheduled = true, deferred = true}
local ACTIVE, INDEX = ours('active'), ours('active_index')
local mended = 0

-- The run of a schedule that was renamed keeps its id.
local ids
local function is_active(stray)
  if redis.call('HEXISTS', ACTIVE, stray.id) == 1 then return true end
  ids = ids or redis.call('HKEYS', ACTIVE)
  local ending = '--' .. stray.run
  for _, id in ipairs(ids) do
    if string.sub(id, -#ending) == ending and name_of(read_active(id) or {}, '') == stray.schedule then return true end
  end
  return false
end

local function has_ended(stray)
  for _, kind in ipairs({'outcomes:', 'older:'}) do
    local key = ours(kind .. stray.schedule)
    for _, raw in ipairs(has_type(key, 'zset') and redis.call('ZRANGEBYSCORE', key, stray.tick, stray.tick) or {}) do
      local outcome = may_name(raw, stray.id) and read_json(raw)
      if outcome and outcome.run == stray.id then return true end
    end
  end
  return false
end

local function entry_of(stray)
  local status = redis.pcall('HGET', job_key(stray.id), 'status')
  if type(status) ~= 'string' or not UNDER_WAY[status] or has_ended(stray) then return nil end
  local begun = status == 'started'
  local executions = redis.pcall('ZRANGE', names.rq .. ':executions:' .. stray.id, -1, -1)
  local newest = not executions.err and executions[1]
  return {name = stray.schedule, tick = stray.tick, attempt = begun and 1 or 0, since = seconds,
    execution = begun and (newest or 'unknown') or nil}
end

for _, stray in ipairs(order.stray) do
  if redis.call('ZSCORE', INDEX, stray.member) and not is_active(stray) then
    local entry = entry_of(stray)
    if entry then
      redis.call('HSET', ACTIVE, stray.id, cjson.encode(entry))
      ids = nil
      record_event({event = 'healed', schedule = stray.schedule, tick = stray.tick, job = stray.id,
        reason = 'it is under way, and was not among the active runs'})
    else
      redis.call('ZREM', INDEX, stray.member)
      record_event({event = 'removed', schedule = stray.schedule, tick = stray.tick, job = stray.id,
        reason = 'it stood in its schedule\'s way, and no such run is active'})
    end
    mended = mended + 1
  end
end
for _, missing in ipairs(order.missing) do
  local entry, member = read_active(missing.id), index_of(missing.schedule, missing.run)
  if entry and not entry.alone and name_of(entry, '') == missing.schedule and not redis.call('ZSCORE', INDEX, member) then
    redis.call('ZADD', INDEX, 0, member)
    record_event({event = 'healed', schedule = missing.schedule, tick = entry.tick, job = missing.id,
      reason = 'its schedule did not know that it is active'})
    mended = mended + 1
  end
end
return mended
