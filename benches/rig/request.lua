-- Sends one request, byte for byte as it stands in the file RIG_REQUEST.
local file = assert(io.open(os.getenv("RIG_REQUEST"), "rb"))
local request = file:read("*a")
file:close()

-- wrk asks once and then repeats it in C: as quick as without a script.
wrk.format = function() return request end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"seconds":%f,"not_2xx":%d,"broken":%d,"p50_us":%d,"p99_us":%d}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
