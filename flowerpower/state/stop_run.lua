-- Cancel one run: what waits is removed and recorded, what runs is told to stop. ARGV[2] is JSON: {id, name, run, reason}.
-- Answers {word, more}: dropped (attempts so far), unbuffered, stopping, deaf (its worker did not hear it), over (the status of its
-- outcome), pending (the schedule's next tick), unknown, damaged (the key).
local ask = cjson.decode(ARGV[2])
local seconds, micros = now()
local bad = wrong_type(our_types())
if bad then return {'damaged', bad} end
local entry = read_active(ask.id)
local name = entry and name_of(entry, ask.name) or ask.name
local tick = tonumber(ask.run)
for _, key in ipairs({ours('outcomes:' .. name), ours('older:' .. name)}) do
  if not has_type(key, 'zset') then return {'damaged', key} end
end

local function take_from_buffer()
  local buffer = tick and is_waiting(name, tick) and read_buffer(name)
  if not buffer then return false end
  local left, taken_out = {}, {}
  for _, item in ipairs(buffer.ticks) do
    table.insert(item[1] == tick and taken_out or left, item)
  end
  buffer.ticks = left
  write_buffer(name, buffer)
  record_dropped(name, taken_out, 'cancelled', ask.reason, 'hand', seconds)
  return true
end

local function ending()
  for _, key in ipairs({ours('outcomes:' .. name), ours('older:' .. name)}) do
    local found = tick and redis.call('ZRANGEBYSCORE', key, tick, tick) or redis.call('ZREVRANGE', key, 0, -1)
    for _, raw in ipairs(found) do
      local outcome = may_name(raw, ask.id) and read_json(raw)
      if outcome and outcome.run == ask.id then return text_of(outcome.status, '') end
    end
  end
end

if not entry then
  if take_from_buffer() then
    go_on(name, seconds, micros)
    return {'unbuffered', ''}
  end
  local _, _, pending = read_cursor(redis.call('HGET', ours('cursors'), name), name)
  if pending == ask.id then return {'pending', ''} end
  local ended = ending()
  return ended and {'over', ended} or {'unknown', ''}
end

local runs, key = runs_in_flight({ask.id})
if not runs then return {'damaged', key} end
local running = runs[1].worker ~= nil
local deaf = cancel_runs(name, runs, ask.reason, 'hand', seconds)
empty_lists()
if running then return {#deaf > 0 and 'deaf' or 'stopping', text_of(runs[1].worker, '')} end
go_on(name, seconds, micros)
return {'dropped', tostring(tonumber(entry.attempt) or 0)}
