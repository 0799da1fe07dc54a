-- Says that a process is alive. If it may, it looks after those that have been silent for longer than the lease: what
-- they had open is unknown from now on. Yields how many calls that were.
-- KEYS: all processes. ARGV: prefix, instance, lease (ms), whether it may, the date (ms).
local prefix, instance, lease, may, date = unpack(ARGV)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], string.format('%.0f', now), instance)
if may ~= '1' then return 0 end
local interrupted = 0
local silent = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - lease), 'LIMIT', 0, 10)
for _, other in ipairs(silent) do
  local open = prefix .. 'open:' .. other
  -- A little at a time: everybody waits meanwhile.
  for _, id in ipairs(redis.call('SPOP', open, 500)) do
    local call = prefix .. 'call:' .. id
    if redis.call('HGET', call, 'state') == 'open' then
      redis.call('HSET', call, 'state', 'unknown', 'error_code', 'interrupted', 'updated', date, 'presumed', '1')
      interrupted = interrupted + 1
    end
  end
  if redis.call('EXISTS', open) == 0 then redis.call('ZREM', KEYS[1], other) end
end
return interrupted
