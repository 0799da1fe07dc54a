// What Node's servers read in bodies: busboy, multer, formidable, undici's formData (which fetch has), and JSON.parse.
import { createHash } from "node:crypto";
import { Readable, Writable } from "node:stream";
import busboy from "busboy";
import express from "express";
import formidable from "formidable";
import multer from "multer";
import { batch } from "./batch.mjs";

const digest = (bytes) => createHash("sha1").update(bytes).digest("hex");

function request(contentType, body) {
  return Object.assign(Readable.from([body]), {
    method: "POST",
    headers: { "content-type": contentType, "content-length": String(body.length) },
  });
}

function byBusboy(contentType, body) {
  return new Promise((resolve, reject) => {
    const found = [];
    const parser = busboy({ headers: { "content-type": contentType }, limits: { fieldSize: 64 << 20 } });
    parser.on("field", (name, value) => found.push([name, "text", value]));
    parser.on("file", (name, file) => {
      const pieces = [];
      file.on("data", (piece) => pieces.push(piece));
      file.on("close", () => found.push([name, "file", digest(Buffer.concat(pieces))]));
    });
    parser.on("close", () => resolve(found)).on("error", reject);
    parser.end(body);
  });
}

// multer makes objects of `a[b]`.
function* flat(name, value) {
  if (typeof value !== "object") yield [name, "text", value];
  else for (const [key, inner] of Object.entries(value)) yield* flat(name ? `${name}[${key}]` : key, inner);
}

const upload = multer({ limits: { fieldSize: 64 << 20 } }).any();

function byMulter(contentType, body) {
  return new Promise((resolve, reject) => {
    const incoming = request(contentType, body);
    upload(incoming, {}, (error) => {
      if (error) return reject(error);
      const files = incoming.files.map((file) => [file.fieldname, "file", digest(file.buffer)]);
      resolve([...flat("", incoming.body), ...files]);
    });
  });
}

async function byFormidable(contentType, body) {
  const pieces = new Map();
  const fileWriteStreamHandler = (file) => {
    pieces.set(file, []);
    return new Writable({ write: (piece, _, done) => done(null, pieces.get(file).push(piece)) });
  };
  const options = { allowEmptyFiles: true, minFileSize: 0, maxFieldsSize: 64 << 20, fileWriteStreamHandler };
  const [fields, files] = await formidable(options).parse(request(contentType, body));
  const texts = Object.entries(fields).flatMap(([name, values]) => values.map((value) => [name, "text", value]));
  const bytes = [...pieces.values()].map((file) => digest(Buffer.concat(file)));
  const names = Object.entries(files).flatMap(([name, list]) => list.map(() => name));
  return [...texts, ...names.map((name, at) => [name, "file", bytes[at]])];
}

async function byUndici(contentType, body) {
  const form = await new Response(body, { headers: { "content-type": contentType } }).formData();
  const found = [...form].map(async ([name, value]) =>
    typeof value === "string" ? [name, "text", value] : [name, "file", digest(Buffer.from(await value.arrayBuffer()))],
  );
  return Promise.all(found);
}

// What express makes of JSON.
const parseJson = express.json({ limit: "64mb" });

function byExpress(contentType, body) {
  return new Promise((resolve, reject) => {
    const incoming = request(contentType, body);
    parseJson(incoming, {}, (error) => (error ? reject(error) : resolve(incoming.body)));
  });
}

const forms = { busboy: byBusboy, multer: byMulter, formidable: byFormidable, undici: byUndici };
const json = { "JSON.parse": (_, body) => JSON.parse(body.toString()), express: byExpress };

for await (const { contentType, body } of batch(process.stdin)) {
  const read = {};
  for (const [name, reader] of Object.entries(contentType.startsWith("application/json") ? json : forms)) {
    try {
      read[name] = await reader(contentType, body);
    } catch (error) {
      read[name] = { error: String(error) };
    }
  }
  process.stdout.write(`${JSON.stringify(read)}\n`);
}
