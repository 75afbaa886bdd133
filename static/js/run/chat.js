// The talk of a month, with what its speakers did, and a search over all of them.

import { bind, h, marked, one } from "../dom.js";
import { longText } from "../long_text.js";
import { mark } from "../marks.js";
import { aftermath, agreement, didText, markText, markWord, notReadable } from "./words.js";

const WINDOW = 200;

/** Write the talk of the place's month. *hide* leaves out what comes after the current message (while playing). */
export function showChat(run, place, { hide, filter, open }) {
  const month = run.month(place.month);
  bind("chat-title", month ? `Talk of month ${month.month}` : "Talk");
  const list = one("[data-lines]");
  const items = [];
  if (month) {
    const shown = month.lines.filter((line) => filter === null || (!line.overseer && run.index(line.speaker) === filter));
    for (const line of shown.slice(-WINDOW)) items.push(lineItem(run, month, line, place, open));
    if (month.agreement_read || month.summary !== null) items.push(endItem(run, month, place, open));
    else if (!month.lines.length) items.push(h("li.line.line--none", {}, noTalk(run, month)));
    const unread = notReadable(month);
    if (unread) items.push(h("li.line.line--none.small", {}, `Not readable: ${unread}`));
  } else {
    items.push(h("li.line.line--none", {}, "Nothing has happened yet."));
  }
  list.replaceChildren(...items);
  const current = place.message ? document.getElementById(place.message) : null;
  if (hide) {
    let later = !current;
    for (const item of items) {
      item.classList.toggle("line--later", later);
      if (item === current) later = true;
    }
  }
  if (current) reveal(list, current);
  else list.scrollTop = 0;
}

function reveal(list, item) {
  const scrolls = getComputedStyle(list).overflowY !== "visible";
  if (scrolls) list.scrollTop = item.offsetTop - list.offsetTop - list.clientHeight / 2 + item.offsetHeight / 2;
  else if (item.getBoundingClientRect().height) item.scrollIntoView({ block: "nearest" });
}

function noTalk(run, month) {
  if (!month.ended) return "The talk has not begun.";
  return "Nobody spoke this month.";
}

function lineItem(run, month, line, place, open) {
  const index = line.overseer ? -1 : run.index(line.speaker);
  const agent = index < 0 ? null : month.agents.find((candidate) => candidate.name === line.speaker);
  const kind = line.overseer ? ".line--overseer" : index >= 0 ? `.a${index + 1}` : "";
  const current = place.message === line.id;
  return h(
    `li.line${kind}${current ? ".line--current" : ""}`,
    { id: line.id, "data-message": line.id, "aria-current": current ? "true" : null },
    index >= 0 ? mark(index) : h("span.line__office", { "aria-hidden": "true" }),
    h(
      "div.line__body",
      {},
      h(
        "p.line__head",
        {},
        h("b", {}, line.speaker),
        agent && agent.collected !== null ? did(run, month, agent) : null,
        h(
          "span.line__tools",
          {},
          run.prompts && index >= 0 && !run.scripted[index]
            ? h("button.line__open", { type: "button", onclick: () => open({ agent: index, phase: "talk", item: line.turn }) }, "prompt")
            : null,
          h("a.line__link", { href: `?m=${month.month}&msg=${line.id}`, "data-message": line.id, "aria-label": "Link to this message" }, "#"),
        ),
      ),
      line.text
        ? longText(line.text, "line__text", place.q ?? "")
        : h("p.line__text.muted", {}, silence(month, line)),
    ),
  );
}

function silence(month, line) {
  const unread = month.unreadable.find((answer) => answer.purpose === "utterance" && answer.item === String(line.turn));
  return unread ? `could not be read (asked ${unread.attempts} times)` : "said nothing";
}

function did(run, month, agent) {
  const judged = agent.mark === "kept" || agent.mark === "broken";
  return h(
    "span.line__did",
    { title: markText(agent, month.month, run) },
    `${didText(agent, run)} `,
    judged ? h(`span.said.said--${agent.mark}`, {}, markWord(agent, run)) : null,
  );
}

function endItem(run, month, place, open) {
  const id = `m${month.month}-end`;
  const next = run.month(month.month + 1);
  return h(
    `li.line.line--end${place.message === id ? ".line--current" : ""}`,
    { id, "data-message": id },
    h(
      "div.line__body",
      {},
      h(
        "p.line__agreed",
        {},
        h("b", {}, agreement(month, run)),
        run.prompts
          ? h("button.line__open", { type: "button", title: "How the limit was read from the talk", onclick: () => open({ framework: true, phase: "take_away", purpose: "limit" }) }, "prompt")
          : null,
      ),
      month.summary ? longText(month.summary, "line__text", place.q ?? "") : null,
      run.rules && month.limit !== null && next?.harvested ? h("p.small", {}, `What came of it: ${aftermath(next, run)}`) : null,
    ),
  );
}

/** Find *text* in every message of the run. */
export function search(run, text) {
  const wanted = text.trim().toLowerCase();
  if (wanted.length < 2) return [];
  const found = [];
  for (const month of run.told.months) {
    for (const line of month.lines) {
      const at = line.text.toLowerCase().indexOf(wanted);
      if (at >= 0) found.push({ month: month.month, message: line.id, speaker: line.speaker, text: excerpt(line.text, at) });
    }
  }
  return found;
}

function excerpt(text, at) {
  const from = Math.max(0, at - 30);
  return (from ? "…" : "") + text.slice(from, at + 60);
}

/** List what was found, each a button to its place. */
export function showHits(hits, text, go) {
  const list = one("[data-hits]");
  list.hidden = text.trim().length < 2;
  if (list.hidden) return;
  const rows = hits.slice(0, 50).map((hit) =>
    h("li", {}, h("button", { type: "button", onclick: () => go(hit) }, h("b", {}, `${hit.month} ${hit.speaker}: `), ...marked(hit.text, text.trim()))),
  );
  const count = hits.length === 1 ? "1 message" : `${hits.length} messages`;
  list.replaceChildren(h("li.small.muted", {}, hits.length ? count : "No message says that."), ...rows);
}
