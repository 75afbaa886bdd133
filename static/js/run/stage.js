// The commons, the gauge, the decisions table and the months' strip: drawn by the server, changed here in place.

import { all, bind, one } from "../dom.js";
import { askedWord, markText, markWord, shareNote, stockSentence } from "./words.js";

const part = (run, stock) => Math.max(0, Math.min(1, (stock ?? 0) / run.capacity));
const percent = (value) => `${(value * 100).toFixed(2)}%`;
const size = (run, stock) => `scale(${Math.sqrt(part(run, stock)).toFixed(4)})`;

/** Show *place* on the stage. At a harvest step the stock before is what counts until the harvest is settled. */
export function showStage(run, place) {
  const month = run.month(place.month);
  const left = month ? (month.stock_after ?? month.stock) : null;
  const sentence = stockSentence(month, run);
  bind("month-title", month ? `Month ${month.month}` : "Not started");
  bind("sentence", sentence);
  bind("left", `${left ?? "–"} ${run.unit}`);
  bind("share-note", shareNote(month, run));
  showGauge(run, month, left, sentence);
  showScene(run, month, left);
  for (let index = 0; index < run.names.length; index += 1) showAgent(run, month, index, place);
}

function showGauge(run, month, left, sentence) {
  one("[data-gauge]").setAttribute("aria-label", sentence);
  one("[data-gauge-before]").setAttribute("width", percent(part(run, month?.stock)));
  one("[data-gauge-after]").setAttribute("width", percent(part(run, left)));
  const known = run.rules && month && month.stock !== null && month.threshold !== null;
  const floor = one("[data-gauge-floor]");
  floor.setAttribute("x", percent(known ? part(run, month.stock - month.threshold) : 0));
  floor.toggleAttribute("hidden", !known);
  // Its label gives way to those at the ends; the number is below the table too.
  const where = known ? part(run, month.stock - month.threshold) : 0;
  bind("floor", where > 0.24 && where < 0.86 ? `leave ${month.stock - month.threshold}` : "");
}

function showScene(run, month, left) {
  one("[data-stock]")?.setAttribute("transform", size(run, left));
  one("[data-stock-before]")?.setAttribute("transform", size(run, month?.stock));
  one("[data-river]")?.setAttribute("stroke-dasharray", `${(part(run, left) * 100).toFixed(2)} 200`);
  one("[data-river-start]")?.toggleAttribute("hidden", !left);
  one("[data-river-end]")?.toggleAttribute("hidden", part(run, left) < 1);
  const signs = all("[data-life]");
  signs.forEach((sign, index) => sign.toggleAttribute("hidden", index >= part(run, left) * signs.length));
}

function showAgent(run, month, index, place) {
  const name = run.names[index];
  const agent = month?.agents.find((candidate) => candidate.name === name) ?? null;
  const speaker = month?.lines.find((line) => line.id === place.message);
  const got = agent?.collected ?? null;
  const seat = one(`[data-seat="${index}"]`);
  seat.classList.toggle("seat--absent", Boolean(month) && !agent);
  seat.classList.toggle("seat--chosen", place.agent === index);
  seat.classList.toggle("seat--speaks", speaker?.speaker === name && !speaker.overseer);
  one("[data-seat-catch]", seat).textContent = got === null ? "–" : `${got} ${run.unit}`;
  one("[data-seat-bar]", seat).setAttribute("width", (56 * ((got ?? 0) / run.topCatch)).toFixed(1));
  const sign = one("[data-seat-mark]", seat);
  sign.dataset.seatMark = agent?.mark ?? "pending";
  one("text", sign).textContent = { broken: "!", kept: "✓" }[agent?.mark] ?? "";

  const row = one(`[data-row="${index}"]`);
  one("[data-row-catch]", row).textContent = got ?? "–";
  showMark(one("[data-row-mark]", row), agent, run, month);

  const decision = one(`[data-decision="${index}"]`);
  decision.toggleAttribute("aria-current", place.agent === index);
  if (place.agent === index) decision.setAttribute("aria-current", "true");
  one('[data-cell="asked"]', decision).textContent = askedWord(agent);
  one('[data-cell="got"]', decision).textContent = got ?? "–";
  one('[data-cell="agreed"]', decision).textContent = agent?.limit ?? "–";
  one('[data-cell="gain"]', decision).textContent = agent?.gain ?? "–";
  showMark(one('[data-cell="mark"]', decision), agent, run, month);
}

function showMark(element, agent, run, month) {
  element.className = `said said--${agent?.mark ?? "pending"}`;
  element.textContent = markWord(agent, run);
  element.title = markText(agent, month?.month, run);
}

/** Quote the speaker below the drawing, where the words cover nobody; the ring shows who it is. */
export function showBubble(run, place) {
  const bubble = one("[data-bubble]");
  const line = run.month(place.month)?.lines.find((candidate) => candidate.id === place.message);
  const index = line ? run.index(line.speaker) : -1;
  bubble.className = `bubble js-only${index >= 0 && !line.overseer ? ` a${index + 1}` : ""}${line?.text ? "" : " bubble--empty"}`;
  const text = line?.text ?? "";
  bubble.textContent = text ? `${line.speaker}: ${text.length > 140 ? `${text.slice(0, 139)}…` : text}` : "";
}

/** Bring the months' strip up to date. */
export function showMonths(run, place) {
  for (const cell of all("[data-month]")) {
    const number = Number(cell.dataset.month);
    const month = run.month(number);
    const left = month ? (month.stock_after ?? month.stock) : null;
    const breaches = month ? month.agents.filter((agent) => agent.mark === "broken").length : 0;
    cell.classList.toggle("scrub__month--later", !month);
    cell.classList.toggle("scrub__month--collapsed", Boolean(month?.collapsed));
    const link = one("a", cell);
    if (month) {
      link.setAttribute("href", `?m=${number}`);
      link.removeAttribute("role");
      link.removeAttribute("aria-disabled");
    }
    if (number === place.month) link.setAttribute("aria-current", "step");
    else link.removeAttribute("aria-current");
    const told = [`Month ${number}: ${left} ${run.unit}`];
    if (breaches) told.push(`${breaches} broke the agreement`);
    if (month?.collapsed) told.push("collapse");
    link.setAttribute("aria-label", month ? told.join(", ") : `Month ${number}, not reached`);
    const level = one("[data-level]", cell);
    level.setAttribute("y", 100 - part(run, left) * 100);
    level.setAttribute("height", part(run, left) * 100);
    one("[data-sign]", cell).textContent = month?.collapsed ? "✕" : breaches > 3 ? `!${breaches}` : "!".repeat(breaches);
  }
}
