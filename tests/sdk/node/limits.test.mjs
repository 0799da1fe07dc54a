// Keys of creates, and what the gateway refuses for the moment: rates, job slots, load, and an upstream that is left
// alone. LM07, LM08, RT19, RT22, RT23

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, beforeEach, test } from "node:test";

import OpenAI from "openai";

import { Gateway, KEY, PROMPT, Sandbox, caught, clientOf, configuredFor, finished } from "./reelgate.mjs";

const CREATE = "POST /v1/videos";

let sandbox;

before(async () => {
  sandbox = await Sandbox.start();
});

beforeEach(() => sandbox.forget());

after(() => sandbox?.[Symbol.asyncDispose]());

/** A gateway before the sandbox, and what refuses creates of a client of it. */
const started = (more = "") => Gateway.start(configuredFor(sandbox.url, more));

const create = (client, params = {}, options = {}) => client.videos.create({ prompt: PROMPT, ...params }, options);

/** Sees to it that an error is this one, and that the SDK may come back after the wait it is told of. */
function refused(error, kind, status, code) {
  assert.ok(error instanceof kind, error);
  assert.deepEqual([error.status, error.code], [status, code]);
  const seconds = Number(error.headers.get("retry-after"));
  assert.equal(seconds, Math.ceil(Number(error.headers.get("retry-after-ms")) / 1000));
  assert.equal(error.headers.get("x-should-retry"), null);
  return seconds;
}

test("the same key and body get the first answer again, another body is refused", async () => {
  await using gateway = await started();
  const client = clientOf(gateway, { maxRetries: 2 });
  const keyed = { headers: { "idempotency-key": "order-7" } };
  const first = await create(client, {}, keyed).withResponse();
  const again = await create(client, {}, keyed).withResponse();
  assert.deepEqual(again.data, first.data);
  assert.equal(first.response.headers.get("x-reelgate-replayed"), null);
  assert.equal(again.response.headers.get("x-reelgate-replayed"), "true");
  const error = await caught(create(client, { seconds: "8" }, keyed));
  assert.ok(error instanceof OpenAI.UnprocessableEntityError);
  assert.equal(error.code, "idempotency_mismatch");
  assert.equal(await sandbox.jobsStarted(), 1);
  assert.equal((await sandbox.requests()).length, 1);
});

test("the SDK sends a key of its own only if it is told the header's name", async () => {
  await using gateway = await started();
  const client = clientOf(gateway, { maxRetries: 2 });
  await create(client, {}, { idempotencyKey: "order-8" });
  client.idempotencyHeader = "idempotency-key";
  const first = await create(client, {}, { idempotencyKey: "order-9" });
  const again = await create(client, {}, { idempotencyKey: "order-9" });
  assert.equal(again.id, first.id);
  // What the SDK does not name, the gateway does.
  const [ours, theirs] = (await sandbox.requests()).map(({ headers }) => headers["idempotency-key"]);
  assert.match(ours, /^[0-9a-f]{8}-/);
  assert.equal(theirs, "order-9");
});

test("a create that may have been accepted stays that, under its key", async () => {
  await using gateway = await started();
  const client = clientOf(gateway, { maxRetries: 2 });
  const keyed = { headers: { "idempotency-key": "order-10" } };
  await sandbox.play(CREATE, "accept-then-reset");
  assert.equal((await caught(create(client, {}, keyed))).code, "upstream_outcome_unknown");
  const error = await caught(create(client, {}, keyed));
  assert.ok(error instanceof OpenAI.ConflictError);
  assert.equal(error.code, "create_unresolved");
  assert.equal(await sandbox.jobsStarted(), 1);
});

test("each key has its own rate", async () => {
  const sha256 = createHash("sha256").update(KEY).digest("hex");
  const toml = `
    [auth]
    mode = "keys"
    [auth.keys.team]
    sha256 = "${sha256}"
    [auth.key_quota]
    submit = { rate = "1/min" }
    [upstreams.main]
    base_url = "${sandbox.url}"
    credential = { env = "UPSTREAM_KEY" }
  `;
  await using gateway = await Gateway.start(toml, { UPSTREAM_KEY: "sk-upstream-0123456789" });
  const client = clientOf(gateway);
  const { response } = await create(client).withResponse();
  assert.equal(response.headers.get("x-ratelimit-remaining-requests"), "0");
  const error = await caught(create(client));
  const seconds = refused(error, OpenAI.RateLimitError, 429, "rate_limit_exceeded");
  assert.ok(seconds > 50 && seconds <= 60, seconds);
  assert.match(error.message, /in organization team on requests per min \(RPM\): Limit 1, Used 1, Requested 1\./);
  assert.equal((await client.videos.list()).data.length, 1);
  assert.equal(await sandbox.jobsStarted(), 1);
});

test("the SDK comes back by itself when it is its turn", async () => {
  await using gateway = await started('[quota]\nsubmit = { rate = "2/s", burst = 1 }\n');
  const client = clientOf(gateway, { maxRetries: 2 });
  for (let call = 0; call < 3; call += 1) assert.equal((await create(client)).status, "queued");
  assert.equal(await sandbox.jobsStarted(), 3);
});

test("more jobs than slots are refused until one is seen to end", async () => {
  await using gateway = await started('quota.max_jobs = 1\nquota.jobs_wait = "0s"\n');
  const client = clientOf(gateway);
  const first = await create(client);
  const error = await caught(create(client));
  refused(error, OpenAI.RateLimitError, 429, "rate_limit_exceeded");
  assert.match(error.message, /Too many running tasks/);
  await finished(client, first);
  assert.equal((await create(client)).status, "queued");
  assert.equal(await sandbox.jobsStarted(), 2);
});

test("over the limit in flight it is overloaded for a moment", async () => {
  await using gateway = await started('[limits]\nin_flight = 1\nin_flight_queue = 0\nin_flight_wait = "0s"\n');
  const client = clientOf(gateway);
  const slow = create(client, {}, { headers: { "x-sandbox-fault": "ok;delay=700ms" } });
  while ((await sandbox.requests()).length === 0);
  refused(await caught(create(client, { prompt: "a dog" })), OpenAI.InternalServerError, 503, "overloaded");
  const persistent = clientOf(gateway, { maxRetries: 2 });
  assert.equal((await create(persistent, { prompt: "a bird" })).status, "queued");
  assert.equal((await slow).status, "queued");
  assert.equal(await sandbox.jobsStarted(), 2);
});

test("an upstream that fails is left alone for a while", async () => {
  const toml = configuredFor(sandbox.url, 'retry.attempts = 1\nbreaker.open = "700ms"\n');
  await using gateway = await Gateway.start(toml.replace("breaker.consecutive = 0", "breaker.consecutive = 2"));
  const client = clientOf(gateway);
  await sandbox.play("*", "status=500", "status=500");
  for (let call = 0; call < 2; call += 1) assert.equal((await caught(client.videos.list())).status, 500);
  refused(await caught(create(client)), OpenAI.InternalServerError, 503, "upstream_unavailable");
  assert.equal((await sandbox.requests()).length, 2, "it is left alone");
  assert.equal((await create(clientOf(gateway, { maxRetries: 2 }))).status, "queued");
  assert.equal(await sandbox.jobsStarted(), 1);
});
