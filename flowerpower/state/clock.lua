-- The one clock of every script: Redis' own time, in whole seconds and in microseconds within the second.
local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]), tonumber(time[2])
end
