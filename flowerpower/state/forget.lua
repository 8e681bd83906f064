-- Stop managing schedules from git, and leave them as they are. ARGV[2] is JSON: {who, names}.
-- Answers {'forgotten', JSON of the names that were not forgotten already} or {kind, JSON of names}: type, missing.
local order = cjson.decode(ARGV[2])
local seconds = now()
local bad = wrong_type(our_types())
if bad then return {'type', cjson.encode({bad})} end
local missing, done = {}, {}
for _, name in ipairs(order.names) do
  if redis.call('HEXISTS', ours('schedules'), name) == 0 then missing[#missing + 1] = name end
end
if #missing > 0 then return {'missing', cjson.encode(missing)} end
local entry = cjson.encode({who = order.who, since = seconds})
for _, name in ipairs(order.names) do
  if redis.call('HSETNX', ours('forgotten'), name, entry) == 1 then
    done[#done + 1] = name
    record_event({event = 'forgotten', schedule = name, who = order.who})
  end
end
return {'forgotten', cjson.encode(done)}
