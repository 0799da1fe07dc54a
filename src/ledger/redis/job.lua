-- Writes down how far a job has come.
-- KEYS: the job, all unfinished jobs. ARGV: prefix, whether it goes on, whether it failed, how long its call is kept from
-- now on (ms; 0: for as long as the upstream may have the job), then fields and values of its call.
local id = redis.call('GET', KEYS[1])
local call = ARGV[1] .. 'call:' .. (id or '')
if not id or redis.call('EXISTS', call) == 0 then return 0 end
local before, is_used = unpack(redis.call('HMGET', call, 'job_status', 'is_used'))
redis.call('HSET', call, unpack(ARGV, 5))
-- Nobody pays for what failed, unless it had been made.
if ARGV[3] == '1' and is_used == '1' and before ~= 'completed' and before ~= 'deleted' then count(ARGV[1], call, -1) end
if ARGV[2] == '1' then
  redis.call('ZADD', KEYS[2], redis.call('HGET', call, 'at'), id)
else
  redis.call('ZREM', KEYS[2], id)
end
if ARGV[4] ~= '0' then
  for _, key in ipairs({ KEYS[1], call }) do redis.call('PEXPIRE', key, ARGV[4]) end
end
return 1
