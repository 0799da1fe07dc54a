// Anthropic's SDK: messages pass, stream as they come, and fail in Anthropic's words.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";

import { Gateway, KEY, caught, clientOf, configuredFor } from "./reelgate.mjs";
import { CUT, Upstream, answer, stream } from "./scripted.mjs";

const HELLO = { model: "claude", max_tokens: 16, messages: [{ role: "user", content: "hi" }] };

const MESSAGE = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude",
  content: [{ type: "text", text: "Hello there" }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 8, output_tokens: 2 },
};

const ID = { "request-id": "req_upstream" };

const error = (type, message = "no") => ({ type: "error", error: { type, message }, request_id: "req_upstream" });
const event = (data) => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
const delta = (text) => event({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } });
const BEGIN =
  event({ type: "message_start", message: { ...MESSAGE, content: [], stop_reason: null } }) +
  event({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } });
const END =
  event({ type: "content_block_stop", index: 0 }) +
  event({ type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 2 } }) +
  event({ type: "message_stop" });

let upstream, gateway, client;

before(async () => {
  upstream = await Upstream.start();
  gateway = await Gateway.start(configuredFor(upstream.url, '\n[limits]\nmessages_body = "4KiB"\n'));
  const baseURL = gateway.url.replace(/\/v1$/, "");
  client = new Anthropic({ baseURL, authToken: KEY, apiKey: null, maxRetries: 0 });
});

after(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
});

test("a message passes", async () => {
  upstream.play(answer(200, MESSAGE, ID));
  const message = await client.messages.create(HELLO);
  assert.deepEqual([message.content[0].text, message._request_id], ["Hello there", "req_upstream"]);
  const [{ method, path, headers, body }] = upstream.asked;
  assert.deepEqual([method, path, headers.authorization], ["POST", "/v1/messages", `Bearer ${KEY}`]);
  assert.deepEqual(JSON.parse(body), HELLO);
});

test("the siblings of messages pass", async () => {
  upstream.play(answer(200, { input_tokens: 8 }));
  const { model, messages } = HELLO;
  assert.equal((await client.messages.countTokens({ model, messages })).input_tokens, 8);
  upstream.play(answer(200, { id: "msgbatch_1", type: "message_batch" }));
  const requests = [{ custom_id: "a", params: HELLO }];
  assert.equal((await client.messages.batches.create({ requests })).id, "msgbatch_1");
});

test("every event is sent on at once", async () => {
  const gates = [0, 1, 2].map(() => Promise.withResolvers());
  upstream.play(stream([BEGIN, ...gates.flatMap(({ promise }, index) => [delta(`${index}`), promise]), END]));
  const seen = [];
  // A gate opens when the event before it has come: one that is held back would hold up the test.
  for await (const { type, delta } of await client.messages.create({ ...HELLO, stream: true })) {
    if (type === "content_block_delta") gates[seen.push(delta.text) - 1].resolve();
  }
  assert.deepEqual(seen, ["0", "1", "2"]);
});

test("the stream helper gathers a message", async () => {
  upstream.play(stream([BEGIN, delta("Hello"), delta(" there"), END]));
  assert.equal(await client.messages.stream(HELLO).finalText(), "Hello there");
});

for (const half of [": ping\n\n", delta("lost").slice(0, 40)]) {
  test(`a stream that dies after ${JSON.stringify(half.slice(0, 10))} is an error and not a short answer`, async () => {
    upstream.play(stream([BEGIN, delta("Hello"), half, CUT], ID));
    const seen = [];
    const failed = await caught(
      (async () => {
        for await (const event of await client.messages.create({ ...HELLO, stream: true })) seen.push(event.type);
      })(),
    );
    assert.ok(failed instanceof Anthropic.APIError, failed);
    assert.equal(seen.at(-1), "content_block_delta");
    assert.deepEqual([failed.status, failed.type, failed.requestID], [undefined, "api_error", "req_upstream"]);
    assert.equal(failed.error.request_id, "req_upstream");
  });
}

test("OpenAI's client hears of a stream that dies", async () => {
  upstream.play(stream(['data: {"id":"c","choices":[]}\n\n', 'data: {"id":', CUT]));
  const chunks = await clientOf(gateway).chat.completions.create({ model: "m", messages: [], stream: true });
  const seen = [];
  const failed = await caught(
    (async () => {
      for await (const { id } of chunks) seen.push(id);
    })(),
  );
  assert.deepEqual(seen, ["c"]);
  assert.deepEqual([failed.type, failed.code], ["server_error", "upstream_connection_lost"]);
});

const SAID = {
  401: ["authentication_error", Anthropic.AuthenticationError],
  403: ["permission_error", Anthropic.PermissionDeniedError],
  404: ["not_found_error", Anthropic.NotFoundError],
  413: ["request_too_large", Anthropic.APIError],
  429: ["rate_limit_error", Anthropic.RateLimitError],
  500: ["api_error", Anthropic.InternalServerError],
  529: ["overloaded_error", Anthropic.InternalServerError],
};

for (const [status, [type, raised]] of Object.entries(SAID)) {
  test(`what the upstream says is raised as it says it: ${status}`, async () => {
    upstream.play(answer(Number(status), error(type), ID));
    const failed = await caught(client.messages.create(HELLO));
    assert.ok(failed instanceof raised, failed);
    assert.deepEqual([failed.status, failed.type, failed.requestID], [Number(status), type, "req_upstream"]);
    assert.deepEqual(failed.error, error(type));
  });
}

test("a body too large is refused in Anthropic's words", async () => {
  upstream.play(answer(200, MESSAGE));
  const messages = [{ role: "user", content: "x".repeat(5000) }];
  const failed = await caught(client.messages.create({ ...HELLO, messages }));
  assert.deepEqual([failed.status, failed.type], [413, "request_too_large"]);
  assert.ok(failed.requestID);
  assert.equal(failed.error.request_id, failed.requestID);
  assert.equal(upstream.asked.length, 0);
});
