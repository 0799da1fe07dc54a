// Node's own fetch, which is undici's, and the package form-data over node:http.
//
// Vercel's AI SDK is not here: it has generateVideo, but neither its OpenAI provider (4.0) nor its provider for compatible
// servers speaks /v1/videos.
import { File } from "node:buffer";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import http from "node:http";
import FormDataPackage from "form-data";

const [library, url, kind, seconds, picture, filename, prompt] = process.argv.slice(2);
const fields = { model: "sora-2", prompt, seconds, size: "1280x720" };
const headers = { Authorization: "Bearer sk-test" };

async function byFetch() {
  let body = JSON.stringify(fields);
  if (kind === "form") {
    body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    body.append("input_reference", new File([await readFile(picture)], filename, { type: "image/png" }));
  } else {
    headers["Content-Type"] = "application/json";
  }
  const answer = await fetch(`${url}/videos`, { method: "POST", headers, body });
  return [answer.status, await answer.text()];
}

async function byFormData() {
  const form = new FormDataPackage();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("input_reference", createReadStream(picture), { filename, contentType: "image/png" });
  const request = http.request(`${url}/videos`, { method: "POST", headers: { ...headers, ...form.getHeaders() } });
  form.pipe(request);
  const answer = await new Promise((resolve, reject) => request.on("response", resolve).on("error", reject));
  let text = "";
  for await (const piece of answer.setEncoding("utf8")) text += piece;
  return [answer.statusCode, text];
}

console.log((await { fetch: byFetch, "form-data": byFormData }[library]()).join("\n"));
