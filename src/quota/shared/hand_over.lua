-- Enters what was taken while this server was away. What a gateway last saw of the bucket counts too: the server may
-- have forgotten it.
-- KEYS: when the bucket is full. ARGV: when a gateway last saw that it would be, what was taken, what the bucket holds.
local seen, taken, whole = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function text(number) return string.format('%.0f', number) end

local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now + seen)
full_at = math.max(full_at, math.min(math.max(full_at, now) + taken, now + whole))
if full_at > now then
  redis.call('SET', KEYS[1], text(full_at), 'PX', text(math.ceil((full_at - now) / 1000) + 1000))
end
return text(math.max(full_at - now, 0))
