// Operations on a repository: who works in it, what is protected, what was pushed.
import { invalid, paged } from "./answers.mjs";
import { Refusal, now } from "./state.mjs";

const ROLES = { pull: "read", triage: "triage", push: "write", maintain: "maintain", admin: "admin" };

const feature = (call, name) => {
  if (!call.state.features[name]) throw new Refusal(403, "Upgrade to GitHub Pro or make this repository public to enable this feature.");
};

export const repository = {
  "repos/get": ({ objects, repository }) => ({ body: objects.repository(repository, { full: true }) }),
  "repos/get-all-topics": ({ repository }) => ({ body: { names: repository.topics } }),
  "repos/replace-all-topics": ({ repository, body }) => {
    const wrong = body.names.find((name) => !/^[a-z0-9][a-z0-9-]{0,49}$/.test(name));
    if (wrong !== undefined) throw invalid("Repository", "topics", "Topics must start with a lowercase letter or number, consist of 50 characters or less, and can include hyphens.");
    repository.topics = body.names;
    return { body: { names: repository.topics } };
  },
  "repos/get-branch": ({ state, objects, repository, params }) => {
    const sha = state.resolve(repository.full_name, `refs/heads/${params.branch}`);
    if (!sha) throw new Refusal(404, "Branch not found");
    const example = objects.example("branch-get");
    return { body: { ...example, name: params.branch, commit: { ...example.commit, sha }, protection_url: `${objects.base}/repos/${repository.full_name}/branches/${encodeURIComponent(params.branch)}/protection`, protected: params.branch in repository.protections } };
  },
  "repos/update-branch-protection": (call) => {
    const { state, repository, params, body, path } = call;
    feature(call, "protection");
    if (!state.resolve(repository.full_name, `refs/heads/${params.branch}`)) throw new Refusal(404, "Branch not found");
    repository.protections[params.branch] = body;
    return { body: protection(call, path) };
  },
  "repos/get-branch-protection": (call) => {
    if (!(call.params.branch in call.repository.protections)) throw new Refusal(404, "Branch not protected");
    return { body: protection(call, call.path) };
  },
  "repos/get-repo-rulesets": (call) => paged(call, call.repository.rulesets, (part) => part.map((ruleset) => rulesetOf(call, ruleset))),
  "repos/create-repo-ruleset": (call) => {
    const { state, repository, body } = call;
    feature(call, "rulesets");
    if (repository.rulesets.some((one) => one.name === body.name)) throw new Refusal(422, "Validation Failed", { errors: ["Name must be unique"] });
    repository.rulesets.push({ ...body, id: state.next(), target: body.target ?? "branch", created_at: now() });
    return { status: 201, body: rulesetOf(call, repository.rulesets.at(-1)) };
  },
  "repos/list-collaborators": (call) => paged(call, Object.entries(call.repository.collaborators), (part) => part.map(([login, role]) => collaborator(call.objects, login, role))),
  "repos/check-collaborator": ({ repository, params }) => {
    if (!(params.username in repository.collaborators)) throw new Refusal(404, "Not Found");
    return { status: 204 };
  },
  "repos/get-collaborator-permission-level": ({ state, objects, repository, params }) => {
    if (state.unknown.has(params.username)) throw new Refusal(404, "Not Found");
    const role_name = repository.collaborators[params.username] ?? "none";
    const permission = { triage: "read", maintain: "write" }[role_name] ?? role_name;
    return { body: { permission, role_name, user: collaborator(objects, params.username, role_name) } };
  },
  "repos/add-collaborator": ({ state, objects, repository, params, body }) => {
    if (state.unknown.has(params.username)) throw new Refusal(404, "Not Found");
    const role = ROLES[body?.permission ?? "push"] ?? body.permission;
    if (params.username in repository.collaborators) {
      repository.collaborators[params.username] = role;
      return { status: 204 };
    }
    const known = repository.invitations.find((one) => one.login === params.username) ?? { id: state.next(), login: params.username, created_at: now() };
    known.role = role;
    if (!repository.invitations.includes(known)) repository.invitations.push(known);
    return { status: 201, body: invitation(objects, repository, known) };
  },
  "repos/list-invitations": (call) => paged(call, call.repository.invitations, (part) => part.map((one) => invitation(call.objects, call.repository, one))),
  "repos/list-activities": (call) => {
    const wanted = call.query.ref && `refs/heads/${call.query.ref.replace(/^refs\/heads\//, "")}`;
    const { actor, activity_type: type, direction = "desc" } = call.query;
    const rows = call.repository.activity.filter((one) => (!wanted || one.ref === wanted) && (!actor || one.actor === actor) && (!type || one.type === type));
    if (direction === "asc") rows.reverse();
    const start = call.query.after ? rows.findIndex((one) => String(one.id) === call.query.after) + 1 : 0;
    const part = rows.slice(start, start + Math.min(Number(call.query.per_page ?? 30), 100));
    const more = start + part.length < rows.length;
    const next = more && `<${call.base}${call.path}?${new URLSearchParams({ ...call.query, after: part.at(-1).id })}>; rel="next"`;
    return { body: part.map((one) => call.objects.activity(one)), headers: more ? { Link: next } : {} };
  },
};

const collaborator = (objects, login, role_name) => {
  const rank = ["read", "triage", "write", "maintain", "admin"].indexOf(role_name);
  return { ...objects.user(login), role_name, permissions: { pull: rank >= 0, triage: rank >= 1, push: rank >= 2, maintain: rank >= 3, admin: rank >= 4 } };
};

const invitation = (objects, repository, { id, login, role, created_at }) => ({
  ...objects.example("repository-invitation-response-when-a-new-invitation-is-created"), id, repository: objects.repository(repository),
  invitee: objects.user(login), inviter: objects.user(objects.state.bot), permissions: role, created_at,
});

function protection({ objects, repository, params, base }, path) {
  const asked = repository.protections[params.branch];
  const url = base + path;
  const answer = objects.example("branch-protection-update");
  const reviews = asked.required_pull_request_reviews && { ...answer.required_pull_request_reviews, ...asked.required_pull_request_reviews, url, dismissal_restrictions: undefined, bypass_pull_request_allowances: undefined };
  const switches = ["required_linear_history", "allow_force_pushes", "allow_deletions", "block_creations", "required_conversation_resolution", "lock_branch", "allow_fork_syncing"];
  return {
    url, enforce_admins: { url, enabled: Boolean(asked.enforce_admins) }, ...(reviews ? { required_pull_request_reviews: reviews } : {}),
    ...(asked.restrictions ? { restrictions: { ...answer.restrictions, url } } : {}),
    ...Object.fromEntries(switches.map((name) => [name, { enabled: Boolean(asked[name]) }])),
  };
}

const rulesetOf = ({ objects, repository, base }, { id, name, target, enforcement, rules = [], conditions, bypass_actors = [], created_at }) => ({
  ...objects.example("repository-ruleset"), id, name, target, enforcement, source: repository.full_name, rules, bypass_actors, created_at, updated_at: created_at,
  conditions: conditions ?? { ref_name: { include: [], exclude: [] } }, _links: { self: { href: `${base}/repos/${repository.full_name}/rulesets/${id}` } },
});
