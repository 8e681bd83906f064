-- Forget run specs that nothing names any more. ARGV[2] is the generation they were found unused in, ARGV[3..] their digests.
-- Answers how many were forgotten; none when an apply came in between.
local bad = wrong_type(our_types())
if bad then return redis.error_reply('WRONGTYPE ' .. bad) end
if redis.call('HGET', ours('head'), 'generation') ~= ARGV[2] then return 0 end
local named = table.concat(redis.call('HVALS', ours('active')), ' ')
local forgotten = 0
for index = 3, #ARGV do
  if not string.find(named, ARGV[index], 1, true) then
    forgotten = forgotten + redis.call('HDEL', ours('specs'), ARGV[index])
    redis.call('HDEL', ours('signatures'), ARGV[index])
  end
end
return forgotten
