-- Take or renew the lease of the scheduler that works first. ARGV[2] is its name, ARGV[3] the seconds it lasts.
-- Answers 1 when this scheduler holds it.
local key = ours('scheduler')
local holder = redis.call('GET', key)
if holder and holder ~= ARGV[2] then return 0 end
redis.call('SET', key, ARGV[2], 'EX', ARGV[3])
return 1
