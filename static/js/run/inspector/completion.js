// What a model answered: its thinking folded, its text as it came, the number that was read from it marked.

import { h, number } from "../../dom.js";
import { none } from "./parts.js";

/** The completion of *call*, with the place where its answer was read. */
export function completion(call) {
  const answered = call.answer;
  if (answered && call.purpose === "embedding") {
    const vectors = answered.text.split("\n");
    const length = atob(vectors[0]).length;
    const count = vectors.length === 1 ? "1 vector" : `${vectors.length} vectors`;
    return [none(`${count} of ${number(length)} numbers, one for each text.`)];
  }
  if (!answered) return [none(call.error ? `The call failed: ${call.error}` : "The log holds no completion.")];
  const parts = [];
  if (answered.thinking) {
    parts.push(h("details.disclosure", { "data-thinking": true }, h("summary", {}, "Thinking"), h("pre.prompt", { dir: "auto" }, answered.thinking)));
  }
  parts.push(h("pre.prompt", { dir: "auto" }, ...marked(answered.text || "(empty)", call.reading)));
  if (call.reading) parts.push(h("p.small.muted", {}, call.reading.how));
  return parts;
}

/** Places are counted in characters by the server, in halves of some by JavaScript. */
function marked(text, reading) {
  if (!reading || reading.start === null) return [text];
  const characters = [...text];
  const part = (from, to) => characters.slice(from, to).join("");
  return [part(0, reading.start), h("mark", {}, part(reading.start, reading.end)), part(reading.end)];
}
