-- Hold schedules, all of them or none. ARGV[2] is JSON:
-- {who, why, replace, items = {{name, until (epoch seconds, none without an end)}}}.
-- Answers {'held', JSON of {held = {{name, pending tick or -1, active runs}}, already = names}} or {kind, JSON of names}
-- with kind: type (keys in the way), missing, cursor (damaged), past (`until` is over), shorter (held, but not as long).
local order = cjson.decode(ARGV[2])
local seconds = now()

-- 1. Read and check everything; nothing is written before all of it holds.
local bad = wrong_type(our_types())
if bad then return {'type', cjson.encode({bad})} end
local queues = our_queues()
for _, queue in ipairs(queues) do
  if not has_type(scheduled_key(queue), 'zset') then return {'type', cjson.encode({scheduled_key(queue)})} end
end

-- A moment of a hold that lies in Redis; what else may lie there is no number, or none that can be written again.
local function moment_of(value)
  local number = tonumber(value)
  return number and number >= 0 and number < 1e15 and math.floor(number) or nil
end

local function check(item)
  if redis.call('HEXISTS', ours('schedules'), item.name) == 0 then return 'missing' end
  if item['until'] and item['until'] <= seconds then return 'past' end
  item.hold = redis.call('HGET', ours('holds'), item.name)
  if item.hold and not order.replace then
    local ends = moment_of((read_json(item.hold) or {})['until'])
    return ends and (not item['until'] or ends < item['until']) and 'shorter' or 'already'
  end
  local text = redis.call('HGET', ours('cursors'), item.name)
  item.tick, item.revision, item.pending = read_cursor(text, item.name)
  if text and not item.tick then return 'cursor' end
  if item.pending == '-' then item.pending = nil end
  if not item.pending then return nil end
  if not has_type(job_key(item.pending), 'hash') then return 'type', job_key(item.pending) end
  local origin = redis.call('HGET', job_key(item.pending), 'origin')
  if origin and not has_type(scheduled_key(origin), 'zset') then return 'type', scheduled_key(origin) end
  item.origin = origin or nil
end

local wrong, already = {}, {}
for _, item in ipairs(order.items) do
  local kind, detail = check(item)
  if kind == 'already' then
    already[#already + 1] = item.name
    item.left = true
  elseif kind then
    wrong[kind] = wrong[kind] or {}
    table.insert(wrong[kind], detail or item.name)
  end
end
for _, kind in ipairs({'missing', 'type', 'cursor', 'past', 'shorter'}) do
  if wrong[kind] then return {kind, cjson.encode(wrong[kind])} end
end

-- 2. Write.
local function active_runs(name)
  local from = '[' .. name .. '--'
  return #redis.call('ZRANGEBYLEX', ours('active_index'), from, from .. '\255')
end

-- The cursor keeps its tick, so that the ticks of the hold are known at its end.
local function remove_pending(item)
  local places = {item.origin}
  for _, queue in ipairs(queues) do
    if queue ~= item.origin then places[#places + 1] = queue end
  end
  local in_flight = take_pending(item.pending, places)
  if in_flight then adopt_moved(item.pending, item.name, item.origin, runs_together(item.name), seconds) end
  local tick = in_flight and math.max(item.tick, tick_of(item.pending) or 0) or item.tick
  redis.call('HSET', ours('cursors'), item.name, string.format('%d %d -', tick, item.revision))
  return in_flight and -1 or tick_of(item.pending) or -1
end

local held = {}
for _, item in ipairs(order.items) do
  if not item.left then
    local hold = {who = order.who, why = order.why, since = seconds, ['until'] = item['until']}
    local old = item.hold and read_json(item.hold)
    hold.began = old and (moment_of(old.began) or moment_of(old.since)) or nil
    local pending = item.pending and remove_pending(item) or -1
    redis.call('HSET', ours('holds'), item.name, cjson.encode(hold))
    held[#held + 1] = {item.name, pending, active_runs(item.name)}
  end
end
record_many('held', held, {who = order.who, reason = order.why})
return {'held', cjson.encode({held = held, already = already})}
