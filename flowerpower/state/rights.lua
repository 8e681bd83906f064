-- Answers which commands that the scripts and workers need this user may not run here; nothing is written.
-- Redis before 7.0 cannot tell: {'unknown'}.
if not redis.acl_check_cmd then return {'unknown'} end
local queue, job = names.queues .. 'default', job_key(names.queues .. 'doctor')
local refused = {}
for _, command in ipairs({
  {'HSET', ours('head'), 'a', 'b'}, {'HGET', ours('head'), 'a'}, {'XADD', ours('runs'), '*', 'a', 'b'},
  {'ZADD', ours('outcomes:doctor'), '1', 'a'}, {'HSET', job, 'a', 'b'}, {'DEL', job},
  {'ZADD', scheduled_key(queue), '1', 'a'}, {'RPUSH', queue_key(queue), 'a'},
  {'SADD', names.rq .. ':queues', 'a'}, {'SET', ours('scheduler'), 'a', 'EX', '5'}, {'TYPE', ours('head')}, {'TIME'},
}) do
  if not redis.acl_check_cmd(unpack(command)) then
    refused[#refused + 1] = command[1] .. (command[2] and ' ' .. command[2] or '')
  end
end
return refused
