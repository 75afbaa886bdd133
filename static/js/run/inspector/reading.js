// How the agreed limit was read from a talk, what people say of it, and the form that corrects it.

import { h } from "../../dom.js";
import { completion } from "./completion.js";
import { copyLink, fact, none, placeLink } from "./parts.js";

/** The reading of *month*'s talk. corrections: {history}; *call* is the one that read it, if a model did. */
export function reading(run, month, corrections, call) {
  if (!month.agreement_read) return [none("The talk of this month was not searched for a limit.")];
  const each = (limit) => (limit === null ? "no limit" : `${limit} ${run.unit} each`);
  const standing = month.corrected;
  const read = standing ? standing.read : month.limit;
  const history = corrections.history.filter((item) => item.month === month.month);
  return [
    h("dl.facts", {}, fact("Read from the talk", each(read)), standing ? fact("Corrected", each(standing.limit)) : null),
    h("p.small.muted", {}, `Agents were told what was read. Said against did is judged by ${standing ? "the correction" : "it"}.`),
    sayers(month, read),
    ...said(history, each),
    run.correctable && run.rules ? form(run, month, history.length, Boolean(standing)) : null,
    ...(call ? [h("h3", {}, "The answer it was read from "), copyLink({ "data-copy-call": call.key }, "this call"), ...completion(call), way(call)] : []),
    call || run.prompts ? null : none("No model was asked, or this link does not show what it was asked."),
  ].filter(Boolean);
}

const way = (call) => h("p.small", {}, placeLink(`?m=${call.month}&agent=framework&tab=prompt`, { "data-call": call.key, "data-to": "prompt" }, "The prompt it was read with"));

/** The messages that name the number, which is where a reader looks first. */
function sayers(month, read) {
  if (read === null) return null;
  const lines = month.lines.filter((line) => line.text.match(/\d+/g)?.includes(String(read)));
  if (!lines.length) return null;
  const links = lines.map((line) => placeLink(`?m=${month.month}&msg=${line.id}`, { "data-message": line.id, "data-of": month.month }, line.speaker));
  return h("p.small", {}, `Messages that name ${read}: `, ...links.flatMap((link, index) => (index ? [", ", link] : [link])));
}

function said(history, each) {
  if (!history.length) return [];
  const rows = history.map((item) =>
    h(
      "li",
      {},
      item.withdrawn ? "Taken back" : h("span", {}, `${each(item.before)} → `, h("b", {}, each(item.limit))),
      h("span.small.muted", {}, ` ${item.author ? `by ${item.author}, ` : ""}${item.at.slice(0, 16).replace("T", " ")} UTC`),
      item.note ? h("p.small", { dir: "auto" }, item.note) : null,
    ),
  );
  return [h("h3", {}, "Corrections"), h("ol.history", {}, ...rows)];
}

/** Posted like any form: the page then comes back at this place, judged by the new version. */
function form(run, month, version, standing) {
  const field = (name, label, props) =>
    h("div.field", {}, h("label", { for: `correct-${name}` }, label), h("input.input", { id: `correct-${name}`, name, ...props }));
  return h(
    "details.disclosure",
    {},
    h("summary", {}, "Correct the limit"),
    h(
      "form.correction",
      { method: "post", action: `${run.page}/corrections` },
      h("input", { type: "hidden", name: "month", value: month.month }),
      h("input", { type: "hidden", name: "version", value: version }),
      field("limit", `Agreed limit in ${run.unit} each; empty: none`, { value: month.limit ?? "", maxlength: 12, inputmode: "numeric", pattern: "[0-9]*", autocomplete: "off" }),
      field("author", "Your name", { maxlength: 100, required: true, autocomplete: "name" }),
      field("note", "Why (may stay empty)", { maxlength: 1000 }),
      h(
        "div.row",
        {},
        h("button.button.button--primary", {}, "Save as a new version"),
        standing ? h("button.button", { name: "withdraw", value: "1" }, "Take the correction back") : null,
      ),
    ),
  );
}
