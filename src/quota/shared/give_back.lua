-- Puts a token back, as far as it is worth anything: a full bucket does not hold what is poured in.
-- KEYS: when the bucket is full, the tokens that may come back. ARGV: the token, interval.
local token, interval = ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function text(number) return string.format('%.0f', number) end

local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local own = redis.call('ZSCORE', KEYS[2], token)
if own then
  redis.call('ZREM', KEYS[2], token)
  local later = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. own, '+inf', 'LIMIT', 0, 1001)
  local worth = math.min(tonumber(own) - now, interval, full_at - now)
  -- Everybody waits while many are gone through. Then it is lost: fewer calls than allowed, never more.
  if worth > 0 and #later <= 1000 then
    for _, other in ipairs(later) do redis.call('ZINCRBY', KEYS[2], text(-worth), other) end
    full_at = full_at - worth
    redis.call('SET', KEYS[1], text(full_at), 'PX', text(math.ceil((full_at - now) / 1000) + 1000))
  end
end
return text(full_at - now)
