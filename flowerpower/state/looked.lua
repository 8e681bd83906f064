-- A scheduler has looked after runs because something asked for it: that is done, unless something asks anew. ARGV[2] is
-- what asked.
if has_type(ours('look'), 'string') and redis.call('GET', ours('look')) == ARGV[2] then redis.call('DEL', ours('look')) end
return 1
