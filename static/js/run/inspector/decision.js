// What an agent decided in a month: asked, wanted, got, the limit it is judged by, and the answer that said so.

import { h } from "../../dom.js";
import { askedWord, correctionNote, markText, shareNote } from "../words.js";
import { completion } from "./completion.js";
import { fact, none, placeLink } from "./parts.js";

/** The decision of *agent* in *month*; *call* is the one that made it, if a model did. */
export function decision(run, month, agent, call) {
  const { unit } = run;
  const amount = (value) => (value === null ? "–" : `${value} ${unit}`);
  const parts = [
    h("p.small", {}, `Mind: ${run.minds[run.index(agent.name)] ?? "unknown"}`),
    h(
      "dl.facts",
      {},
      fact("Asked for", agent.asked === null ? askedWord(agent) : `${agent.asked} ${unit}${agent.readable ? "" : " ?"}`),
      fact("Wanted", amount(agent.wanted)),
      fact("Got", amount(agent.collected)),
      fact("Agreed limit", agent.limit === null ? "none" : `${agent.limit} ${unit}`),
      fact("Gain so far", `${agent.gain} ${unit}`),
    ),
    h(`p.verdict.verdict--${agent.mark}`, {}, `${markText(agent, month.month, run)}.`),
    limitLink(run, month.month - 1),
    h("p.small.muted", {}, shareNote(month, run)),
  ];
  if (!agent.readable) parts.push(h("p.notice.notice--warn", {}, unread(agent)));
  if (call) parts.push(h("h3", {}, "The answer"), ...completion(call));
  else if (run.prompts) parts.push(none(run.dropped ?? "No model was called for this decision."));
  return parts.filter(Boolean);
}

function unread(agent) {
  const tries = agent.attempts === 1 ? "once" : `${agent.attempts} times`;
  if (agent.asked === null) return `The answer could not be read; it was asked for ${tries} and counts as 0.`;
  return `Our reader finds no clear number in this answer. The log recorded ${agent.asked}, which is what was played.`;
}

/** The way to how the limit was read, and by whom it was corrected. */
function limitLink(run, number) {
  const before = run.month(number);
  if (!run.rules || !before?.agreement_read) return null;
  const note = before.corrected ? ` (${correctionNote(before.corrected)})` : "";
  return h("p.small", {}, placeLink(`?m=${number}&agent=framework`, { "data-reading": number }, `How the limit was read from the talk of month ${number}${note}`));
}
