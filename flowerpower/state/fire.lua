-- Decide due ticks: record the missed, push the runs, create the next occurrence, move the cursor, in one step.
-- ARGV[2]: JSON, what schedules have in common: {{queue, overlap, room (for ticks that wait; none: none do),
--   call = how a job's call begins, job = {field, value, ...}, after = schedules that must have succeeded (none: it comes
--   after none), deadline = seconds that it may wait for them (0: as long as it takes)}, ...}
-- ARGV[3..]: for each schedule, each of another one, these fields, a NUL after each:
--   which of those it has, name, digest, meta = JSON without its end, which is told per tick, its cursor as read, the
--   revision and the pending id in it, mode, decided = tick, the tick that runs, its moment in words, local time, the next
--   tick, when it is due, its moment in words, local time, and JSON of what is rare:
--   {runs = {{tick, its moment in words, local time}}, all of them where it is not one, missed = {{first, last, count,
--    reason}}, claimed = as one of runs, or late = {tick, reason} for one that is in a worker's hands and does not run}
--   Fields of which there is nothing are empty.
-- mode: 'due' (the occurrence waits and is due), 'heal' (there is none), 'claimed' (a stock scheduler moved it, it runs).
-- Answers one word for each: fired, moved (someone else decided, or holds it), early, damaged.
local seconds, micros = now()
local bad = wrong_type(our_types())
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end
local stamp = stamp_of(seconds, micros)
local shapes = cjson.decode(ARGV[2])
local is_any_held = redis.call('HLEN', ours('holds')) > 0

-- To print a number is slow, and many schedules have the same ticks.
local written = {}
local function digits(number)
  local text = written[number]
  if not text then
    text = string.format('%d', number)
    written[number] = text
  end
  return text
end

-- As many schedules have the same ticks, each is read and written once.
local numbers = {}
local function number(text)
  local found = numbers[text]
  if not found then
    found = tonumber(text)
    numbers[text], written[found] = found, text
  end
  return found
end

-- A tick and the job of it: their texts are needed more than once, and to put one together is slow.
local function named(name, run, tick_text)
  run[1] = number(tick_text)
  run.id = names.queues .. name .. '--' .. tick_text
  run.key = job_key(run.id)
  return run
end

local NONE = {}
local function runs_of(name, tick, words, tick_text, several)
  if not several then return tick ~= '' and {named(name, {0, words, tick_text}, tick)} or {} end
  for _, run in ipairs(several) do named(name, run, run[1]) end
  return several
end

-- To read JSON would be a tenth of all that firing costs.
local function read_fire(text)
  local of, name, digest, meta, cursor, revision, pending, mode, decided, tick, words, tick_text, next_tick, due,
    next_words, next_text, rare, after = struct.unpack('sssssssssssssssss', text)
  if after ~= #text + 1 then error('a message of another version: ' .. name) end
  local shape, rest = shapes[number(of)], rare ~= '' and cjson.decode(rare) or NONE
  local job = {unpack(shape.job)}
  job[#job + 1] = 'data'
  job[#job + 1] = shape.call .. name .. '", "' .. digest .. '"], {}]'
  return {name = name, digest = digest, meta = meta, cursor = cursor, revision = revision, mode = mode, decided = decided,
    pending = pending ~= '' and pending or nil, runs = runs_of(name, tick, words, tick_text, rest.runs),
    next = next_tick ~= '' and named(name, {0, next_words, next_text, due = due}, next_tick) or nil,
    missed = rest.missed or NONE, claimed = rest.claimed and named(name, rest.claimed, rest.claimed[1]), late = rest.late,
    job = job, queue = shape.queue, overlap = shape.overlap, room = shape.room, after = shape.after,
    deadline = shape.deadline}
end

local function description_of(fire, words) return fire.name .. ' @ ' .. words end

-- What is read for many schedules at once: their cursors, when their occurrences are due, and whether any next one is
-- there already.
local cursors, due_at, is_next_there = {}, {}, false

local queues = {}
local function is_sound_queue(queue)
  if queues[queue] == nil then
    queues[queue] = has_type(queue_key(queue), 'list') and has_type(scheduled_key(queue), 'zset')
  end
  return queues[queue]
end

local function look_ahead(fires)
  local of_cursors, next_jobs, pending = {}, {}, {}
  for index, fire in ipairs(fires) do
    of_cursors[index] = fire.name
    if fire.next then next_jobs[#next_jobs + 1] = fire.next.key end
    if fire.mode == 'due' and fire.pending and is_sound_queue(fire.queue) then
      pending[fire.queue] = pending[fire.queue] or {}
      table.insert(pending[fire.queue], fire.pending)
    end
  end
  cursors, is_next_there = fetch(ours('cursors'), of_cursors), any_exists(next_jobs)
  for queue, ids in pairs(pending) do
    for index, due in ipairs(redis.call('ZMSCORE', scheduled_key(queue), unpack(ids))) do due_at[ids[index]] = due end
  end
end

local function look_at_job(fire, run)
  local found = redis.call('TYPE', run.key).ok
  if found == 'hash' then fire.stale[run.id] = true end
  return found == 'hash' or found == 'none'
end

-- Note what lies where jobs will be written; false if one of it is not a job.
local function look_at_jobs(fire)
  fire.stale = {}
  for _, run in ipairs(fire.runs) do
    if not look_at_job(fire, run) then return false end
  end
  return not (fire.next and is_next_there) or look_at_job(fire, fire.next)
end

-- Outcomes are written only of what does not run as a matter of course.
local function may_record(fire)
  return fire.busy or fire.room or #fire.missed > 0 or #fire.runs > 1 or fire.mode == 'claimed'
end

local function check(fire)
  if cursors[fire.name] ~= fire.cursor then return 'moved' end
  if is_any_held and redis.call('HEXISTS', ours('holds'), fire.name) == 1 then return 'moved' end
  if not is_sound_queue(fire.queue) then return 'damaged' end
  if fire.mode == 'due' then
    local due = due_at[fire.pending]
    if not due then return 'moved' end
    if tonumber(due) > seconds then return 'early' end
  end
  fire.busy = fire.overlap == 'skip' and has_active(fire.name)
  if may_record(fire) and not has_type(ours('outcomes:' .. fire.name), 'zset') then return 'damaged' end
  if not look_at_jobs(fire) then return 'damaged' end
  if fire.overlap == 'cancel_other' and has_active(fire.name) then
    fire.others = runs_in_flight(active_ids(fire.name))
    if not fire.others then return 'damaged' end
  end
end

local SKIPPED = 'overlap'
local TOOK = 'overlap: a newer tick took its place'
local FULL = {buffer_one = TOOK .. ' in the buffer', buffer_all = 'overlap: the buffer was full', cancel_other = TOOK}

local function write_fresh_job(fire, run, status)
  if fire.stale[run.id] then redis.call('DEL', run.key) end
  write_new_job(stamp, fire, run.key, status, description_of(fire, run[2]), run[3])
end

-- The entry that `activate` writes, put together by hand: to encode a table is a twentieth of all that firing costs.
local function entry_text(fire, tick)
  return '{"name":"' .. fire.name .. '","tick":' .. digits(tick) .. ',"attempt":0,"since":' .. digits(seconds) .. ',"commit":'
    .. stamp.commit_text .. ',"queue":"' .. fire.queue .. '","digest":"' .. fire.digest .. '"}'
end

-- What has to wait for other schedules is put where RQ lets it wait: a worker would only be told so. Answers whether it was.
local function put_off(fire, run)
  local word, why, busy = held_back(fire.name, fire.after, run[1])
  if word ~= 'wait' then return false end
  local entry = {name = fire.name, tick = run[1], attempt = 0, since = seconds, commit = stamp.commit, queue = fire.queue,
    digest = fire.digest}
  note_wait(entry, why, fire.after, fire.deadline)
  set_active(run.id, fire.name, digits(run[1]), entry)
  write_fresh_job(fire, run, 'scheduled')
  redis.call('ZADD', scheduled_key(fire.queue), seconds + patience(0, fire.deadline), run.id)
  note_awaited(busy, run.id)
  record_event({event = 'waiting', schedule = fire.name, tick = run[1], reason = why, job = run.id})
  fire.busy = fire.overlap == 'skip'
  return true
end

local function start(fire, run)
  local tick = run[1]
  if fire.busy then return record_range(fire.name, {tick, tick, 1}, 'skipped', SKIPPED, seconds) end
  if fire.after and put_off(fire, run) then return end
  later('HSET', ours('active'), run.id, entry_text(fire, tick))
  later('ZADD', ours('active_index'), 0, index_of(fire.name, digits(tick)))
  write_fresh_job(fire, run, 'queued')
  later('RPUSH', queue_key(fire.queue), run.id)
  fire.busy = fire.overlap == 'skip'
end

-- The ticks that have to wait; the oldest fall out where there is no room for all.
-- Where at most one does, what waited already is not read: `all` and `others` are its text.
local function let_wait(fire, first, buffer, all, others)
  local added = {}
  for index = first, #fire.runs do
    local tick, words, tick_text = unpack(fire.runs[index])
    added[#added + 1] = {tick, seconds, description_of(fire, words), tick_text}
    record_event({event = 'buffered', schedule = fire.name, tick = tick})
  end
  local status = fire.overlap == 'cancel_other' and 'cancelled' or 'skipped'
  local over = all and count_of(all) + #added - fire.room
  local by_text = all and (over <= 0 or over == 1 and others ~= '')
  if all and not by_text then buffer = read_buffer(fire.name) or {ticks = {}} end
  buffer.queue, buffer.digest, buffer.job, buffer.meta = fire.queue, fire.digest, fire.job, fire.meta
  if by_text then
    if over == 1 then record_dropped(fire.name, buffer.ticks, status, FULL[fire.overlap], 'overlap', seconds) end
    return write_ticks(fire.name, buffer, (over == 1 and others or all) .. ',' .. text_of_ticks(added))
  end
  for _, item in ipairs(added) do table.insert(buffer.ticks, item) end
  trim(fire.name, buffer, fire.room, status, FULL[fire.overlap], 'overlap', seconds)
  write_buffer(fire.name, buffer)
end

-- Only the newest of several due ticks has a reason to start; what is active makes way for it.
local function make_way(fire)
  if #fire.runs == 0 then return end
  local newest = table.remove(fire.runs)
  record_dropped(fire.name, fire.runs, 'cancelled', TOOK, 'overlap', seconds)
  fire.runs = {newest}
  if fire.others then cancel_runs(fire.name, fire.others, TOOK, 'overlap', seconds) end
end

-- One at a time, in their order: what waits already is before what is due now.
local function start_in_turn(fire)
  if fire.overlap == 'cancel_other' then make_way(fire) end
  local first, buffer, all, others = 1, look_at_buffer(fire.name)
  if not buffer and #fire.runs > 0 and not has_active(fire.name) then
    start(fire, fire.runs[1])
    first = 2
  end
  if first > #fire.runs then return end
  let_wait(fire, first, buffer or {ticks = {}}, all, others)
  flush()
  release(fire.name, seconds, micros, stamp.commit)
end

-- A stock scheduler has handed the occurrence to a worker, which asks before it runs it: it may have to wait, or is
-- skipped, as any other tick.
local function take_claimed(fire)
  local run, late = fire.claimed, fire.late
  if late then
    call_back(fire.pending)
    return record_dropped(fire.name, {late}, 'missed', late[2], 'catch-up', seconds)
  end
  if fire.others then cancel_runs(fire.name, fire.others, TOOK, 'overlap', seconds) end
  fire.others = nil
  local is_first = not has_active(fire.name) and redis.call('HEXISTS', ours('buffers'), fire.name) == 0
  if fire.overlap == 'allow' or is_first then
    activate(stamp, fire, fire.name, run[1], fire.pending, seconds)
    fire.busy = fire.overlap == 'skip'
    return
  end
  call_back(fire.pending)
  if fire.room then
    table.insert(fire.runs, 1, run)
  else
    record_dropped(fire.name, {run}, 'skipped', SKIPPED, 'overlap', seconds)
  end
end

local function write_next(fire)
  local following = fire.next
  if not following then return '-' end
  write_fresh_job(fire, following, 'scheduled')
  later('ZADD', scheduled_key(fire.queue), following.due, following.id)
  return following.id
end

local function take_from_registry(fire)
  later('ZREM', scheduled_key(fire.queue), fire.pending)
  later('DEL', job_key(fire.pending))
  fire.stale[fire.pending] = nil
end

local noted = {}
local function note_queue(queue)
  if not noted[queue] then redis.call('SADD', names.rq .. ':queues', queue_key(queue)) end
  noted[queue] = true
end

local function fire_one(fire)
  if fire.mode == 'claimed' then take_claimed(fire) end
  for _, range in ipairs(fire.missed) do
    record_range(fire.name, range, 'missed', range[4], seconds)
  end
  if fire.room then
    start_in_turn(fire)
  else
    for _, run in ipairs(fire.runs) do start(fire, run) end
  end
  local next_id = write_next(fire)
  note_queue(fire.queue)
  later('HSET', ours('cursors'), fire.name, fire.decided .. ' ' .. fire.revision .. ' ' .. next_id)
  if fire.mode == 'heal' then record_event({event = 'healed', schedule = fire.name, tick = fire.decided, job = next_id}) end
end

local fires, answers = {}, {}
for index = 3, #ARGV do fires[index - 2] = read_fire(ARGV[index]) end
look_ahead(fires)
for index, fire in ipairs(fires) do
  answers[index] = check(fire) or 'fired'
  if answers[index] == 'fired' and fire.pending and fire.mode ~= 'claimed' then take_from_registry(fire) end
end
flush()
for index, fire in ipairs(fires) do
  if answers[index] == 'fired' then fire_one(fire) end
end
flush()
empty_lists()
return answers
