-- What each client has had made. KEYS: the index of all calls. ARGV: prefix, since.
-- A call counts from its record on, until it was refused or its job has failed: what may have been made does.
local clients, sums = {}, {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[2], '+inf')) do
  local call = redis.call('HMGET', ARGV[1] .. 'call:' .. id, 'client', 'state', 'job_status', 'seconds', 'price')
  local client = call[1]
  if client and call[2] ~= 'refused' and call[3] ~= 'failed' then
    local sum = sums[client]
    if not sum then
      sum = { 0, 0, 0 }
      sums[client] = sum
      clients[#clients + 1] = client
    end
    sum[1] = sum[1] + 1
    sum[2] = sum[2] + (tonumber(call[4]) or 0)
    -- In whole millionths, as budgets count.
    sum[3] = sum[3] + math.floor((tonumber(call[5]) or 0) * 1000000 + 0.5)
  end
end
local rows = {}
for _, client in ipairs(clients) do
  local sum = sums[client]
  rows[#rows + 1] = { client, string.format('%.0f', sum[1]), string.format('%.0f', sum[2]), string.format('%.0f', sum[3]) }
end
return rows
