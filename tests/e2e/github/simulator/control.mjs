// What the test may do behind GitHub's back: POST /_state with one order, GET /_state to see everything. No part of GitHub's API.
import { now } from "./state.mjs";

const repositoryOf = (state, name) => {
  const repository = state.repositories.get(name);
  if (!repository) throw new Error(`no repository ${name}; there are ${[...state.repositories.keys()].join(", ") || "none"}`);
  return repository;
};

const commentOf = (state, { repository, id }) => {
  const found = repositoryOf(state, repository).comments.find((comment) => comment.id === id);
  if (!found) throw new Error(`no comment ${id} in ${repository}`);
  return found;
};

const orders = {
  repository: (state, { fields }) => state.addRepository(fields),
  rename: (state, { from, to }) => state.rename(from, to),
  pull: (state, { repository, fields }) => {
    repositoryOf(state, repository);
    return state.putPull(repository, fields);
  },
  activity: (state, { repository, fields }) => {
    repositoryOf(state, repository);
    return state.addActivity(repository, fields);
  },
  token: (state, { fields }) => state.addToken(fields),
  accept: (state, { repository, login }) => {
    const found = repositoryOf(state, repository);
    const invited = found.invitations.find((one) => one.login === login);
    if (!invited) throw new Error(`${login} is not invited to ${repository}`);
    found.invitations = found.invitations.filter((one) => one !== invited);
    found.collaborators[login] = invited.role;
  },
  write_comment: (state, { repository, number, author, body }) => {
    const comment = { id: state.next(), number, author, body, created_at: now(), updated_at: now(), edits: 0 };
    repositoryOf(state, repository).comments.push(comment);
    return comment;
  },
  edit_comment: (state, order) => Object.assign(commentOf(state, order), { body: order.body, updated_at: now() }),
  delete_comment: (state, order) => {
    const { comments } = repositoryOf(state, order.repository);
    comments.splice(comments.indexOf(commentOf(state, order)), 1);
  },
  features: (state, { fields }) => Object.assign(state.features, fields),
  permissions: (state, { fields }) => {
    state.app.permissions = fields;
  },
  unknown_user: (state, { login }) => state.unknown.add(login),
  budget: (state, { left }) => {
    for (const token of state.tokens.values()) token.used = token.limit - left;
  },
  expire_tokens: (state) => {
    for (const token of state.tokens.values()) if (token.kind === "installation") token.expires = 0;
  },
  fault: (state, { fields }) => state.faults.push({ times: 1, ...fields }),
  clear_faults: (state) => state.faults.splice(0),
  clear_violations: (state) => state.violations.splice(0),
};

const everything = (state) => ({
  repositories: Object.fromEntries(state.repositories), tokens: [...state.tokens.values()], calls: state.calls, violations: state.violations,
  dispatches: state.dispatches, faults: state.faults, features: state.features,
});

export function control(state, method, body, response) {
  const answer = (status, value) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value ?? null));
  if (method === "GET") return answer(200, everything(state));
  try {
    const order = JSON.parse(body);
    if (!(order.order in orders)) throw new Error(`unknown order ${order.order}; expected one of ${Object.keys(orders).join(", ")}`);
    return answer(200, orders[order.order](state, order));
  } catch (error) {
    return answer(400, { message: error.message });
  }
}
