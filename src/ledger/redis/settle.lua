-- Writes down what became of a call. Of two outcomes the first counts, but for one that was only presumed because its
-- process was silent.
-- KEYS: the call, its answer, its job, all unfinished jobs, the mark of a call given up.
-- ARGV: prefix, id, keep (ms), keep of the answer (ms), how long the mark lasts (ms), whether its client had left,
-- whether its outcome stands, whether its job goes on, whether it counts as made, whether there is an answer, its
-- headers, its body, then fields and values of the call.
local call, answer, job, unfinished, given_up = unpack(KEYS)
local prefix, id, keep, keep_answer, mark, left, stands, goes_on, used, is_kept, headers, body = unpack(ARGV)

local state, presumed, instance, index, at = unpack(
  redis.call('HMGET', call, 'state', 'presumed', 'instance', 'index', 'at'))
if not state then
  redis.call('SET', given_up, '1', 'PX', mark)
  return 0
end
if state ~= 'open' and not presumed then return 0 end

redis.call('HDEL', call, 'presumed')
redis.call('HSET', call, 'stands', stands, unpack(ARGV, 13))
if used == '0' and redis.call('HGET', call, 'is_used') == '1' then count(prefix, call, -1) end
if left == '1' then redis.call('HSET', call, 'client_left', '1') end
redis.call('SREM', prefix .. 'open:' .. instance, id)
-- A key is free again after a refusal that was about the moment.
if stands == '0' and redis.call('HEXISTS', call, 'idempotency_key') == 1 then redis.call('ZREM', index, id) end
if is_kept == '1' then
  redis.call('HSET', answer, 'headers', headers, 'body', body)
  redis.call('PEXPIRE', answer, keep_answer)
end
if job ~= '' then
  local other = redis.call('GET', job)
  -- Ids begin with the time.
  if not other or other < id then redis.call('SET', job, id) end
  -- Whose the job is must be known for as long as the upstream may have it.
  redis.call('PERSIST', call)
end
if goes_on == '1' then
  redis.call('ZADD', unfinished, at, id)
  redis.call('ZREMRANGEBYSCORE', unfinished, '-inf', '(' .. string.format('%.0f', at - keep))
  redis.call('PEXPIRE', unfinished, keep)
end
return 1
