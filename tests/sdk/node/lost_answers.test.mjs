// The upstream accepts a create, bills it, and loses its answer: one call of the SDK, its own repeats on, is one job.
// RT03, RT05, RT06, RT30, RT32

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";

import OpenAI, { toFile } from "openai";

import { Gateway, caught, clientOf, configuredFor } from "./reelgate.mjs";

/** The upstream that loses answers, shared with the Python tests. */
class Lossy {
  static async start() {
    const script = new URL("../python/lossy_upstream.py", import.meta.url).pathname;
    const started = new Lossy();
    started.child = spawn("python3", [script], { stdio: ["pipe", "pipe", "inherit"] });
    const [line] = await once(createInterface(started.child.stdout), "line");
    const { address, ...ways } = JSON.parse(line);
    return Object.assign(started, { origin: `http://${address}`, url: `http://${address}/v1`, ...ways });
  }

  /** Jobs started, by the way their answers were lost. */
  async jobs() {
    return (await fetch(`${this.origin}/jobs`)).json();
  }

  /** Ends with its input. */
  stop() {
    this.child.stdin.end();
  }
}

const TIMES = 'submit_timeout = "400ms"\nbody_idle = "400ms"\n';

const lossy = await Lossy.start();
let gateway, patient, client;

before(async () => {
  gateway = await Gateway.start(configuredFor(lossy.url, TIMES));
  patient = await Gateway.start(configuredFor(lossy.url));
  client = clientOf(gateway, { maxRetries: 2 });
});

after(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await patient?.[Symbol.asyncDispose]();
  lossy.stop();
});

/** How many jobs a call started. */
async function jobsOf(way, call) {
  const before = (await lossy.jobs())[way] ?? 0;
  await call();
  return (await lossy.jobs())[way] - before;
}

/** Sees to it that the SDK was told not to repeat a call, and where to look it up. */
async function endsForGood(call) {
  const error = await caught(call);
  assert.ok(error instanceof OpenAI.APIError && error.status, error);
  assert.equal(error.headers.get("x-should-retry"), "false");
  assert.match(error.headers.get("x-reelgate-ledger-id"), /^lg_/);
  assert.ok(error.requestID);
  return error;
}

for (const way of lossy.ways) {
  test(`however the answer is lost, one call is one job: ${way}`, async () => {
    const lost = () => endsForGood(client.videos.create({ prompt: `a cat <${way}>` }));
    assert.equal(await jobsOf(way, lost), 1);
  });
}

for (const way of lossy.amid_the_upload) {
  test(`a job that runs before the upload has ended is one job: ${way}`, async () => {
    const input_reference = await toFile(Buffer.alloc(8_000_000), "cat.png", { type: "image/png" });
    const lost = () => endsForGood(client.videos.create({ prompt: `a cat <${way}>`, input_reference }));
    assert.equal(await jobsOf(way, lost), 1);
  });
}

for (const way of lossy.odd) {
  test(`an answer that is of no use is one job: ${way}`, async () => {
    // Whether the SDK makes an object, a text or an error of it is its own affair.
    const ask = () => client.videos.create({ prompt: `a cat <${way}>` }).catch(() => {});
    assert.equal(await jobsOf(way, ask), 1);
  });
}

const OPERATIONS = {
  remix: (prompt) => client.videos.remix("video_1", { prompt }),
  edit: (prompt) => client.videos.edit({ prompt, video: { id: "video_1" } }),
  extension: (prompt) => client.videos.extend({ prompt, seconds: "4", video: { id: "video_1" } }),
};

for (const [operation, call] of Object.entries(OPERATIONS)) {
  for (const way of ["a reset", "half a body", "a 500"]) {
    test(`what else costs money is one job too: ${operation}, ${way}`, async () => {
      assert.equal(await jobsOf(way, () => endsForGood(call(`a cat <${way}>`))), 1);
    });
  }
}

test("a client that announces its patience is answered before it is over", async () => {
  // The SDK announces the time of a call, and not that of the whole client.
  const options = { maxRetries: 2, timeout: 1000 };
  const lost = async () => {
    const error = await endsForGood(clientOf(patient).videos.create({ prompt: "a cat <3 s>" }, options));
    assert.deepEqual([error.status, error.code], [504, "upstream_outcome_unknown"]);
  };
  assert.equal(await jobsOf("3 s", lost), 1);
});

test("a repeat of a call that is still open gets its answer", async () => {
  // The time of the whole client is not announced: the gateway cannot know it.
  const silent = clientOf(patient, { maxRetries: 2, timeout: 1000 });
  const repeated = async () => {
    assert.equal((await silent.videos.create({ prompt: "a cat <1.6 s>" })).id, "video_1");
  };
  assert.equal(await jobsOf("1.6 s", repeated), 1);
});

test("without the gateway the SDK pays again", async () => {
  const direct = clientOf(lossy, { maxRetries: 2 });
  const lost = () => caught(direct.videos.create({ prompt: "a cat <a reset>" }));
  assert.equal(await jobsOf("a reset", lost), 3, "or the tests above prove nothing");
});
