-- How long until each bucket is full. KEYS: when they are.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local found = {}
for place, key in ipairs(KEYS) do
  local full_at = tonumber(redis.call('GET', key) or 0)
  found[place] = string.format('%.0f', math.max(full_at - now, 0))
end
return found
