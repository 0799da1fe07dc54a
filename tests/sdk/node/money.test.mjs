// A create costs money: however its answer is lost, the SDK's own retries never start a second video.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import { Gateway, PROMPT, Sandbox, caught, clientOf, configuredFor, finished } from "./reelgate.mjs";

const CREATE = "POST /v1/videos";

let sandbox, gateway, client;

before(async () => {
  sandbox = await Sandbox.start();
  gateway = await Gateway.start(configuredFor(sandbox.url, 'submit_timeout = "200ms"\n'));
  client = clientOf(gateway, { maxRetries: 2 });
});

beforeEach(() => sandbox.forget());

after(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await sandbox?.[Symbol.asyncDispose]();
});

const LOST = { "accept-then-reset": 502, "accept-then-stall": 504, reset: 502, "truncate=10": 502 };

for (const [fault, status] of Object.entries(LOST)) {
  test(`a lost answer is never answered by a second create: ${fault}`, async () => {
    // Once, so that a repeated create would succeed and show.
    await sandbox.play(CREATE, fault);
    const error = await caught(client.videos.create({ prompt: PROMPT }));
    assert.deepEqual([error.status, error.code], [status, "upstream_outcome_unknown"]);
    assert.equal((await sandbox.requests()).length, 1);
    assert.ok((await sandbox.jobsStarted()) <= 1);
  });
}

test("without the gateway the SDK pays twice", async () => {
  await sandbox.play(CREATE, "accept-then-reset");
  await clientOf(sandbox, { maxRetries: 2 }).videos.create({ prompt: PROMPT });
  assert.equal(await sandbox.jobsStarted(), 2, "or the tests above prove nothing");
});

test("a create that was refused is repeated by the gateway", async () => {
  await sandbox.play(CREATE, "429;retry-after-ms=20", "503;retry-after-ms=20");
  assert.equal((await client.videos.create({ prompt: PROMPT })).status, "queued");
  const tries = (await sandbox.requests()).map(({ headers }) => headers["x-stainless-retry-count"]);
  assert.deepEqual(tries, ["0", "0", "0"]);
  assert.equal(await sandbox.jobsStarted(), 1);
});

test("polls that fail on the way are repeated", async () => {
  await sandbox.play("GET /v1/videos/*", "reset", "503;retry-after-ms=20");
  await finished(client, await client.videos.create({ prompt: PROMPT }));
  assert.equal(await sandbox.jobsStarted(), 1);
});
