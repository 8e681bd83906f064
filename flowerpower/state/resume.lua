-- Lift holds: all or none of them, or with `each` every one that is still as it was read.
-- ARGV[2] is JSON: {who, reason, each}, ARGV[3..] one JSON object for each schedule:
--   {name, hold, record, cursor = SHA-1 of each text as it was read ('' for none), tick = the new cursor's (none: the
--    cursor stays), revision, ranges = {{first, last, count, status, reason}}, queue,
--    next = {id, due}, job = {field = value}, description, meta = JSON without its end}
-- Answers one word for each: resumed, moved (it is not as it was read), damaged (a key of another type is in the way).
local order = cjson.decode(ARGV[2])
local seconds, micros = now()
local bad = wrong_type(our_types())
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end
local commit_text = cjson.encode(redis.call('HGET', ours('head'), 'commit') or '')
local queues = our_queues()
for _, queue in ipairs(queues) do
  if not has_type(scheduled_key(queue), 'zset') then return redis.error_reply('WRONGTYPE ' .. scheduled_key(queue)) end
end

local function is_as_read(key, name, seal)
  local raw = redis.call('HGET', ours(key), name)
  return (raw and redis.sha1hex(raw) or '') == seal
end

local function check(item)
  if item.hold == '' then return 'moved' end
  if not (is_as_read('holds', item.name, item.hold) and is_as_read('schedules', item.name, item.record)
    and is_as_read('cursors', item.name, item.cursor)) then return 'moved' end
  if not has_type(ours('outcomes:' .. item.name), 'zset') then return 'damaged' end
  local _, _, pending = read_cursor(redis.call('HGET', ours('cursors'), item.name), item.name)
  item.pending = pending ~= '-' and pending or nil
  if item.pending and not has_type(job_key(item.pending), 'hash') then return 'damaged' end
  if item.next and not (has_type(job_key(item.next[1]), 'hash') and has_type(scheduled_key(item.queue), 'zset')) then
    return 'damaged'
  end
end

local items, answers, all_well = {}, {}, true
for index = 3, #ARGV do
  local item = cjson.decode(ARGV[index])
  local answer = check(item)
  items[#items + 1] = item
  answers[#answers + 1] = answer or 'resumed'
  all_well = all_well and not answer
end
if not all_well and not order.each then return answers end

local function start_again(item)
  for _, range in ipairs(item.ranges) do
    record_range(item.name, range, range[4], range[5], seconds, #items > EVENTS_APART)
  end
  if item.pending then take_pending(item.pending, queues) end
  local pending = '-'
  if item.next and redis.call('HEXISTS', ours('active'), item.next[1]) == 0 then
    pending = item.next[1]
    local texts = {description = item.description, meta = item.meta .. ', "commit": ' .. commit_text .. '}'}
    write_pending(item.queue, pending, item.next[2], rq_time(seconds, micros), {item.job, texts})
  end
  redis.call('HSET', ours('cursors'), item.name, string.format('%d %d %s', item.tick, item.revision, pending))
end

local resumed = {}
for index, item in ipairs(items) do
  if answers[index] == 'resumed' then
    redis.call('HDEL', ours('holds'), item.name)
    if item.tick then start_again(item) end
    release(item.name, seconds, micros)
    resumed[#resumed + 1] = {item.name}
  end
end
record_many('resumed', resumed, {who = order.who, reason = order.reason})
return answers
