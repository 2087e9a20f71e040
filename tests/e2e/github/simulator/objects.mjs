// GitHub's objects. Each starts as the example of GitHub's own description and gets our facts: so it has every field that a real one has.
import fs from "node:fs";
import { createRequire } from "node:module";

export const DESCRIPTION = createRequire(import.meta.url).resolve("@octokit/openapi/generated/api.github.com.json");
export const description = JSON.parse(fs.readFileSync(DESCRIPTION, "utf8"));

export class Objects {
  constructor(state, base, git) {
    this.state = state;
    this.base = base;
    this.git = git;
    this.examples = new Map();
  }

  /** A fresh copy of an example, its links pointing here. */
  example(name) {
    if (!this.examples.has(name)) {
      const value = description.components.examples[name].value;
      this.examples.set(name, JSON.stringify(Array.isArray(value) ? value[0] : value).replaceAll("https://api.github.com", this.base));
    }
    return JSON.parse(this.examples.get(name));
  }

  user(login) {
    const type = login.endsWith("[bot]") ? "Bot" : "User";
    const text = JSON.stringify(this.example("issue-comment").user).replaceAll("octocat", encodeURIComponent(login));
    return { ...JSON.parse(text), login, id: this.state.user(login), type };
  }

  organization(login) {
    const links = { login, id: this.state.user(login), url: `${this.base}/orgs/${login}`, repos_url: `${this.base}/orgs/${login}/repos` };
    return { ...this.example("organization-full"), ...links, name: login, archived_at: null };
  }

  owner(login) {
    return { ...this.user(login), type: "Organization" };
  }

  /** A repository in full, or without the fields that only the full answer has. */
  repository(repository, { full = false } = {}) {
    const [owner, name] = repository.full_name.split("/");
    const source = this.example("full-repository");
    const text = JSON.stringify({ ...source, organization: undefined, parent: undefined, source: undefined, template_repository: undefined });
    const facts = {
      id: repository.id, node_id: `R_${repository.id}`, name, full_name: repository.full_name, owner: this.owner(owner), private: repository.private,
      visibility: repository.private ? "private" : "public", archived: repository.archived, default_branch: repository.default_branch,
      description: repository.description, topics: repository.topics, created_at: repository.created_at, updated_at: repository.updated_at,
      clone_url: `${this.git}/${repository.full_name}.git`, open_issues_count: Object.keys(repository.pulls).length, fork: Boolean(repository.fork), has_discussions: false,
    };
    const result = { ...JSON.parse(text.replaceAll("octocat/Hello-World", repository.full_name)), ...facts };
    if (!full) for (const key of ["network_count", "subscribers_count"]) delete result[key];
    return result;
  }

  pull(repository, pull, { full = false } = {}) {
    const source = this.example(full ? "pull-request" : "pull-request-simple-items");
    const api = `${this.base}/repos/${repository.full_name}`;
    const text = JSON.stringify({ ...source, head: null, base: null }).replaceAll("octocat/Hello-World", repository.full_name).replaceAll("1347", String(pull.number));
    const side = (full_name, ref, sha) => {
      const found = this.state.repositories.get(full_name);
      const login = (full_name ?? "unknown/repository").split("/")[0];
      return { label: `${login}:${ref}`, ref, sha, user: this.user(login), repo: found ? this.repository(found) : null };
    };
    return {
      ...JSON.parse(text), id: pull.id, number: pull.number, state: pull.state, title: pull.title, body: pull.body, draft: pull.draft, locked: false,
      user: this.user(pull.author), created_at: pull.created_at, updated_at: pull.updated_at, closed_at: pull.state === "closed" ? pull.updated_at : null,
      merged_at: null, merge_commit_sha: null, milestone: null, assignee: null, assignees: [], requested_reviewers: [], requested_teams: [], url: `${api}/pulls/${pull.number}`,
      labels: this.labels(repository, pull.number), head: side(pull.head_repo, pull.head_ref, pull.head_sha), base: side(repository.full_name, pull.base_ref, pull.base_sha),
      ...(full ? { merged: pull.merged, merged_by: null } : {}),
    };
  }

  issue(repository, pull) {
    const source = description.paths["/repos/{owner}/{repo}/issues/{issue_number}"].get.responses["200"].content["application/json"].examples;
    const first = Object.values(source)[0];
    const value = first.value ?? this.example(first.$ref.split("/").at(-1));
    const text = JSON.stringify(value).replaceAll("https://api.github.com", this.base).replaceAll("octocat/Hello-World", repository.full_name).replaceAll("1347", String(pull.number));
    return {
      ...JSON.parse(text), id: pull.id, number: pull.number, state: pull.state, title: pull.title, body: pull.body, user: this.user(pull.author), locked: false,
      created_at: pull.created_at, updated_at: pull.updated_at, labels: this.labels(repository, pull.number), assignee: null, assignees: [], milestone: null,
    };
  }

  comment(repository, comment) {
    const text = JSON.stringify(this.example("issue-comment")).replaceAll("octocat/Hello-World", repository.full_name).replaceAll("1347", String(comment.number));
    const url = `${this.base}/repos/${repository.full_name}/issues/comments/${comment.id}`;
    return {
      ...JSON.parse(text), id: comment.id, url, html_url: `${this.git}/${repository.full_name}/pull/${comment.number}#issuecomment-${comment.id}`,
      body: comment.body, user: this.user(comment.author), created_at: comment.created_at, updated_at: comment.updated_at,
    };
  }

  labels(repository, number) {
    return (repository.labels[number] ?? []).map((name) => ({
      id: this.state.user(`label:${name}`), node_id: `L_${name}`, url: `${this.base}/repos/${repository.full_name}/labels/${encodeURIComponent(name)}`,
      name, description: "", color: "ededed", default: false,
    }));
  }

  check(repository, check) {
    const url = `${this.base}/repos/${repository.full_name}/check-runs/${check.id}`;
    const source = this.example("check-run");
    return {
      ...source, id: check.id, url, html_url: `${this.git}/${repository.full_name}/runs/${check.id}`, head_sha: check.head_sha, name: check.name,
      external_id: check.external_id ?? "", details_url: check.details_url ?? null, status: check.status, conclusion: check.conclusion ?? null,
      started_at: check.started_at, completed_at: check.completed_at ?? null, pull_requests: [],
      output: {
        title: check.output?.title ?? null, summary: check.output?.summary ?? null, text: check.output?.text ?? null,
        annotations_count: check.annotations.length, annotations_url: `${url}/annotations`,
      },
      app: this.application(source.app),
    };
  }

  application(source = this.example("integration")) {
    return { ...source, id: this.state.app.id, slug: this.state.app.slug, name: this.state.app.slug, permissions: { metadata: "read", ...this.state.app.permissions } };
  }

  installationOf(login) {
    const { installation, app } = this.state;
    return {
      ...this.example("installation"), id: installation, account: this.owner(login), app_id: app.id, app_slug: app.slug, target_type: "Organization",
      permissions: { metadata: "read", ...app.permissions }, access_tokens_url: `${this.base}/app/installations/${installation}/access_tokens`,
    };
  }

  activity(entry) {
    return { id: entry.id, node_id: `A_${entry.id}`, before: entry.before, after: entry.sha, ref: entry.ref, timestamp: entry.at, activity_type: entry.type, actor: entry.actor ? this.user(entry.actor) : null };
  }
}
