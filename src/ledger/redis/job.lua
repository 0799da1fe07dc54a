-- Writes down how far a job has come.
-- KEYS: the job, all unfinished jobs. ARGV: prefix, whether it goes on, then fields and values of its call.
local id = redis.call('GET', KEYS[1])
local call = ARGV[1] .. 'call:' .. (id or '')
if not id or redis.call('EXISTS', call) == 0 then return 0 end
redis.call('HSET', call, unpack(ARGV, 3))
if ARGV[2] == '1' then
  redis.call('ZADD', KEYS[2], redis.call('HGET', call, 'at'), id)
else
  redis.call('ZREM', KEYS[2], id)
end
return 1
