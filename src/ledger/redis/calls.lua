-- Calls of an index, newest first. KEYS: the index. ARGV: prefix, since, at most so many.
local found = {}
for _, id in ipairs(redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', ARGV[2], 'LIMIT', 0, ARGV[3])) do
  local call = redis.call('HGETALL', ARGV[1] .. 'call:' .. id)
  if #call > 0 then found[#found + 1] = call end
end
return found
