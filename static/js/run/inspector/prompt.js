// What a model was sent: the exact text, coloured by what its pieces are, and how it differs from a month before.

import { h, number } from "../../dom.js";
import { none } from "./parts.js";

const KINDS = [
  ["system", "instructions"],
  ["rules", "rules"],
  ["situation", "situation"],
  ["memory", "memories"],
  ["talk", "talk"],
  ["task", "task"],
  ["reminder", "reminder"],
];

/** The prompt of *call*; its difference is read from *record* when it is opened. */
export function prompt(call, record) {
  if (!call.messages.length) return [none("The log does not hold this prompt.")];
  if (call.purpose === "embedding") {
    const texts = call.messages.flatMap((message) => message.segments);
    return [none("Sent to be turned into vectors, one for each text:"), ...texts.map(({ text }) => h("pre.prompt", { dir: "auto" }, text))];
  }
  const kinds = new Set(call.messages.flatMap((message) => message.segments.map((segment) => segment.kind)));
  const legend = KINDS.filter(([kind]) => kinds.has(kind)).map(([kind, label]) => h(`span.seg.seg--${kind}`, {}, label));
  const messages = call.messages.flatMap((message) => [
    h("h3.small.muted", {}, message.role),
    h("pre.prompt", { dir: "auto" }, ...message.segments.map(segmentText)),
  ]);
  return [legend.length > 1 ? h("p.legend", {}, ...legend) : null, call.month > 1 ? difference(call, record) : null, ...messages].filter(Boolean);
}

const segmentText = (segment) =>
  h(`span.seg.seg--${segment.kind}`, { title: segment.memory ? `memory ${segment.memory}` : segment.kind }, segment.text);

function difference(call, record) {
  const body = h("div", {}, none("Loading"));
  const box = h("details.disclosure", { "data-difference": true }, h("summary", {}, `Difference to month ${call.month - 1}`), body);
  box.addEventListener("toggle", async () => {
    if (!box.open || body.dataset.read) return;
    try {
      body.replaceChildren(...changes(await record.changes(call.key), call));
      body.dataset.read = "true";
    } catch (error) {
      body.replaceChildren(none(`This could not be loaded: ${error.message}. Close and open it to try again.`));
    }
  });
  return box;
}

function changes(found, call) {
  if (!found.before) return [none(`There is no such prompt in month ${call.month - 1}.`)];
  const changed = found.stretches.filter(({ op }) => op !== "same");
  if (!changed.length) return [none("Word for word the same.")];
  const count = (op) => changed.filter((stretch) => stretch.op === op).reduce((sum, { text, left_out: more }) => sum + words(text) + Math.round(more / 6), 0);
  return [
    h("p.small.muted", {}, "Words ", h("ins", {}, `added: ${number(count("added"))}`), ", ", h("del", {}, `removed: ${number(count("removed"))}`), ". Unchanged text is shortened."),
    h("pre.prompt", { dir: "auto" }, ...found.stretches.map(({ op, text }) => (op === "same" ? text : h(op === "added" ? "ins" : "del", {}, text)))),
  ];
}

const words = (text) => text.split(/\s+/).filter(Boolean).length;
