-- Write the entry of an active run anew that cannot be read: else it stands in its schedule's way for ever. ARGV[2] is
-- JSON: {id, seal = the SHA-1 of what lies there, name, run, entry}; without an entry the id is that of no run of ours,
-- and what lies there is removed. Answers 1 when it was done.
local lost = cjson.decode(ARGV[2])
local bad = wrong_type(our_types())
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end
local raw = redis.call('HGET', ours('active'), lost.id)
if not raw or redis.sha1hex(raw) ~= lost.seal then return 0 end
local reason = 'its entry among the active runs could not be read'
if not lost.entry then
  redis.call('HDEL', ours('active'), lost.id)
  record_event({event = 'removed', job = lost.id, reason = reason})
  return 1
end
if not redis.call('ZSCORE', ours('active_index'), index_of(lost.name, lost.run)) then lost.entry.alone = true end
set_active(lost.id, lost.name, lost.run, lost.entry)
record_event({event = 'healed', schedule = lost.name, tick = lost.entry.tick, job = lost.id, reason = reason})
return 1
