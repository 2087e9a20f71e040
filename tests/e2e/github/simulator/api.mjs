// The operations of GitHub's API that this GitHub keeps state for, by their names in GitHub's description. Everything else is refused.
import crypto from "node:crypto";
import { asApp, asToken, authorize, mint, repositoryOf } from "./access.mjs";
import { paged } from "./answers.mjs";
import { description } from "./objects.mjs";
import { actions, checks, pulls } from "./pulls.mjs";
import { repository } from "./repositories.mjs";
import { Refusal } from "./state.mjs";

const METHODS = ["get", "post", "put", "patch", "delete"];
const app = {
  "apps/get-authenticated": ({ state, objects }) => ({ body: { ...objects.application(), installations_count: 1, permissions: { metadata: "read", ...state.app.permissions } } }),
  "apps/get-org-installation": ({ state, objects, params }) => {
    const known = [...state.repositories.keys()].some((name) => name.split("/")[0] === params.org);
    if (!known) throw new Refusal(404, "Not Found");
    return { body: objects.installationOf(params.org) };
  },
  "apps/create-installation-access-token": ({ state, params, body, objects }) => {
    if (Number(params.installation_id) !== state.installation) throw new Refusal(404, "Not Found");
    const token = mint(state, body ?? {});
    const some = token.repositories && { repositories: token.repositories.map((name) => objects.repository(state.repositories.get(name))) };
    const answer = { token: token.token, expires_at: new Date(token.expires).toISOString().replace(/\.\d+Z$/, "Z"), permissions: token.permissions };
    return { status: 201, body: { ...answer, repository_selection: some ? "selected" : "all", ...some } };
  },
};

const organization = {
  "rate-limit/get": ({ token, objects }) => {
    const core = { limit: token.limit, used: token.used, remaining: token.limit - token.used, reset: Math.ceil(Date.now() / 3600e3) * 3600 };
    const example = objects.example("rate-limit-overview");
    return { body: { resources: { ...example.resources, core }, rate: core } };
  },
  "orgs/get": ({ objects, params }) => ({ body: objects.organization(params.org) }),
  "repos/list-for-org": (call) => {
    const mine = [...call.state.repositories.values()].filter((r) => r.full_name.startsWith(`${call.params.org}/`) && (call.token.repositories?.includes(r.full_name) ?? true));
    return paged(call, mine, (part) => part.map((r) => call.objects.repository(r)));
  },
  "apps/list-repos-accessible-to-installation": (call) => {
    const mine = [...call.state.repositories.values()].filter((r) => call.token.repositories?.includes(r.full_name) ?? true);
    return paged(call, mine, (part, total_count) => ({ total_count, repositories: part.map((r) => call.objects.repository(r)) }));
  },
  "repos/create-in-org": ({ state, objects, params, body }) => {
    const full_name = `${params.org}/${body.name}`;
    if (state.repositories.has(full_name)) throw new Refusal(422, "Repository creation failed.", { errors: [{ resource: "Repository", code: "custom", field: "name", message: "name already exists on this account" }] });
    const repository = state.createRepository({ full_name, private: body.private ?? false, description: body.description ?? null });
    return { status: 201, body: objects.repository(repository, { full: true }) };
  },
};

/** Wrap one operation: who asks, may they, how much of their hour is left, has anything changed. */
function answer(state, objects, base, name, run) {
  return (context, request, response) => {
    const send = ({ status = 200, body, headers = {} }) => {
      response.status(status).set(headers);
      return body === undefined ? response.end() : response.json(body);
    };
    try {
      const token = name in app ? asApp(state, request) : asToken(state, request);
      const reset = Math.ceil(Date.now() / 3600e3) * 3600;
      const rate = () => response.set({ "x-ratelimit-limit": token.limit, "x-ratelimit-remaining": Math.max(0, token.limit - token.used), "x-ratelimit-used": token.used, "x-ratelimit-reset": reset, "x-ratelimit-resource": "core" });
      if (token.used >= token.limit) {
        rate();
        throw new Refusal(403, "API rate limit exceeded for installation.");
      }
      token.used += name === "rate-limit/get" ? 0 : 1;
      rate();
      const params = Object.fromEntries(Object.entries(context.request.params).map(([key, value]) => [key, decodeURIComponent(value)]));
      const login = token.kind === "workflow" ? "github-actions[bot]" : state.bot;
      const call = { state, objects, base, token, login, params, query: { ...request.query }, body: request.body, path: request.path };
      authorize(token, name);
      if (params.repo !== undefined) {
        call.repository = repositoryOf(state, token, params);
        if (call.repository.archived && request.method !== "GET") throw new Refusal(403, "Repository was archived so is read-only.");
      }
      const result = run(call);
      if (request.method !== "GET" || result.body === undefined) return send(result);
      const tag = `W/"${crypto.createHash("sha256").update(JSON.stringify(result.body)).digest("hex")}"`;
      const same = request.headers["if-none-match"] === tag;
      if (same) token.used -= 1; // GitHub does not count an answer that says "unchanged"
      if (same) rate();
      return send({ ...result, ...(same ? { status: 304, body: undefined } : {}), headers: { ...result.headers, ETag: tag } });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return send(error);
    }
  };
}

/** Handlers for every operation in GitHub's description: ours, and a refusal that the test sees for all others. */
export function handlers(state, objects, base) {
  const ours = { ...app, ...organization, ...repository, ...pulls, ...checks, ...actions };
  const all = {};
  for (const [path, item] of Object.entries(description.paths)) {
    for (const [method, { operationId }] of Object.entries(item).filter(([key]) => METHODS.includes(key))) {
      all[operationId] = (_context, _request, response) => response.status(500).json({ message: `This GitHub does not know ${method.toUpperCase()} ${path}: add ${operationId} to api.mjs`, unknown: operationId });
    }
  }
  for (const [name, run] of Object.entries(ours)) {
    if (!(name in all)) throw new Error(`api.mjs: ${name} is no operation of GitHub's description`);
    all[name] = answer(state, objects, base, name, run);
  }
  return all;
}
