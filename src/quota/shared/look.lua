-- How long until each bucket is full, behind a mark that is another one once the server has forgotten everything.
-- KEYS: the mark, when the buckets are full. ARGV: a mark to set where there is none.
redis.call('SET', KEYS[1], ARGV[1], 'NX')
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local found = { redis.call('GET', KEYS[1]) }
for place = 2, #KEYS do
  local full_at = tonumber(redis.call('GET', KEYS[place]) or 0)
  found[place] = string.format('%.0f', math.max(full_at - now, 0))
end
return found
