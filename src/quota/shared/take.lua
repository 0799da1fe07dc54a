-- Takes a token out of a bucket, or as many as there are to come within the wait; else tells how long it would be.
-- A bucket is full again at one moment, which every token moves on by the time that it takes to refill one. Times are
-- microseconds of this server's clock.
-- KEYS: when the bucket is full, the tokens that may come back. ARGV: a name for the token, interval, burst, most wait.
local token, interval, burst, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function text(number) return string.format('%.0f', number) end

local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local next = full_at + interval
local wait = math.max(next - burst * interval - now, 0)
if wait > most then return { '0', text(full_at - now), text(wait) } end

local forgotten_in = text(math.ceil((next - now) / 1000) + 1000)
redis.call('SET', KEYS[1], text(next), 'PX', forgotten_in)
-- What would have been refilled by now is worth nothing any more.
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now))
redis.call('ZADD', KEYS[2], text(next), token)
redis.call('PEXPIRE', KEYS[2], forgotten_in)
return { '1', text(next - now), text(wait) }
