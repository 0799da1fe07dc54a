// An upstream that answers as it is told, and remembers what it was asked. The sandbox speaks no messages.

import { once } from "node:events";
import { createServer } from "node:http";

/** A step of a stream: the connection ends, and nobody says that the answer has. */
export const CUT = Symbol("cut");

/** A whole answer in JSON. */
export const answer = (status, body, headers = {}) => (response) => {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
};

/** A stream of events: texts are sent, promises waited for, and it may end in a CUT. */
export const stream = (steps, headers = {}) => async (response) => {
  response.writeHead(200, { "content-type": "text/event-stream", ...headers });
  for (const step of steps) {
    if (step === CUT) return response.destroy();
    if (typeof step !== "string") await step;
    else await new Promise((sent) => response.write(step, sent));
  }
  response.end();
};

/** A scripted upstream on a port of its own. */
export class Upstream {
  asked = [];
  #script = [];

  static async start() {
    const upstream = new Upstream();
    upstream.server = createServer(async (request, response) => {
      const body = Buffer.concat(await request.toArray()).toString();
      upstream.asked.push({ method: request.method, path: request.url, headers: request.headers, body });
      const [reply] = upstream.#script.length > 1 ? upstream.#script.splice(0, 1) : upstream.#script;
      await reply(response);
    });
    upstream.server.listen(0, "127.0.0.1");
    await once(upstream.server, "listening");
    upstream.url = `http://127.0.0.1:${upstream.server.address().port}/v1`;
    return upstream;
  }

  /** Plays these from now on, the last one again and again; what was asked is forgotten. */
  play(...replies) {
    this.#script = replies;
    this.asked = [];
  }

  async [Symbol.asyncDispose]() {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }
}
