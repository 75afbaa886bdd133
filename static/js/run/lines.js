// The rows of the transcript: a message, what a talk agreed on, what happened at home.

import { h, one } from "../dom.js";
import { longText } from "../long_text.js";
import { mark } from "../marks.js";
import { prose, raw } from "./prose.js";
import { aftermath, agreement, correctionNote, didText, growth, markText, markWord, notReadable } from "./words.js";

/**
 * Make the rows of *month* one after the other, as they are asked for. how: {filter: an agent's index or null, raw: as
 * it came, expanded: long texts whole, q: what is searched, open(wish): opens the inspector}.
 */
export function* rowsOf(run, month, how) {
  const { filter } = how;
  const shown = month.lines.filter((line) => filter === null || (!line.overseer && run.index(line.speaker) === filter));
  if (filter !== null && !shown.length && month.lines.length) yield h("li.line.line--none", {}, `${run.names[filter]} said nothing this month.`);
  for (const line of shown) yield lineRow(run, month, line, how);
  const closed = month.agreement_read || month.summary !== null;
  if (closed) yield endRow(run, month, how);
  else if (!month.lines.length) yield h("li.line.line--none", {}, silent(run, month));
  const unread = notReadable(month);
  if (unread) yield h("li.line.line--none.small", {}, `Not readable: ${unread}`);
  if (month.stock_next !== null) yield homeRow(run, month, how);
}

function silent(run, month) {
  if (!run.talks) return "In this condition nobody talks.";
  return month.ended ? "Nobody spoke this month." : "The talk has not begun.";
}

function lineRow(run, month, line, how) {
  const index = line.overseer ? -1 : run.index(line.speaker);
  const agent = index < 0 ? null : month.agents.find((candidate) => candidate.name === line.speaker);
  const kind = line.overseer ? ".line--overseer" : index >= 0 ? `.a${index + 1}` : "";
  const asks = run.prompts && index >= 0 && !run.scripted[index];
  return h(
    `li.line${kind}`,
    { id: line.id },
    index >= 0 ? mark(index) : h("span.line__office", { "aria-hidden": "true" }),
    h(
      "div.line__body",
      {},
      h(
        "p.line__head",
        {},
        h("b", {}, line.speaker),
        agent && agent.collected !== null ? did(run, month, agent, index) : null,
        h(
          "span.line__tools",
          {},
          asks ? prompt(() => how.open({ agent: index, phase: "talk", item: line.turn, month: month.month, message: line.id })) : null,
          copyLink(month.month, line.id, "this message"),
        ),
      ),
      text(line.text, how) ?? h("p.line__text.muted", {}, silence(month, line)),
    ),
  );
}

const prompt = (onclick, title) => h("button.line__open", { type: "button", onclick, title }, "prompt");

function copyLink(month, message, what) {
  return h(
    "a.copy-link",
    { href: `?m=${month}&msg=${message}`, "data-copy-message": message, "data-of": month, "aria-label": `Copy a link to ${what}`, title: `Copy a link to ${what}` },
    linkIcon(),
  );
}

/** A copy of the icon that the server drew beside the month. */
function linkIcon() {
  return one("[data-copy-month] svg").cloneNode(true);
}

function text(words, how) {
  if (!words) return null;
  const parts = how.raw ? raw(words, how.q) : prose(words, how.q);
  const whole = longText(words, "line__text", how.q, h("div.line__text", { dir: "auto" }, ...parts));
  if (how.expanded && whole.tagName === "DETAILS") whole.open = true;
  return whole;
}

function silence(month, line) {
  const unread = month.unreadable.find((answer) => answer.purpose === "utterance" && answer.item === String(line.turn));
  return unread ? `could not be read (asked ${unread.attempts} times)` : "said nothing";
}

/** What the speaker did, beside what it says; the mark opens the decision behind it. */
function did(run, month, agent, index) {
  const judged = agent.mark === "kept" || agent.mark === "broken";
  const words = markText(agent, month.month, run);
  return h(
    "span.line__did",
    { title: words },
    `${didText(agent, run)} `,
    judged ? h(`a.said.said--${agent.mark}`, { href: `?m=${month.month}&agent=${agent.name}`, "data-decided": index, "data-of": month.month, "aria-label": words }, markWord(agent, run)) : null,
  );
}

function endRow(run, month, how) {
  const id = `m${month.month}-end`;
  const next = run.month(month.month + 1);
  const judged = run.rules && month.limit !== null && next?.harvested;
  return h(
    "li.line.line--end",
    { id },
    h(
      "div.line__body",
      {},
      h(
        "p.line__agreed",
        {},
        h("b", {}, agreement(month, run)),
        month.corrected ? h("span.corrected", {}, ` ${correctionNote(month.corrected)}`) : null,
        h(
          "span.line__tools",
          {},
          run.rules && month.agreement_read
            ? h("button.line__open", { type: "button", title: "How the limit was read from the talk, and how to correct it", onclick: () => how.open({ framework: true, tab: "decision", month: month.month, message: id }) }, "reading")
            : null,
          copyLink(month.month, id, "this agreement"),
        ),
      ),
      month.summary ? longText(month.summary, "line__text", how.q) : null,
      judged ? h("p.small", {}, `What came of it: ${aftermath(next, run)}`) : null,
    ),
  );
}

function homeRow(run, month, how) {
  const id = `m${month.month}-home`;
  return h(
    "li.line.line--home",
    { id },
    h(
      "div.line__body",
      {},
      h(
        "p.line__head",
        {},
        h("b", {}, "Home"),
        h("span.line__did", {}, growth(month, run)),
        h(
          "span.line__tools",
          {},
          run.scripted.every(Boolean) ? null : h("button.line__open", { type: "button", title: "What the agent remembers of it", onclick: () => how.open({ tab: "memories", agent: how.filter ?? how.agent ?? 0, month: month.month, message: id }) }, "memories"),
          copyLink(month.month, id, "this evening"),
        ),
      ),
    ),
  );
}
