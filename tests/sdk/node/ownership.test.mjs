// A video belongs to the client that ordered it, whatever the SDK's method. Two keys, one upstream. OW01, OW02

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";

import OpenAI from "openai";

import { Gateway, PROMPT, Sandbox, caught, clientOf, finished } from "./reelgate.mjs";

const ONE = "rg-of-client-one-0123";
const OTHER = "rg-of-client-other-01";
const digest = (key) => createHash("sha256").update(key).digest("hex");

let sandbox;
let gateway;
let one;
let other;

before(async () => {
  sandbox = await Sandbox.start();
  gateway = await Gateway.start(
    `presets = ["openai"]
[auth]
mode = "keys"
[auth.keys.one]
sha256 = "${digest(ONE)}"
[auth.keys.other]
sha256 = "${digest(OTHER)}"
[upstreams.main]
base_url = "${sandbox.url}"
credential = { env = "UPSTREAM_KEY" }
`,
    { UPSTREAM_KEY: "sk-upstream-0123456789abcdef" },
  );
  [one, other] = [ONE, OTHER].map((apiKey) => clientOf(gateway, { apiKey }));
});

after(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await sandbox?.[Symbol.asyncDispose]();
});

/** Every method of the SDK that names a video. */
const METHODS = {
  retrieve: (client, id) => client.videos.retrieve(id),
  download: (client, id) => client.videos.downloadContent(id),
  remix: (client, id) => client.videos.remix(id, { prompt: "a dog" }),
  edit: (client, id) => client.videos.edit({ prompt: "a dog", video: { id } }),
  extend: (client, id) => client.videos.extend({ prompt: "a dog", seconds: "4", video: { id } }),
  list: (client, id) => client.videos.list({ after: id }),
  delete: (client, id) => client.videos.delete(id),
};

test("another client's video does not exist, and the owner's does", async () => {
  const video = await one.videos.create({ prompt: PROMPT });
  const started = await sandbox.jobsStarted();
  for (const [name, method] of Object.entries(METHODS)) {
    for (const id of [video.id, `${video.id.slice(0, -4)}0000`]) {
      const error = await caught(method(other, id));
      assert.ok(error instanceof OpenAI.NotFoundError, `${name}: ${error}`);
      assert.equal(error.error.message, `Video with id '${id}' not found.`, name);
    }
  }
  assert.equal(await sandbox.jobsStarted(), started);
  await finished(one, video);
  assert.equal((await one.videos.retrieve(video.id)).id, video.id);
  assert.equal((await one.videos.remix(video.id, { prompt: "a dog" })).object, "video");
  assert.equal((await one.videos.delete(video.id)).deleted, true);
});

test("a client lists all of its own by the SDK's paging", async () => {
  const own = [];
  for (let number = 0; number < 50; number += 1) {
    own.unshift((await other.videos.create({ prompt: `number ${number}` })).id);
  }
  const listed = [];
  for await (const video of other.videos.list({ limit: 20 })) listed.push(video.id);
  assert.deepEqual(listed, own);
});
