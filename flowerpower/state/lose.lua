-- A run waits for its next attempt, and nobody has told how the one before ended: its worker is gone. ARGV[2] is JSON:
-- {id, name, seen = its execution as it was}. The execution stays: should its worker wake up, its word still counts.
-- Answers 1 when that was recorded, 0 when the run is not as it was seen, or it is known already.
local lost = cjson.decode(ARGV[2])
local types = our_types()
types[job_key(lost.id)] = 'hash'
local bad = wrong_type(types)
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end

local entry = read_active(lost.id)
if not entry or entry.gone == lost.seen or text_of(entry.execution, '') ~= lost.seen then return 0 end
local status = redis.call('HGET', job_key(lost.id), 'status')
if status ~= 'queued' and status ~= 'scheduled' then return 0 end
if redis.call('EXISTS', names.rq .. ':execution:' .. lost.id .. ':' .. lost.seen) == 1 then return 0 end

entry.gone = lost.seen -- an older worker that begins the next attempt leaves it here
redis.call('HSET', ours('active'), lost.id, cjson.encode(entry))
record_lost(lost.id, name_of(entry, lost.name), entry, WORKER_GONE)
return 1
