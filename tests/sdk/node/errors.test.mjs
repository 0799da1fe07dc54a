// Which error a failure becomes, and what it says; through the gateway and without it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import OpenAI from "openai";

import { Gateway, KEY, PROMPT, Sandbox, caught, clientOf, configuredFor, finished } from "./reelgate.mjs";

let sandbox, gateway, client, direct;

before(async () => {
  sandbox = await Sandbox.start();
  gateway = await Gateway.start(configuredFor(sandbox.url));
  [client, direct] = [clientOf(gateway), clientOf(sandbox)];
});

after(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await sandbox?.[Symbol.asyncDispose]();
});

const fault = (what) => ({ headers: { "x-sandbox-fault": what } });

/** What programs look at. */
const facts = ({ constructor, status, message, type, param, code }) => ({
  class: constructor.name,
  status,
  message,
  type,
  param,
  code,
});

const create = (params, options) => (client) => client.videos.create({ prompt: PROMPT, ...params }, options);
const json = { headers: { "content-type": "application/json" } };

// Refused by the gateway just as the sandbox refuses it, which has rules and words of its own.
const WRONG = {
  "seconds 10": create({ seconds: "10" }),
  "seconds, a number": create({ seconds: 10 }),
  "seconds for pro": create({ model: "sora-2-pro", seconds: "7" }),
  "seconds empty": create({ seconds: "" }),
  size: create({ size: "1920x1080" }),
  "size the model has not": create({ model: "sora-2", size: "1024x1792" }),
  model: create({ model: "sora-1-turbo" }),
  "prompt missing": create({ prompt: undefined, seconds: "8" }),
  "prompt empty": create({ prompt: "" }),
  "prompt too long": create({ prompt: "ä".repeat(32_001) }),
  "unknown parameter": create({ duration: "8" }),
  "an image that is a text": create({ input_reference: "https://example.com/cat.png" }),
  "an image by two names": create({ input_reference: { image_url: "https://example.com/", file_id: "file-1" } }),
  "a form that says it is JSON": create({ seconds: "8" }, json),
  limit: (client) => client.videos.list({ limit: 101 }),
  order: (client) => client.videos.list({ order: "newest" }),
  variant: (client) => client.videos.downloadContent("video_1", { variant: "gif" }),
  "remix without a prompt": (client) => client.videos.remix("video_1", {}),
  "extension by 10": (client) =>
    client.videos.extend({ prompt: PROMPT, seconds: "10", video: { id: "video_1" } }),
  "unknown method": (client) => client.put("/videos", { body: {} }),
  "unknown URL": (client) => client.post("/videos/generations", { body: {} }),
  "a video that is not there": (client) => client.videos.retrieve("video_0"),
  "an id with a space": (client) => client.videos.retrieve("video 0"),
  "a character that is not there": (client) => client.videos.getCharacter("char_0"),
};

for (const [name, call] of Object.entries(WRONG)) {
  test(`the gateway refuses as the upstream does: ${name}`, async () => {
    const [through, without] = [await caught(call(client)), await caught(call(direct))];
    assert.deepEqual(facts(through), facts(without));
    assert.ok(through instanceof OpenAI.APIError && through.status >= 400 && through.status < 500);
    assert.match(through.requestID, /^req_[0-9a-f]{32}$/);
  });
}

test("a refusal is a BadRequestError that says everything", async () => {
  const error = await caught(client.videos.create({ model: "sora-2", prompt: PROMPT, seconds: "10" }));
  assert.ok(error instanceof OpenAI.BadRequestError);
  assert.deepEqual(facts(error), {
    class: "BadRequestError",
    status: 400,
    message: "400 Invalid value: '10'. Supported values are: '4', '8', and '12'.",
    type: "invalid_request_error",
    param: "seconds",
    code: "invalid_value",
  });
});

