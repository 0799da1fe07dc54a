// The upstream accepts a create, bills it, and loses its answer: one call of the SDK, its own repeats on, is one job.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";

import { Gateway, caught, clientOf, configuredFor } from "./reelgate.mjs";

/** The upstream that loses answers, shared with the Python tests. */
class Lossy {
  static async start() {
    const script = new URL("../python/lossy_upstream.py", import.meta.url).pathname;
    const started = new Lossy();
    started.child = spawn("python3", [script], { stdio: ["pipe", "pipe", "inherit"] });
    const [line] = await once(createInterface(started.child.stdout), "line");
    const { address, ways } = JSON.parse(line);
    return Object.assign(started, { origin: `http://${address}`, url: `http://${address}/v1`, ways });
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

const lossy = await Lossy.start();
let gateway, client;

before(async () => {
  gateway = await Gateway.start(configuredFor(lossy.url, 'submit_timeout = "400ms"\n'));
  client = clientOf(gateway, { maxRetries: 2 });
});

after(async () => {
  await gateway?.[Symbol.asyncDispose]();
  lossy.stop();
});

for (const way of lossy.ways) {
  test(`however the answer is lost, one call is one job: ${way}`, async () => {
    const error = await caught(client.videos.create({ prompt: `a cat <${way}>` }));
    assert.ok(error.status >= 400, error);
    assert.equal(error.headers.get("x-should-retry"), "false");
    assert.equal((await lossy.jobs())[way], 1);
  });
}

test("a client that announces its patience is answered before it is over", async () => {
  await using patient = await Gateway.start(configuredFor(lossy.url));
  const impatient = clientOf(patient, { maxRetries: 2, timeout: 1000 });
  const error = await caught(impatient.videos.create({ prompt: "a cat <3 s>" }));
  assert.deepEqual([error.status, error.code], [504, "upstream_outcome_unknown"]);
  assert.equal((await lossy.jobs())["3 s"], 1);
});

test("a repeat of a call that is still open waits for its answer", async () => {
  await using patient = await Gateway.start(configuredFor(lossy.url));
  // Without the announcement the gateway cannot know how long its client waits.
  const silent = clientOf(patient, { maxRetries: 2, timeout: 1000, defaultHeaders: { "x-stainless-timeout": null } });
  assert.equal((await silent.videos.create({ prompt: "a cat <1.5 s>" })).id, "video_1");
  assert.equal((await lossy.jobs())["1.5 s"], 1);
});
