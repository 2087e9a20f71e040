// What this GitHub knows. One object, kept in memory, changed by the API (api.mjs) and by the test (control.mjs).
import { execFileSync } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";

/** An answer that is an error; thrown by whatever notices it. */
export class Refusal extends Error {
  constructor(status, message, extra = {}, headers = {}) {
    super(message);
    this.status = status;
    this.body = { message, documentation_url: "https://docs.github.com/rest", status: String(status), ...extra };
    this.headers = headers;
  }
}

export const now = () => new Date().toISOString().replace(/\.\d+Z$/, "Z");
const INSTALLATION = 4711;
const RATE = { installation: 5000, workflow: 1000, app: 5000 };

export class State {
  constructor({ app, root }) {
    this.app = app; // { id, slug, public_key, permissions }
    this.root = root; // folder of the bare repositories
    this.installation = INSTALLATION;
    this.repositories = new Map();
    this.renamed = new Map();
    this.tokens = new Map();
    this.users = new Map();
    this.unknown = new Set(); // logins that nobody has
    this.features = { rulesets: true, protection: true }; // what the organization's plan has
    this.faults = [];
    this.calls = [];
    this.violations = [];
    this.dispatches = [];
    this.last = 1000;
  }

  next() {
    return ++this.last;
  }

  user(login) {
    if (!this.users.has(login)) this.users.set(login, this.next());
    return this.users.get(login);
  }

  get bot() {
    return `${this.app.slug}[bot]`;
  }

  addRepository({ full_name, ...rest }) {
    const known = this.repositories.get(full_name);
    if (known) return Object.assign(known, rest);
    const repository = {
      id: this.next(), full_name, private: true, archived: false, default_branch: "main", description: null, topics: [],
      created_at: now(), updated_at: now(), collaborators: {}, invitations: [], protections: {}, rulesets: [], labels: {},
      pulls: {}, activity: [], comments: [], checks: [], ...rest,
    };
    this.repositories.set(full_name, repository);
    return repository;
  }

  /** Make the bare repository that a new repository has, where the git server looks for it. */
  createRepository(fields) {
    const repository = this.addRepository(fields);
    const bare = this.bare(repository.full_name);
    fs.mkdirSync(path.dirname(bare), { recursive: true });
    execFileSync("git", ["init", "-q", "--bare", "-b", repository.default_branch, bare]);
    return repository;
  }

  rename(from, to) {
    const repository = this.repositories.get(from);
    this.repositories.delete(from);
    repository.full_name = to;
    this.repositories.set(to, repository);
    this.renamed.set(from, repository.id);
    fs.mkdirSync(path.dirname(this.bare(to)), { recursive: true });
    if (fs.existsSync(this.bare(from))) fs.renameSync(this.bare(from), this.bare(to));
  }

  byId(id) {
    return [...this.repositories.values()].find((repository) => repository.id === Number(id));
  }

  bare(full_name) {
    return path.join(this.root, `${full_name}.git`);
  }

  /** What a name means in the bare repository, or null. Asked of git, so that the API agrees with what was pushed. */
  resolve(full_name, revision) {
    try {
      return execFileSync("git", ["--git-dir", this.bare(full_name), "rev-parse", "-q", "--verify", `${revision}^{commit}`], { stdio: ["ignore", "pipe", "ignore"] }).toString().trim();
    } catch {
      return null;
    }
  }

  /** Whether a file or commit, named as git does, is in the bare repository. */
  has(full_name, object) {
    try {
      execFileSync("git", ["--git-dir", this.bare(full_name), "cat-file", "-e", object], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  }

  addToken({ token = `ghs_${crypto.randomBytes(18).toString("hex")}`, kind = "installation", permissions = {}, repositories = null, lives_s = 3600 }) {
    const value = { token, kind, permissions, repositories, expires: Date.now() + 1000 * lives_s, minted_at: now(), limit: RATE[kind], used: 0 };
    this.tokens.set(token, value);
    return value;
  }

  putPull(full_name, fields) {
    const repository = this.repositories.get(full_name);
    const known = repository.pulls[fields.number];
    if (known) return Object.assign(known, fields, { updated_at: fields.updated_at ?? now() });
    return (repository.pulls[fields.number] = {
      id: this.next(), state: "open", title: `Pull request ${fields.number}`, body: null, draft: false, created_at: now(), updated_at: now(),
      head_repo: full_name, merged: false, ...fields,
    });
  }

  addActivity(full_name, { sha, ref, before = "0".repeat(40), at = now(), actor, type = "push" }) {
    this.repositories.get(full_name).activity.unshift({ id: this.next(), sha, ref, before, at, actor, type });
  }
}
