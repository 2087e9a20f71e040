// The door: writes down every call and what broke GitHub's description, plays the faults that the test ordered, follows renames, hands the rest to Prism.
import http from "node:http";
import { control } from "./control.mjs";

const UNDESCRIBED = "Unable to match the returned status code";
// GitHub answers null for the repository of a fork that was deleted, whatever its description says.
const DELETED_FORK = /head\.repo must be object$/;

export const read = async (stream) => {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
};

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

/** The first ordered fault that this call meets; its turn is used up. */
function fault(state, method, url) {
  const index = state.faults.findIndex((one) => new RegExp(one.match).test(`${method} ${url}`));
  if (index < 0) return null;
  const found = state.faults[index];
  found.times -= 1;
  if (found.times <= 0) state.faults.splice(index, 1);
  return found;
}

/** What Prism and Simulacrum had to say against an exchange. */
function complaints(status, headers, body) {
  const found = [];
  const said = headers["sl-violations"];
  if (said) {
    let list;
    try {
      list = JSON.parse(said);
    } catch {
      list = [{ location: ["unknown"], message: said }];
    }
    for (const { location, message } of list) {
      if (message === "Selected route not found") found.push({ kind: "request", message: "GitHub's description has no such method and path" });
      else if (DELETED_FORK.test(message)) continue;
      // An error that GitHub's description leaves out is still an error that GitHub answers, such as 404 for a comment that is gone.
      else if (!(message.startsWith(UNDESCRIBED) && status >= 400)) found.push({ kind: location[0], message: `${location.slice(1).join(".")}: ${message}` });
    }
  }
  if (status === 400 && body?.err) found.push({ kind: "request", message: JSON.stringify(body.err.map(({ instancePath, message, params }) => ({ instancePath, message, params }))) });
  if (body?.unknown) found.push({ kind: "unknown", message: body.message });
  if (String(headers["content-type"]).startsWith("application/problem+json")) found.push({ kind: "proxy", message: JSON.stringify(body) });
  return found;
}

function forward(port, request, url, body) {
  return new Promise((resolve, reject) => {
    const headers = { ...request.headers, host: `127.0.0.1:${port}`, connection: "close" };
    delete headers["transfer-encoding"];
    if (body.length) headers["content-length"] = String(body.length);
    const onward = http.request({ host: "127.0.0.1", port, method: request.method, path: url, headers, agent: false }, async (answer) => {
      resolve({ status: answer.statusCode, headers: answer.headers, body: await read(answer) });
    });
    onward.on("error", reject);
    onward.end(body);
  });
}

/** Where a call goes to: as asked, through a repository's number, or on to its new name. */
export function route(state, base, method, url) {
  const numbered = url.match(/^\/repositories\/(\d+)(.*)$/);
  if (numbered && state.byId(numbered[1])) return { url: `/repos/${state.byId(numbered[1]).full_name}${numbered[2]}` };
  const named = url.match(/^\/repos\/([^/?]+\/[^/?]+)(.*)$/);
  const id = named && !state.repositories.has(named[1]) ? state.renamed.get(named[1]) : undefined;
  if (id !== undefined) return { status: method === "GET" ? 301 : 307, location: `${base}/repositories/${id}${named[2]}` };
  // GitHub reads a branch's name with its slashes as they are; its description wants them escaped.
  const branch = url.match(/^(\/repos\/[^/]+\/[^/]+\/branches\/)([^?]+?)(\/protection)?(\?.*)?$/);
  if (branch?.[2].includes("/")) return { url: `${branch[1]}${branch[2].replaceAll("/", "%2F")}${branch[3] ?? ""}${branch[4] ?? ""}` };
  return { url };
}

/** A body as GitHub's description wants it: GitHub also takes a bare list of labels, which is how PyGithub sends them. */
function described(method, path, body) {
  if (!/^(POST|PUT) .*\/issues\/\d+\/labels$/.test(`${method} ${path}`) || body[0] !== 0x5b) return body;
  return Buffer.from(`{"labels": ${body}}`);
}

export function gateway(state, base, prism) {
  return async (request, response) => {
    const { method, url } = request;
    const body = await read(request);
    if (url === "/_state") return control(state, method, body, response);
    const [path, query = ""] = url.split("?");
    const call = { method, path, query, status: 0, at: new Date().toISOString() };
    state.calls.push(call);
    const answer = (status, headers, bytes) => {
      call.status = status;
      response.writeHead(status, headers).end(bytes);
    };
    const planned = fault(state, method, url);
    if (planned) {
      call.fault = planned.match;
      await sleep(planned.delay_s ?? 0);
      if (planned.status && !planned.after) return answer(planned.status, { "content-type": "application/json", ...planned.headers }, JSON.stringify(planned.body ?? { message: "Injected by the test" }));
      if (planned.drop && !planned.after) return request.socket.destroy();
    }
    const way = route(state, base, method, url);
    if (way.location) return answer(way.status, { location: way.location, "content-type": "application/json" }, JSON.stringify({ message: "Moved Permanently", url: way.location }));
    let result;
    try {
      result = await forward(prism(), request, way.url, described(method, path, body));
    } catch (error) {
      state.violations.push({ kind: "proxy", method, path, message: String(error) });
      return answer(502, { "content-type": "application/json" }, JSON.stringify({ message: String(error) }));
    }
    let parsed;
    try {
      parsed = JSON.parse(result.body);
    } catch {
      parsed = undefined; // an answer without a body
    }
    const wrong = complaints(result.status, result.headers, parsed);
    state.violations.push(...wrong.map((one) => ({ ...one, method, path, status: result.status })));
    if (planned?.after && planned.drop) return request.socket.destroy(); // it happened, but nobody was told
    if (planned?.after) return answer(planned.status, { "content-type": "application/json", ...planned.headers }, JSON.stringify(planned.body ?? { message: "Injected by the test" }));
    const kept = Object.entries(result.headers).filter(([name]) => !["sl-violations", "connection", "keep-alive", "transfer-encoding", "content-length", "date"].includes(name));
    const refused = result.status === 400 && parsed?.err;
    return answer(refused ? 422 : result.status, Object.fromEntries(kept), refused ? JSON.stringify({ message: "Invalid request.", errors: parsed.err }) : result.body);
  };
}
