-- The call that a key names: a job's, or a request's. KEYS: that key. ARGV: prefix.
local id = redis.call('GET', KEYS[1])
return id and redis.call('HGETALL', ARGV[1] .. 'call:' .. id) or {}
