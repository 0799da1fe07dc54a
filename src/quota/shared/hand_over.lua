-- Enters what was taken from a gateway's part while this server was away; and where it has forgotten the bucket, what
-- the gateway last saw of it. Gateways come one after the other, in any order: of what they saw the most counts, and
-- what they took is added up.
-- KEYS: when the bucket is full, what was entered since the server has forgotten. ARGV: how long until it would be full
-- by what was seen (0 where nothing was forgotten), what was taken, what the bucket holds.
local seen, taken, whole = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function text(number) return string.format('%.0f', number) end

local before = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local full_at = before + taken
if seen > 0 then
  local entered = tonumber(redis.call('GET', KEYS[2]) or 0)
  full_at = math.max(before - entered, now + seen) + entered + taken
  redis.call('SET', KEYS[2], text(entered + taken), 'PX', 60000)
end
-- Nobody ever owes more than the whole bucket, unless it was promised.
full_at = math.max(before, math.min(full_at, now + whole))
if full_at > now then
  redis.call('SET', KEYS[1], text(full_at), 'PX', text(math.ceil((full_at - now) / 1000) + 1000))
end
return text(full_at - now)
