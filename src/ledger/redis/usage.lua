-- Counts a call among what its client has had made that day, or takes it out again (a sign of -1).
local function count(prefix, call, sign)
  local at, client, seconds, money = unpack(redis.call('HMGET', call, 'at', 'client', 'seconds', 'money'))
  local day = prefix .. 'usage:' .. math.floor(at / 86400000)
  for name, number in pairs({ requests = 1, seconds = seconds or 0, money = money or 0 }) do
    redis.call('HINCRBY', day, client .. '\0' .. name, string.format('%.0f', number * sign))
  end
  -- This month's and the last one's.
  redis.call('PEXPIRE', day, 62 * 86400000)
  redis.call('HSET', call, 'is_used', sign == 1 and '1' or '0')
end

