-- Take away a run spec that is not what its digest says, so that a plan misses it and apply writes it anew. ARGV[2] is the
-- digest, ARGV[3] the SHA-1 of the text as it was seen: an apply may have mended it meanwhile. Answers 1 when it is gone.
local bad = wrong_type({[ours('specs')] = 'hash'})
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end
local text = redis.call('HGET', ours('specs'), ARGV[2])
if not text or redis.sha1hex(text) ~= ARGV[3] then return 0 end
return redis.call('HDEL', ours('specs'), ARGV[2])
