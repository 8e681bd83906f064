-- Part of commit.lua: what undoes an apply. The client knows what was not there before; what was is moved here, within
-- Redis, and only where it is still what the plan was made for. It is collected below the stage, and gets its name,
-- `inverse:<entry of the history>`, with the commit.

local function before_key(stage_key) return stage_key .. ':before' end

-- Records (by kind and name) and run specs of the changes of one chunk, as they are before it.
local function keep_before(stage_key, chunk, records)
  local words, runs, bytes = {}, {}, 0
  for _, change in ipairs(chunk) do
    local raw = records[change.kind][change.live]
    if raw then
      words[#words + 1] = change.kind .. '.' .. change.live
      words[#words + 1] = raw
      bytes = bytes + #raw
      if change.live_run then runs[#runs + 1] = change.live_run end
    end
  end
  if #words == 0 then return end
  for run, text in pairs(fetch(ours('specs'), runs)) do
    words[#words + 1] = 'run ' .. run
    words[#words + 1] = text
    bytes = bytes + #text
  end
  redis.call('HSET', before_key(stage_key), unpack(words))
  redis.call('HINCRBY', before_key(stage_key), 'bytes', bytes)
  redis.call('EXPIRE', before_key(stage_key), 3600)
end

-- Inverses lie apart from the history, so that a look at it is cheap, and are bounded: a chain with a gap undoes nothing,
-- so the oldest go first, and the newest always stays.
local INVERSES_KEPT, INVERSE_BYTES = 200, 32 * 1024 * 1024
local function keep_inverse(stage_key, entry)
  redis.call('HSET', ours('inverses'), entry, redis.call('HGET', stage_key, 'inverse') or '')
  if redis.call('EXISTS', before_key(stage_key)) == 1 then
    redis.call('RENAME', before_key(stage_key), ours('inverse:' .. entry))
    redis.call('PERSIST', ours('inverse:' .. entry))
  end
  local ids, age = redis.call('HKEYS', ours('inverses')), {}
  for _, id in ipairs(ids) do
    local millis, number = string.match(id, '^(%d+)-(%d+)$')
    age[id] = (tonumber(millis) or 0) * 1000 + (tonumber(number) or 0)
  end
  table.sort(ids, function(one, other) return age[one] > age[other] end)
  local bytes = 0
  for index, id in ipairs(ids) do
    local moved = redis.pcall('HGET', ours('inverse:' .. id), 'bytes')
    bytes = bytes + redis.call('HSTRLEN', ours('inverses'), id) + (type(moved) == 'string' and tonumber(moved) or 0)
    if index > 1 and (index > INVERSES_KEPT or bytes > INVERSE_BYTES) then
      redis.call('HDEL', ours('inverses'), id)
      redis.call('UNLINK', ours('inverse:' .. id))
    end
  end
end
