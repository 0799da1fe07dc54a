// Answers that are there before the upload has ended. A server that closes at once loses them with this SDK, which
// then repeats the call.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { toFile } from "openai";

import { Gateway, KEY, PROMPT, Sandbox, caught, clientOf } from "./reelgate.mjs";

const TRIES = 4;
const UPSTREAM_KEY = "sk-upstream-0123456789abcdef";

const keyed = (upstream) => `
[auth]
mode = "keys"

[auth.keys.tests]
sha256 = "${createHash("sha256").update(KEY).digest("hex")}"

[limits]
form_body = "16KiB"

[upstreams.main]
base_url = "${upstream}"
credential = { env = "UPSTREAM_KEY" }
`;

let sandbox, gateway, folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "reelgate-"));
  sandbox = await Sandbox.start("--key", UPSTREAM_KEY);
  gateway = await Gateway.start(keyed(sandbox.url), { UPSTREAM_KEY });
});

after(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await sandbox?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

test("the right key opens the gateway", async () => {
  assert.equal((await clientOf(gateway).videos.create({ prompt: PROMPT })).status, "queued");
});

// The key is judged from the head alone; the size from its announcement, or, in chunks, when it is exceeded.
const EARLY = [
  [401, { apiKey: "sk-somebody-else-0123456789" }],
  [413, {}],
];

for (const [status, options] of EARLY) {
  for (const size of [20_000, 8_000_000]) {
    for (const way of ["whole", "in chunks"]) {
      test(`a ${status} is seen while ${size} bytes are sent ${way}`, async () => {
        const client = clientOf(gateway, options);
        const path = join(folder, "cat.png");
        await writeFile(path, Buffer.alloc(size));
        for (let turn = 0; turn < TRIES; turn++) {
          const stream = createReadStream(path);
          const input_reference = way === "whole" ? await toFile(stream, "cat.png", { type: "image/png" }) : stream;
          const error = await caught(client.videos.create({ prompt: PROMPT, input_reference }));
          assert.equal(error.status, status, `${error}`);
        }
      });
    }
  }
}
