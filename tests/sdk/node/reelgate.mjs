// Processes of the built binary: start them, talk to them, end them.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import OpenAI from "openai";

const BINARY = process.env.REELGATE_BIN ?? new URL("../../../target/debug/reelgate", import.meta.url).pathname;
const ANY_PORT = "127.0.0.1:0";

export const KEY = "sk-test-0123456789abcdef";
export const PROMPT = "a cat on a skateboard";

const GATEWAY_TOML = readFileSync(new URL("../gateway.toml", import.meta.url), "utf8");

/** The configuration most tests use; `more` are keys of its upstream. */
export const configuredFor = (upstream, more = "") => GATEWAY_TOML.replace('"UPSTREAM"', `"${upstream}"`) + more;

/** A running `reelgate`, up once it has said a line that `pattern` matches. */
class Process {
  static async start(argv, pattern, variables = {}, cwd = undefined) {
    // What the shell of whoever runs the tests has set must not reach the process.
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("REELGATE_"));
    const env = { ...Object.fromEntries(inherited), ...variables };
    const child = spawn(BINARY, argv, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const started = new this();
    started.child = child;
    started.ended = once(child, "exit");
    started.output = [];
    await new Promise((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr]) {
        createInterface(stream).on("line", (line) => {
          started.output.push(line);
          const found = line.match(pattern);
          if (found) resolve((started.found = found));
        });
      }
      started.ended.then(() => reject(new Error(`${argv[0]} ended:\n${started.output.join("\n")}`)), reject);
    });
    return started;
  }

  /** Ends the process as an operator would; `await using` does so by itself. */
  async [Symbol.asyncDispose]() {
    this.child.kill("SIGTERM");
    const [code] = await this.ended;
    const output = this.output.join("\n");
    assert.equal(code, 0, output);
    assert.ok(!output.includes("panicked"), output);
  }
}

/** A simulated video server that needs milliseconds for a film. */
export class Sandbox extends Process {
  static async start(...argv) {
    const pace = ["--queue-time", "20ms", "--time-per-second", "5ms"];
    const started = await super.start(["sandbox", "--listen", ANY_PORT, ...pace, ...argv], /http:\/\/[\d.:]+/);
    started.origin = started.found[0];
    started.url = `${started.origin}/v1`;
    return started;
  }

  /** Jobs ever started, each of which would have been paid for. */
  async jobsStarted() {
    return (await this.#ask("GET", "jobs")).created;
  }

  /** What was asked of it, oldest first. */
  async requests() {
    return (await this.#ask("GET", "requests")).requests;
  }

  /** Plays these faults to the next requests like `on`. */
  async play(on, ...script) {
    await this.#ask("POST", "faults", { on, script });
  }

  /** Forgets jobs, requests and faults. */
  async forget() {
    for (const what of ["jobs", "requests", "faults"]) await this.#ask("DELETE", what);
  }

  async #ask(method, what, body) {
    const answer = await fetch(`${this.origin}/sandbox/${what}`, { method, body: body && JSON.stringify(body) });
    assert.ok(answer.ok, `${method} ${what}: ${answer.status}`);
    const text = await answer.text();
    return text ? JSON.parse(text) : null;
  }
}

/** A gateway with a configuration of its own, in a folder of its own, where it keeps its ledger. */
export class Gateway extends Process {
  static async start(toml, variables) {
    const folder = await mkdtemp(join(tmpdir(), "reelgate-"));
    const path = join(folder, "reelgate.toml");
    await writeFile(path, toml);
    const argv = ["serve", "--config", path, "--listen", ANY_PORT, "--admin-listen", ANY_PORT];
    const started = await super.start(argv, /^\{.*is listening.*/, variables, folder);
    started.folder = folder;
    started.url = `http://${JSON.parse(started.found[0]).address}/v1`;
    return started;
  }

  async [Symbol.asyncDispose]() {
    await super[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true });
  }
}

/** OpenAI's client, which never asks twice unless a test wants it to. */
export const clientOf = ({ url }, options) => new OpenAI({ baseURL: url, apiKey: KEY, maxRetries: 0, ...options });

/** The film of a job, once it is made; this SDK has no helper for that. */
export async function finished(client, video) {
  while (["queued", "in_progress"].includes(video.status)) video = await client.videos.retrieve(video.id);
  assert.equal(video.status, "completed");
  return video;
}

/** The error a call ends with. */
export async function caught(call) {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: "the call succeeded" });
}
