-- Changes one field of a call that there is. KEYS: the call. ARGV: the command, the field, its value.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call(ARGV[1], KEYS[1], ARGV[2], ARGV[3])
return 1
