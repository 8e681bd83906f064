-- Take or renew the lease of the scheduler that works first. ARGV[2] is its name, ARGV[3] the seconds it lasts.
-- Answers {1 when this scheduler holds it or 0, generation, when it was applied, by which zone rules, the time, what asks
-- it to look after runs now or nothing}: who stands by sees them too, and leaves the last to who does not. What asks stays
-- until that is done: this answer may not arrive, and whoever gets it may not come to look.
-- A lease that would never end, or of another type, is nobody's.
local key = ours('scheduler')
local holder = has_type(key, 'string') and redis.call('PTTL', key) > 0 and redis.call('GET', key)
local held = (not holder or holder == ARGV[2]) and 1 or 0
if held == 1 then redis.call('SET', key, ARGV[2], 'EX', ARGV[3]) end
local looks = held == 1 and has_type(ours('look'), 'string') and redis.call('GET', ours('look')) or ''
local seconds = now()
local head = has_type(ours('head'), 'hash') and redis.call('HMGET', ours('head'), 'generation', 'when', 'tzdata') or {}
return {held, head[1] or '', head[2] or '', string.sub(head[3] or '', 1, 64), seconds, looks}
