-- Part of commit.lua and fire.lua: many fields and keys in one command, since a command for each is most of what they cost.

local SLICE = 500

-- Fields of a hash, by name.
local function fetch(key, fields)
  local found = {}
  for start = 1, #fields, SLICE do
    local values = redis.call('HMGET', key, unpack(fields, start, math.min(start + SLICE - 1, #fields)))
    for index, value in ipairs(values) do found[fields[start + index - 1]] = value or nil end
  end
  return found
end

local function any_exists(keys)
  for start = 1, #keys, SLICE do
    if redis.call('EXISTS', unpack(keys, start, math.min(start + SLICE - 1, #keys))) > 0 then return true end
  end
  return false
end

-- Writes that wait for others of their kind. Two that touch the same field or member must not both wait: what comes
-- first is not told.
local waiting = {}  -- command -> key -> words; for a command of many keys all words lie under its own name

local function send(of_command, key)
  local words = of_command[key]
  of_command[key] = nil
  redis.call(unpack(words))
end

local function flush()
  for _, of_command in pairs(waiting) do
    for key in pairs(of_command) do send(of_command, key) end
  end
end

local function later(command, key, field, value)
  local of_command, place = waiting[command], field and key or command
  if not of_command then
    of_command = {}
    waiting[command] = of_command
  end
  local words = of_command[place]
  if not words then
    words = field and {command, key} or {command}
    of_command[place] = words
  end
  words[#words + 1] = field or key
  words[#words + 1] = value
  if #words > 2 * SLICE then send(of_command, place) end
end
