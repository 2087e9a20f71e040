// Who is asking, and whether they may. The tokens that count are those this GitHub minted and those the test gave to workflows.
import crypto from "node:crypto";
import { Refusal } from "./state.mjs";

const RANK = { read: 1, write: 2, admin: 3 };

/** What each operation needs of an installation token, as GitHub documents it. Any one of several is enough. */
const NEEDS = {
  "repos/create-in-org": ["administration:write"],
  "repos/update-branch-protection": ["administration:write"],
  "repos/get-branch-protection": ["administration:read"],
  "repos/create-repo-ruleset": ["administration:write"],
  "repos/add-collaborator": ["administration:write"],
  "repos/list-invitations": ["administration:read"],
  "repos/replace-all-topics": ["administration:write"],
  "repos/list-activities": ["contents:read"],
  "repos/get-branch": ["contents:read"],
  "pulls/list": ["pull_requests:read"],
  "pulls/get": ["pull_requests:read"],
  "issues/get": ["issues:read", "pull_requests:read"],
  "issues/list-comments": ["issues:read", "pull_requests:read"],
  "issues/get-comment": ["issues:read", "pull_requests:read"],
  "issues/create-comment": ["issues:write", "pull_requests:write"],
  "issues/update-comment": ["issues:write", "pull_requests:write"],
  "issues/delete-comment": ["issues:write", "pull_requests:write"],
  "issues/list-labels-on-issue": ["issues:read", "pull_requests:read"],
  "issues/add-labels": ["issues:write", "pull_requests:write"],
  "issues/remove-label": ["issues:write", "pull_requests:write"],
  "checks/list-for-ref": ["checks:read"],
  "checks/get": ["checks:read"],
  "checks/list-annotations": ["checks:read"],
  "checks/create": ["checks:write"],
  "checks/update": ["checks:write"],
  "actions/get-workflow": ["actions:read"],
  "actions/create-workflow-dispatch": ["actions:write"],
};

const credential = (request) => {
  const [scheme, value] = (request.headers.authorization ?? "").split(" ");
  return ["bearer", "token"].includes(scheme?.toLowerCase()) ? value : undefined;
};

/** Check the App's JSON web token as GitHub does: signature, who signs, and that it is neither old nor long-lived. */
export function asApp(state, request) {
  const parts = (credential(request) ?? "").split(".");
  let claims;
  try {
    const valid = crypto.verify("RSA-SHA256", Buffer.from(parts.slice(0, 2).join(".")), state.app.public_key, Buffer.from(parts[2], "base64url"));
    if (parts.length !== 3 || !valid) throw new Error("signature");
    claims = JSON.parse(Buffer.from(parts[1], "base64url"));
  } catch {
    throw new Refusal(401, "A JSON web token could not be decoded");
  }
  const seconds = Date.now() / 1000;
  if (String(claims.iss) !== String(state.app.id)) throw new Refusal(401, "Integration not found");
  if (!(claims.exp > seconds)) throw new Refusal(401, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires");
  if (claims.exp > seconds + 660) throw new Refusal(401, "'Expiration time' claim ('exp') is too far in the future");
  return { kind: "app", limit: 5000, used: 0 };
}

export function asToken(state, request) {
  const token = state.tokens.get(credential(request));
  if (!token || token.expires < Date.now()) throw new Refusal(401, "Bad credentials");
  return token;
}

/** Throw unless the token has the permission that the operation needs; GitHub names it in a header. */
export function authorize(token, operation) {
  const needs = NEEDS[operation];
  if (!needs || needs.some((need) => allows(token.permissions, need))) return;
  const accepted = needs.map((need) => need.replace(":", "=")).join("; ");
  throw new Refusal(403, "Resource not accessible by integration", {}, { "X-Accepted-GitHub-Permissions": accepted });
}

export const allows = (permissions, need) => {
  const [name, level] = need.split(":");
  return (RANK[permissions[name]] ?? 0) >= RANK[level];
};

/** The repository that a request names, if this token can see it; one that it cannot see does not exist. */
export function repositoryOf(state, token, { owner, repo }) {
  const repository = state.repositories.get(`${owner}/${repo}`);
  if (!repository) throw new Refusal(404, "Not Found");
  if (token.repositories && !token.repositories.includes(repository.full_name)) throw new Refusal(404, "Not Found");
  return repository;
}

/** Hand out an installation token: no more than the App has, for the repositories asked for. */
export function mint(state, body) {
  const wanted = Object.keys(body.permissions ?? {}).length ? body.permissions : state.app.permissions;
  for (const [name, level] of Object.entries(wanted)) {
    if (name !== "metadata" && !allows(state.app.permissions, `${name}:${level}`)) throw new Refusal(422, "The permissions requested are not granted to this installation.");
  }
  let repositories = null;
  if (body.repositories || body.repository_ids) {
    const found = [...state.repositories.values()].filter((r) => body.repositories?.includes(r.full_name.split("/")[1]) || body.repository_ids?.includes(r.id));
    if (found.length !== (body.repositories?.length ?? 0) + (body.repository_ids?.length ?? 0)) {
      throw new Refusal(422, "There is at least one repository that does not exist or is not accessible to the parent installation.");
    }
    repositories = found.map((r) => r.full_name);
  }
  return state.addToken({ permissions: { metadata: "read", ...wanted }, repositories });
}
