-- Writes a record down, unless there is one that its claim had to know of: then yields that one's id.
-- The rule is guard::met's, and a test holds the two to each other.
-- KEYS: the call, its index, all calls, the open ones of its process, its request id, the mark of a call given up.
-- ARGV: prefix, id, at, keep (ms), keep of the index (ms), since, kind (key, repeat or first), instance, overtaken
-- since, the number of known ids and these, then fields and values of the call.
local call, index, calls, open, request, given_up = unpack(KEYS)
local prefix, id, at, keep, keep_index, since, kind, instance, overtaken = unpack(ARGV)
local first_field = 11 + ARGV[10]

local function of(other)
  return unpack(redis.call('HMGET', prefix .. 'call:' .. other, 'state', 'stands', 'instance', 'is_repeat'))
end

local function held()
  local refused
  for _, other in ipairs(redis.call('ZREVRANGEBYSCORE', index, '+inf', since, 'LIMIT', 0, 64)) do
    local state, stands = of(other)
    if state and state ~= 'refused' then return other end
    if state and not refused then refused = { other, stands } end
  end
  return refused and refused[2] == '1' and refused[1]
end

local function unknown()
  local known = {}
  for place = 11, first_field - 1 do known[ARGV[place]] = true end
  for _, other in ipairs(redis.call('ZREVRANGEBYSCORE', index, '+inf', since, 'LIMIT', 0, 64)) do
    local state, _, by = of(other)
    if state and state ~= 'refused' and by ~= instance and not known[other] then return other end
  end
end

local function overtaking()
  local oldest, oldest_at = unpack(redis.call('ZRANGEBYSCORE', index, since, '+inf', 'WITHSCORES', 'LIMIT', 0, 1))
  if oldest and tonumber(oldest_at) >= tonumber(overtaken) then
    local _, _, by, is_repeat = of(oldest)
    if is_repeat == '1' and by ~= instance then return oldest end
  end
end

-- It was so long on its way that nobody waits for it any more: it must not come to life again.
if redis.call('EXISTS', given_up) == 1 then return redis.error_reply('ERR the call was given up') end
local met = ({ key = held, ['repeat'] = unknown, first = overtaking })[kind]()
if met then return met end

redis.call('HSET', call, unpack(ARGV, first_field))
redis.call('PEXPIRE', call, keep)
count(prefix, call, 1)
redis.call('SET', request, id, 'PX', keep)
redis.call('SADD', open, id)
for key, kept in pairs({ [index] = keep_index, [calls] = keep }) do
  redis.call('ZADD', key, at, id)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', '(' .. string.format('%.0f', at - kept))
  redis.call('PEXPIRE', key, kept)
end
return false
