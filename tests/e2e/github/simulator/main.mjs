// Start the offline GitHub: door (gateway.mjs) → Prism, which checks both directions → Simulacrum with our handlers (api.mjs).
// The first line of standard input is the configuration; when standard input ends, whoever started us is gone and so are we.
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import { simulation } from "@simulacrum/github-api-simulator";
import { createLogger } from "@stoplight/prism-core";
import { getHttpOperationsFromSpec } from "@stoplight/prism-http";
import { createServer } from "@stoplight/prism-http-server";
import { handlers } from "./api.mjs";
import { gateway, read } from "./gateway.mjs";
import { DESCRIPTION, Objects, description } from "./objects.mjs";
import { State } from "./state.mjs";

const HOST = "127.0.0.1";

/** Read JSON bodies before Express does: its limit of 100 kB is smaller than GitHub's. */
function allowLargeBodies(server) {
  const [express] = server.listeners("request");
  server.removeAllListeners("request");
  server.on("request", async (request, response) => {
    const bytes = await read(request);
    try {
      request.body = bytes.length ? JSON.parse(bytes) : undefined;
    } catch {
      return response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ message: "Problems parsing JSON" }));
    }
    return express(request, response);
  });
}

/** Write GitHub's description as Simulacrum's validator can read it: it stumbles over `nullable` without `type`. Prism reads the original. */
function tolerableDescription() {
  const text = JSON.stringify(description, (key, value) => {
    if (value && typeof value === "object" && value.nullable === true && !("type" in value)) {
      const { nullable: _, ...rest } = value;
      return rest;
    }
    return value;
  });
  const file = path.join(os.tmpdir(), `description-${process.pid}.json`);
  fs.writeFileSync(file, text);
  return file;
}

async function startPrism(upstream) {
  const operations = await getHttpOperationsFromSpec(DESCRIPTION);
  const config = { isProxy: true, upstream: new URL(upstream), validateRequest: true, validateResponse: true, checkSecurity: true, errors: false, mock: { dynamic: false } };
  const server = createServer(operations, { cors: false, config, components: { logger: createLogger("prism", { level: "silent" }) } });
  return Number(new URL(await server.listen(0, HOST)).port);
}

async function start(config) {
  const state = new State(config);
  const door = http.createServer((request, response) => void serve(request, response));
  await new Promise((resolve) => door.listen(0, HOST, resolve));
  const base = `http://${HOST}:${door.address().port}`;
  const objects = new Objects(state, base, config.git);
  const openapiHandlers = () => handlers(state, objects, base);
  const initialState = { users: [], organizations: [], repositories: [], branches: [], blobs: [] };
  const apiSchema = tolerableDescription();
  const api = await simulation({ initialState, apiSchema, extend: { openapiHandlers } }).listen(0, HOST);
  fs.unlinkSync(apiSchema);
  allowLargeBodies(api.server);
  const prism = await startPrism(`http://${HOST}:${api.server.address().port}`);
  const serve = gateway(state, base, () => prism);
  process.stdout.write(`${JSON.stringify({ url: base, installation: state.installation })}\n`);
}

const input = readline.createInterface({ input: process.stdin });
input.once("line", (line) => start(JSON.parse(line)).catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
}));
input.on("close", () => process.exit(0));
