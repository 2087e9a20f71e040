// Shapes of answers that several operations share.
import { Refusal } from "./state.mjs";

/** GitHub's shape of a refusal of what was sent. */
export const invalid = (resource, field, message, code = "invalid") => new Refusal(422, "Validation Failed", { errors: [{ resource, field, code, message }] });

/** Answer with the part of a list that was asked for and say in Link where the others are. */
export function paged(call, rows, wrap = (part) => part) {
  const { query, base, path } = call;
  const size = Math.min(Number(query.per_page ?? 30), 100);
  const page = Number(query.page ?? 1);
  const last = Math.max(1, Math.ceil(rows.length / size));
  const link = (number, rel) => `<${base}${path}?${new URLSearchParams({ ...query, per_page: size, page: number })}>; rel="${rel}"`;
  const links = [...(page > 1 ? [link(page - 1, "prev"), link(1, "first")] : []), ...(page < last ? [link(page + 1, "next"), link(last, "last")] : [])];
  return { body: wrap(rows.slice((page - 1) * size, page * size), rows.length), headers: links.length ? { Link: links.join(", ") } : {} };
}
