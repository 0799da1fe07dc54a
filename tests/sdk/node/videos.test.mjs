// Every operation of OpenAI's client, as its users write it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { crc32, deflateSync } from "node:zlib";

import { toFile } from "openai";

import { Gateway, PROMPT, Sandbox, clientOf, configuredFor, finished } from "./reelgate.mjs";

let sandbox, gateway, client, folder, film;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "reelgate-"));
  sandbox = await Sandbox.start();
  gateway = await Gateway.start(configuredFor(sandbox.url));
  client = clientOf(gateway);
  film = await finished(client, await client.videos.create({ prompt: PROMPT }));
});

after(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await sandbox?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const lastRequest = async () => (await sandbox.requests()).at(-1);

/** A PNG of the default size, 720x1280, all black. */
function image() {
  const chunk = (kind, data) => {
    const body = Buffer.concat([Buffer.from(kind), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const header = Buffer.from([0, 0, 720 >> 8, 720 & 255, 0, 0, 1280 >> 8, 1280 & 255, 8, 0, 0, 0, 0]);
  const rows = deflateSync(Buffer.alloc((1 + 720) * 1280));
  const magic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([magic, chunk("IHDR", header), chunk("IDAT", rows), chunk("IEND", Buffer.alloc(0))]);
}

/** Size and length of a film, as ffprobe sees them. */
function probe(path) {
  const entries = "stream=codec_name,width,height:format=duration";
  const argv = ["-v", "error", "-show_entries", entries, "-of", "json", path];
  const { streams, format } = JSON.parse(execFileSync("ffprobe", argv));
  const video = streams.find((stream) => stream.width);
  const seconds = Math.round(Number(format.duration) * 100) / 100;
  return { codec: video.codec_name, size: `${video.width}x${video.height}`, seconds };
}

test("a create says what will be made", async () => {
  const video = await client.videos.create({ model: "sora-2", prompt: PROMPT, seconds: "8", size: "1280x720" });
  assert.match(video.id, /^video_/);
  const { object, status, model, seconds, size, prompt } = video;
  assert.deepEqual(
    { object, status, model, seconds, size, prompt },
    { object: "video", status: "queued", model: "sora-2", seconds: "8", size: "1280x720", prompt: PROMPT },
  );
});

test("the films are as big and as long as asked", async () => {
  const wanted = [
    ["sora-2", "4", "720x1280"],
    ["sora-2", "12", "1280x720"],
    ["sora-2-pro", "25", "1792x1024"],
  ];
  for (const [model, seconds, size] of wanted) {
    const video = await finished(client, await client.videos.create({ model, prompt: PROMPT, seconds, size }));
    const content = await client.videos.downloadContent(video.id);
    assert.equal(content.headers.get("content-type"), "video/mp4");
    const path = join(folder, "film.mp4");
    await writeFile(path, content.body);
    assert.equal((await stat(path)).size, Number(content.headers.get("content-length")));
    assert.deepEqual(probe(path), { codec: "h264", size, seconds: Number(seconds) });
  }
});

test("every variant can be downloaded", async () => {
  const variants = [
    ["video", "video/mp4"],
    ["thumbnail", "image/webp"],
    ["spritesheet", "image/jpeg"],
  ];
  for (const [variant, type] of variants) {
    const content = await client.videos.downloadContent(film.id, { variant });
    assert.equal(content.headers.get("content-type"), type);
    assert.equal((await content.arrayBuffer()).byteLength, Number(content.headers.get("content-length")));
  }
});

test("an image can be given in every way", async () => {
  const png = image();
  const path = join(folder, "reference.png");
  await writeFile(path, png);
  const ways = {
    "a file": new File([png], "reference.png", { type: "image/png" }),
    toFile: await toFile(png, "reference.png", { type: "image/png" }),
    "toFile of a stream": await toFile(createReadStream(path), "reference.png", { type: "image/png" }),
  };
  for (const [way, input_reference] of Object.entries(ways)) {
    // A file may come before the fields that are judged.
    const video = await client.videos.create({ input_reference, prompt: PROMPT, seconds: "8" });
    assert.equal(video.seconds, "8", way);
    assert.equal((await lastRequest()).fields.input_reference.bytes, png.length, way);
  }
});

test("a read stream is chunked and has a type that is refused, as the API itself refuses it", async () => {
  const path = join(folder, "stream.png");
  await writeFile(path, image());
  const call = client.videos.create({ prompt: PROMPT, input_reference: createReadStream(path) });
  await assert.rejects(call, {
    name: "Error",
    status: 400,
    code: "unsupported_file_mimetype",
    param: "input_reference",
  });
});

test("a chunked upload goes through", async () => {
  const upload = Buffer.from(await (await client.videos.downloadContent(film.id)).arrayBuffer());
  const path = join(folder, "upload.mp4");
  await writeFile(path, upload);
  await client.videos.edit({ prompt: "in the rain", video: createReadStream(path) });
  assert.equal((await lastRequest()).fields.video.bytes, upload.length);
});

test("an image by URL or by id is an object", async () => {
  for (const input_reference of [{ image_url: "https://example.com/cat.png" }, { file_id: "file-1" }]) {
    const video = await client.videos.create({ prompt: PROMPT, input_reference });
    assert.equal(video.status, "queued");
    assert.deepEqual((await lastRequest()).fields.input_reference, input_reference);
  }
});

test("headers let the gateway adjust, and the answer tells", async () => {
  const params = { model: "sora-2", prompt: PROMPT, seconds: "10", size: "1920x1080" };
  const call = client.videos.create(params, { headers: { "x-reelgate-mode": "adjust" } });
  const { data, response, request_id } = await call.withResponse();
  assert.equal(response.headers.get("x-reelgate-adjusted"), "seconds=10->8; size=1920x1080->1280x720");
  assert.deepEqual([data.seconds, data.size], ["8", "1280x720"]);
  assert.equal(request_id, (await lastRequest()).request_id);
});

test("a film leads to others", async () => {
  const remixed = await client.videos.remix(film.id, { prompt: "in the rain" });
  assert.equal(remixed.remixed_from_video_id, film.id);

  const upload = Buffer.from(await (await client.videos.downloadContent(film.id)).arrayBuffer());
  const video = await toFile(upload, "film.mp4", { type: "video/mp4" });
  assert.equal((await client.videos.edit({ prompt: "in the rain", video })).status, "queued");
  const edited = await client.videos.edit({ prompt: "in the rain", video: { id: film.id } });
  assert.equal(edited.remixed_from_video_id, film.id);

  const extended = await client.videos.extend({ prompt: "it goes on", seconds: "8", video: { id: film.id } });
  assert.equal(extended.seconds, "12");
  assert.equal((await client.videos.extend({ prompt: "it goes on", seconds: "4", video })).seconds, "8");

  const made = await client.videos.createCharacter({ name: "Tom the cat", video });
  assert.equal((await client.videos.getCharacter(made.id)).name, "Tom the cat");
});

test("a video is found until it is deleted", async () => {
  const made = await client.videos.create({ prompt: PROMPT });
  assert.equal((await client.videos.retrieve(made.id)).id, made.id);
  assert.deepEqual(await client.videos.delete(made.id), { id: made.id, object: "video.deleted", deleted: true });
  await assert.rejects(client.videos.retrieve(made.id), { status: 404 });
});

test("a list is read page by page", async () => {
  await sandbox.forget();
  const made = [];
  for (let number = 0; number < 7; number++) made.push((await client.videos.create({ prompt: PROMPT })).id);

  const listed = [];
  for await (const video of client.videos.list({ limit: 3, order: "asc" })) listed.push(video.id);

  assert.deepEqual(listed, made);
  const pages = (await sandbox.requests()).filter(({ method }) => method === "GET").map(({ query }) => query);
  assert.deepEqual(pages, [
    "limit=3&order=asc",
    `limit=3&order=asc&after=${made[2]}`,
    `limit=3&order=asc&after=${made[5]}`,
  ]);
});

test("many creates at once are as many jobs", async () => {
  await sandbox.forget();
  const made = await Promise.all(Array.from({ length: 40 }, () => client.videos.create({ prompt: PROMPT })));
  assert.equal(new Set(made.map(({ id }) => id)).size, 40);
  assert.equal(await sandbox.jobsStarted(), 40);
});
