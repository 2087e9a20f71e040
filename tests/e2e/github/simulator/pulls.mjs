// Operations on pull requests, their comments, labels and check runs, and on workflows.
import { invalid, paged } from "./answers.mjs";
import { Refusal, now } from "./state.mjs";

const CHARACTERS = 65536;
const ANNOTATIONS = 50;

const pullOf = (call, number) => {
  const pull = call.repository.pulls[Number(number)];
  if (!pull) throw new Refusal(404, "Not Found");
  return pull;
};

const commentOf = (call) => {
  const comment = call.repository.comments.find((one) => one.id === Number(call.params.comment_id));
  if (!comment) throw new Refusal(404, "Not Found");
  return comment;
};

const checkOf = (call) => {
  const check = call.repository.checks.find((one) => one.id === Number(call.params.check_run_id));
  if (!check) throw new Refusal(404, "Not Found");
  return check;
};

const fits = (body) => {
  if ([...body].length > CHARACTERS) throw invalid("IssueComment", "data", `Body is too long (maximum is ${CHARACTERS} characters)`, "unprocessable");
  if (!body.trim()) throw invalid("IssueComment", "data", "Body cannot be blank", "unprocessable");
};

export const pulls = {
  "pulls/list": (call) => {
    const { state = "open", base, head, sort = "created", direction = sort === "created" ? "desc" : "asc" } = call.query;
    const rows = Object.values(call.repository.pulls).filter((pull) => (state === "all" || pull.state === state) && (!base || pull.base_ref === base) && (!head || `${(pull.head_repo ?? "").split("/")[0]}:${pull.head_ref}` === head));
    const value = (pull) => (sort === "updated" ? pull.updated_at : pull.created_at);
    rows.sort((a, b) => value(a).localeCompare(value(b)) || a.number - b.number);
    if (direction === "desc") rows.reverse();
    return paged(call, rows, (part) => part.map((pull) => call.objects.pull(call.repository, pull)));
  },
  "pulls/get": (call) => ({ body: call.objects.pull(call.repository, pullOf(call, call.params.pull_number), { full: true }) }),
  "issues/get": (call) => ({ body: call.objects.issue(call.repository, pullOf(call, call.params.issue_number)) }),
  "issues/list-comments": (call) => {
    const { number } = pullOf(call, call.params.issue_number);
    return paged(call, call.repository.comments.filter((one) => one.number === number), (part) => part.map((one) => call.objects.comment(call.repository, one)));
  },
  "issues/get-comment": (call) => ({ body: call.objects.comment(call.repository, commentOf(call)) }),
  "issues/create-comment": (call) => {
    const { number } = pullOf(call, call.params.issue_number);
    fits(call.body.body);
    const comment = { id: call.state.next(), number, author: call.login, body: call.body.body, created_at: now(), updated_at: now(), edits: 0 };
    call.repository.comments.push(comment);
    return { status: 201, body: call.objects.comment(call.repository, comment) };
  },
  "issues/update-comment": (call) => {
    const comment = commentOf(call);
    fits(call.body.body);
    Object.assign(comment, { body: call.body.body, updated_at: now(), edits: comment.edits + 1 });
    return { body: call.objects.comment(call.repository, comment) };
  },
  "issues/delete-comment": (call) => {
    call.repository.comments.splice(call.repository.comments.indexOf(commentOf(call)), 1);
    return { status: 204 };
  },
  "issues/list-labels-on-issue": (call) => paged(call, call.objects.labels(call.repository, pullOf(call, call.params.issue_number).number)),
  "issues/add-labels": (call) => {
    const { number } = pullOf(call, call.params.issue_number);
    const names = (call.body.labels ?? call.body).map((label) => label.name ?? label);
    call.repository.labels[number] = [...new Set([...(call.repository.labels[number] ?? []), ...names])];
    return { body: call.objects.labels(call.repository, number) };
  },
  "issues/remove-label": (call) => {
    const { number } = pullOf(call, call.params.issue_number);
    const have = call.repository.labels[number] ?? [];
    if (!have.includes(call.params.name)) throw new Refusal(404, "Label does not exist");
    call.repository.labels[number] = have.filter((name) => name !== call.params.name);
    return { body: call.objects.labels(call.repository, number) };
  },
};

function put(call, check) {
  const { annotations = [], ...output } = call.body.output ?? {};
  if (annotations.length > ANNOTATIONS) throw new Refusal(422, `Invalid request.\n\nNo more than ${ANNOTATIONS} items are allowed; ${annotations.length} were supplied.`);
  const { output: _, ...facts } = call.body;
  const status = facts.conclusion ? "completed" : (facts.status ?? check.status ?? "queued");
  Object.assign(check, facts, { status, output: { ...check.output, ...output }, annotations: [...(check.annotations ?? []), ...annotations] });
  if (status === "completed") check.completed_at ??= now();
  return { body: call.objects.check(call.repository, check) };
}

export const checks = {
  "checks/create": (call) => {
    if (!call.state.resolve(call.repository.full_name, call.body.head_sha)) throw new Refusal(422, `No commit found for SHA: ${call.body.head_sha}`);
    const check = { id: call.state.next(), started_at: now() };
    const answer = put(call, check);
    call.repository.checks.push(check);
    return { ...answer, status: 201 };
  },
  "checks/update": (call) => put(call, checkOf(call)),
  "checks/get": (call) => ({ body: call.objects.check(call.repository, checkOf(call)) }),
  "checks/list-annotations": (call) => paged(call, checkOf(call).annotations, (part) => part.map((one) => ({
    start_column: null, end_column: null, title: null, raw_details: null, ...one, blob_href: `${call.base}/repos/${call.repository.full_name}/git/blobs/0`,
  }))),
  "checks/list-for-ref": (call) => {
    const sha = call.state.resolve(call.repository.full_name, call.params.ref);
    if (!sha) throw new Refusal(422, `No commit found for SHA: ${call.params.ref}`);
    const { check_name: name, status } = call.query;
    const rows = call.repository.checks.filter((one) => one.head_sha === sha && (!name || one.name === name) && (!status || one.status === status));
    return paged(call, rows, (part, total_count) => ({ total_count, check_runs: part.map((one) => call.objects.check(call.repository, one)) }));
  },
};

const workflowOf = ({ state, repository, params }) => {
  const file = `.github/workflows/${params.workflow_id}`;
  if (!state.has(repository.full_name, `${repository.default_branch}:${file}`)) throw new Refusal(404, "Not Found");
  return file;
};

export const actions = {
  "actions/get-workflow": (call) => ({ body: { ...call.objects.example("workflow"), name: call.params.workflow_id, path: workflowOf(call), url: `${call.base}/repos/${call.repository.full_name}/actions/workflows/${call.params.workflow_id}` } }),
  "actions/create-workflow-dispatch": (call) => {
    workflowOf(call);
    if (!call.state.resolve(call.repository.full_name, call.body.ref)) throw new Refusal(422, `No ref found for: ${call.body.ref}`);
    call.state.dispatches.push({ repository: call.repository.full_name, workflow: call.params.workflow_id, ref: call.body.ref, inputs: call.body.inputs ?? {}, at: now(), by: call.login });
    return { status: 204 };
  },
};
