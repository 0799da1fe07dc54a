-- Sends one request, byte for byte as it stands in the file RIG_REQUEST. Where that says @NUMBER@, each has a number of
-- its own.
local file = assert(io.open(os.getenv("RIG_REQUEST"), "rb"))
local text = file:read("*a")
file:close()

local before, after = text:match("^(.-)@NUMBER@(.*)$")
if before then
  local number = 10000000
  wrk.format = function()
    number = number + 1
    return before .. number .. after
  end
  -- Asked for every request.
  request = wrk.format
else
  -- wrk asks once and then repeats it in C: as quick as without a script.
  wrk.format = function() return text end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"seconds":%f,"not_2xx":%d,"broken":%d,"p50_us":%d,"p99_us":%d}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
