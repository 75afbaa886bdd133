// What an agent remembers: each memory with when, how important, until when, where it came from and what rests on it.

import { h } from "../../dom.js";
import { copyLink, none, placeLink } from "./parts.js";

/** Which calls have memories in their prompt. */
export const RECALLING = new Set(["harvest", "utterance", "insight"]);

/** The memories in the prompt of *call*, by number: how each was found. */
export function recalledBy(call) {
  const segments = call ? call.messages.flatMap((message) => message.segments) : [];
  return new Map(segments.filter(({ memory }) => memory !== null && memory !== undefined).map(({ memory, retrieval }) => [memory, retrieval]));
}

/** All of *entries* (newest first), those in *used* marked. */
export function memories(run, place, entries, used) {
  const count = entries.length === 1 ? "1 memory" : `${entries.length} memories`;
  const lead = h("p.small.muted", {}, `${count} up to month ${place.month}, newest first.`, recalled([...used.values()]));
  return [lead, h("ul.memories", {}, ...entries.map((entry) => memory(run, place, entry, used)))];
}

/** The insights among *entries*, each with the memories it rests on. */
export function reflection(run, place, entries) {
  const insights = entries.filter(({ memory: one }) => one.purpose === "insight" || one.sources?.length);
  if (!insights.length) return [none(`No insights up to month ${place.month}.`)];
  const byNumber = new Map(entries.map((entry) => [entry.memory.id, entry]));
  return [
    h("p.small.muted", {}, `${insights.length === 1 ? "1 insight" : `${insights.length} insights`}, newest first, with what the agent drew each from.`),
    h(
      "ul.memories",
      {},
      ...insights.map((entry) => {
        const grounds = (entry.memory.sources ?? []).map((number) => ground(run, place, number, byNumber.get(number)));
        return memory(run, place, entry, new Map(), grounds.length ? h("ul.grounds", {}, ...grounds) : h("p.small.muted", {}, "It names no memories."));
      }),
    ),
  ];
}

function memory(run, place, { memory: one, month }, used, grounds = null) {
  const how = used.get(one.id);
  const current = place.memory === one.id;
  return h(
    "li.memory",
    { id: `n${one.id}`, tabindex: "-1", "aria-current": current ? "true" : null },
    h(
      "p.memory__head.small.muted",
      {},
      h("span", {}, `month ${month}, ${one.created.slice(0, 10)}`),
      h("span", {}, one.kind === one.purpose ? one.kind : `${one.kind}: ${one.purpose}`),
      h("span", {}, `importance ${one.importance}${one.rated === false ? " (unrated)" : ""}`),
      h("span", {}, `expires ${one.expires.slice(0, 10)}`),
      used.has(one.id) ? h("span.badge.badge--ok", {}, how?.always ? "always in the prompt" : "in the prompt") : null,
      copyLink({ "data-copy-memory": one.id }, "this memory"),
    ),
    how?.recency != null ? h("p.small.muted", {}, scores(how)) : null,
    h("p", { dir: "auto" }, one.text),
    grounds ?? (one.sources?.length ? h("p.small.muted", {}, "Rests on ", ...listed(one.sources.map((number) => memoryLink(place, number)))) : null),
    source(run, one, month),
  );
}

const ground = (run, place, number, entry) =>
  h("li", {}, memoryLink(place, number), ": ", entry ? h("span", { dir: "auto" }, entry.memory.text) : h("span.muted", {}, "not in the log"));

const memoryLink = (place, number) => placeLink(`?m=${place.month}&tab=memories&memory=${number}`, { "data-memory": number }, `memory ${number}`);

const listed = (links) => links.flatMap((link, index) => (index ? [", ", link] : [link]));

const TALKED = new Set(["conversation", "limit", "planning", "interesting"]);

/** Where a memory came from, as far as the run says: the talk of its month, or the harvest. */
function source(run, one, month) {
  const told = run.month(month);
  const end = `m${month}-end`;
  if (TALKED.has(one.purpose) && told?.lines.length) {
    const closed = told.agreement_read || told.summary !== null;
    const message = closed ? end : told.lines.at(-1).id;
    return h("p.small", {}, placeLink(`?m=${month}&msg=${message}`, { "data-message": message, "data-of": month }, `From the talk of month ${month}`));
  }
  if (["result", "others", "stock", "universalization"].includes(one.purpose)) {
    return h("p.small", {}, placeLink(`?m=${month}`, { "data-month": month }, `From the harvest of month ${month}`));
  }
  return null;
}

const scores = ({ recency, importance, relevance }) =>
  `recency ${recency.toFixed(2)}, importance ${importance.toFixed(2)}, relevance ${relevance.toFixed(2)}`;

/** How many memories came to mind for a call, and how. Older records do not say. */
function recalled(found) {
  if (!found.length || found.some((retrieval) => !retrieval)) return "";
  const always = found.filter((retrieval) => retrieval.always).length;
  const slots = always === 1 ? "1 slot went" : `${always} slots went`;
  const chosen = found.length - always;
  return ` For this call ${found.length} came to mind: ${slots} to what is always included, ${chosen} were chosen by score.`;
}
