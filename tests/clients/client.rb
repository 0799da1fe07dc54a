# Ruby's own net/http.
require "json"
require "net/http"

url, kind, seconds, picture, filename, prompt = ARGV
uri = URI("#{url}/videos")
request = Net::HTTP::Post.new(uri, "Authorization" => "Bearer sk-test")
fields = { "model" => "sora-2", "prompt" => prompt, "seconds" => seconds, "size" => "1280x720" }
if kind == "form"
  file = File.open(picture, "rb")
  parts = fields.to_a + [["input_reference", file, { filename: filename, content_type: "image/png" }]]
  request.set_form(parts, "multipart/form-data")
else
  request["Content-Type"] = "application/json"
  request.body = JSON.generate(fields)
end
answer = Net::HTTP.start(uri.host, uri.port) { |http| http.request(request) }
puts answer.code, answer.body
