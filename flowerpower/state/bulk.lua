-- Part of commit.lua: many fields and keys in one command, since a command for each is most of what a commit costs.

local SLICE = 500

local function slices(list, each)
  for start = 1, #list, SLICE do each(start, math.min(start + SLICE - 1, #list)) end
end

-- Fields of a hash, by name.
local function fetch(key, fields)
  local found = {}
  slices(fields, function(start, stop)
    local values = redis.call('HMGET', key, unpack(fields, start, stop))
    for index = start, stop do found[fields[index]] = values[index - start + 1] or nil end
  end)
  return found
end

local function any_exists(keys)
  return #keys > 0 and redis.call('EXISTS', unpack(keys)) > 0
end

-- Writes that wait for others of their kind. Two that touch the same field or member must not both wait: what comes
-- first is not told.
local waiting = {}

local function flush(name)
  for kind, words in pairs(name and {[name] = waiting[name]} or waiting) do
    waiting[kind] = nil
    redis.call(unpack(words))
  end
end

local function later(command, key, field, value)
  local kind = field and command .. ' ' .. key or command
  local words = waiting[kind]
  if not words then
    words = field and {command, key} or {command}
    waiting[kind] = words
  end
  words[#words + 1] = field or key
  words[#words + 1] = value
  if #words > 2 * SLICE then flush(kind) end
end