test("a Buffer as image, which the SDK tears into bytes, gets an answer that helps", async () => {
  await sandbox.forget();
  // One part a byte: more than a form may have, and still no word about parts.
  for (const bytes of [4, 4000]) {
    const call = client.videos.create({ prompt: PROMPT, input_reference: Buffer.alloc(bytes) });
    assert.deepEqual(facts(await caught(call)), {
      class: "BadRequestError",
      status: 400,
      message: "400 Invalid type for 'input_reference': expected a file, but got an array instead.",
      type: "invalid_request_error",
      param: "input_reference",
      code: "invalid_type",
    });
  }
  assert.deepEqual(await sandbox.requests(), [], "nothing of it reaches the upstream");
});

const UPSTREAM = {
  "status=400": "BadRequestError",
  "status=401": "AuthenticationError",
  "status=402": "APIError",
  "status=403": "PermissionDeniedError",
  "status=404": "NotFoundError",
  "status=409": "ConflictError",
  "status=413": "APIError",
  "status=422": "UnprocessableEntityError",
  "status=429": "RateLimitError",
  "status=429;kind=quota": "RateLimitError",
  "status=500": "InternalServerError",
  "status=503": "InternalServerError",
  "status=529": "InternalServerError",
};

for (const [what, expected] of Object.entries(UPSTREAM)) {
  test(`an upstream's error arrives as it was sent: ${what}`, async () => {
    const errors = [];
    for (const asked of [client, direct]) {
      errors.push(await caught(asked.videos.create({ prompt: PROMPT }, fault(what))));
    }
    const ids = (await sandbox.requests()).slice(-2).map(({ request_id }) => request_id);
    assert.deepEqual(errors.map(({ requestID }) => requestID), ids);
    // A server error repeats its own request id.
    errors.forEach((error, place) => (error.message = error.message.replace(ids[place], "ID")));
    assert.deepEqual(facts(errors[0]), facts(errors[1]));
    assert.equal(facts(errors[0]).class, expected);
  });
}

test("an upstream that hangs up or breaks off is a bad gateway", async () => {
  for (const what of ["reset", "truncate=0", "truncate=20"]) {
    const { status, code, type } = await caught(client.videos.list({}, fault(what)));
    assert.deepEqual([status, code, type], [502, "upstream_connection_lost", "server_error"], what);
  }
});

test("a download that breaks off goes on until it is whole", async () => {
  const film = await finished(client, await client.videos.create({ prompt: PROMPT }));
  const bytes = async (content) => Buffer.from(await (await content).arrayBuffer());
  const whole = await bytes(direct.videos.downloadContent(film.id));
  // The fault comes again with every part.
  const cut = fault(`truncate=${Math.floor(whole.length / 3)}`);
  assert.ok(whole.equals(await bytes(client.videos.downloadContent(film.id, {}, cut))));
});

test("a download that breaks off for good is never taken for a film", async () => {
  await using gateway = await Gateway.start(configuredFor(sandbox.url, "resume_attempts = 0\n"));
  const client = clientOf(gateway);
  const film = await finished(client, await client.videos.create({ prompt: PROMPT }));
  const content = await client.videos.downloadContent(film.id, {}, fault("truncate=5000"));
  await assert.rejects(content.arrayBuffer(), TypeError);
});

test("a client that is less patient times out by itself", async () => {
  const error = await caught(client.videos.list({}, { ...fault("stall"), timeout: 200 }));
  assert.ok(error instanceof OpenAI.APIConnectionTimeoutError);
});

test("a gateway that is not there is a connection error", async () => {
  const gone = await Gateway.start(configuredFor(sandbox.url));
  await gone[Symbol.asyncDispose]();
  const error = await caught(clientOf(gone).videos.list());
  assert.ok(error instanceof OpenAI.APIConnectionError);
});

test("a key the upstream does not know is refused by the upstream", async () => {
  await using locked = await Sandbox.start("--key", KEY);
  await using before = await Gateway.start(configuredFor(locked.url));
  assert.equal((await clientOf(before).videos.create({ prompt: PROMPT })).status, "queued");
  const error = await caught(clientOf(before, { apiKey: "sk-wrong-0123456789" }).videos.list());
  assert.ok(error instanceof OpenAI.AuthenticationError);
  assert.equal(error.code, "invalid_api_key");
});
