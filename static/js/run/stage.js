// The commons, the gauge and the decisions table: drawn by the server, changed here in place.

import { all, bind, one, put, write } from "../dom.js";
import { askedWord, markText, markWord, shareNote, stockSentence, trendText } from "./words.js";

const BAR = 76;
const BUBBLE = 140;
const LOW = 0.35;
const BEFORE_MS = 700;

const part = (run, stock) => Math.max(0, Math.min(1, (stock ?? 0) / run.capacity));
const percent = (value) => `${(value * 100).toFixed(2)}%`;
const size = (run, stock, by = 1) => `scale(${(Math.sqrt(part(run, stock)) * by).toFixed(4)})`;

const still = matchMedia("(prefers-reduced-motion: reduce)");

let growing = null;
let entered = null;

/**
 * Show *place* on the stage: a harvest takes the stock down, home lets it grow again. While *moving* (the run plays or
 * is followed) a harvest begins with the stock before it. From one place to the *next* the drawing moves; elsewhere it
 * is at once as it is there.
 */
export function showStage(run, place, phase, moving, next) {
  const month = run.month(place.month);
  const left = month ? (month.stock_after ?? month.stock) : null;
  const level = phase === "home" ? (month?.stock_next ?? left) : left;
  const sentence = stockSentence(month, run);
  bind("month-title", month ? `Month ${month.month}` : "Not started");
  put(one("[data-copy-month]"), "hidden", !month);
  put(one(".stage"), "data-cut", !next);
  bind("sentence", sentence);
  bind("trend", trendText(month, run.month(place.month - 1), run));
  bind("share-note", shareNote(month, run));
  for (const button of all("[data-phase]")) {
    put(button, "aria-current", button.dataset.phase === phase && "step");
    put(button, "disabled", !run.steps.some((step) => step.month === place.month && step.phase === button.dataset.phase));
  }
  clearTimeout(growing);
  const draw = (stock) => {
    showGauge(run, month, stock, phase, sentence);
    showScene(run, month, stock);
  };
  const came = entered !== `${place.month}/${phase}/${month?.harvested}`;
  entered = `${place.month}/${phase}/${month?.harvested}`;
  if (moving && came && !still.matches && phase === "harvest" && month?.harvested) {
    draw(month.stock);
    growing = setTimeout(() => draw(level), BEFORE_MS);
  } else {
    draw(level);
  }
  for (let index = 0; index < run.names.length; index += 1) showAgent(run, month, index, place);
}

function showGauge(run, month, level, phase, sentence) {
  put(one("[data-gauge]"), "aria-label", sentence);
  put(one("[data-gauge-before]"), "width", percent(part(run, phase === "home" ? level : month?.stock)));
  put(one("[data-gauge-after]"), "width", percent(part(run, phase === "home" ? month?.stock_after : level)));
  const known = run.rules && month && month.stock !== null && month.threshold !== null;
  const floor = one("[data-gauge-floor]");
  put(floor, "x", percent(known ? part(run, month.stock - month.threshold) : 0));
  put(floor, "hidden", !known);
  // Its label gives way to those at the ends; the number is in the text too.
  const where = known ? part(run, month.stock - month.threshold) : 0;
  bind("floor", where > 0.3 && where < 0.86 ? `leave ${month.stock - month.threshold}` : "");
}

function showScene(run, month, level) {
  const full = part(run, level);
  bind("left", `${level ?? "–"} ${run.unit}`);
  put(one("[data-scene]"), "data-health", month?.collapsed ? "collapsed" : full < LOW ? "low" : "full");
  const parts = [
    ["[data-stock]", "transform", size(run, level)],
    ["[data-deep]", "transform", size(run, level, 0.72)],
    ["[data-stock-before]", "transform", size(run, month?.stock)],
    ["[data-river]", "stroke-dasharray", `${(full * 100).toFixed(2)} 200`],
    ["[data-river-before]", "stroke-dasharray", `${(part(run, month?.stock) * 100).toFixed(2)} 200`],
    ["[data-river-start]", "hidden", !level],
    ["[data-river-end]", "hidden", full < 1],
  ];
  for (const [selector, name, value] of parts) {
    const element = one(selector);
    if (element) put(element, name, value);
  }
  for (const sign of all("[data-life]")) put(sign, "data-gone", Number(sign.dataset.life) > full);
}

function showAgent(run, month, index, place) {
  const name = run.names[index];
  const agent = month?.agents.find((candidate) => candidate.name === name) ?? null;
  const got = agent?.collected ?? null;
  const seat = one(`[data-seat="${index}"]`);
  const awaited = isAwaited(run, month, agent, name);
  seat.classList.toggle("seat--awaited", awaited);
  seat.classList.toggle("seat--absent", Boolean(month) && !agent);
  seat.classList.toggle("seat--chosen", place.agent === index);
  write(one("[data-seat-catch]", seat), got !== null ? `${got} ${run.unit}` : awaited ? "decides …" : "–");
  write(one("[data-seat-gain]", seat), got === null ? "" : `Σ ${agent.gain}`);
  put(one("[data-seat-bar]", seat), "width", (BAR * ((got ?? 0) / run.topCatch)).toFixed(1));
  const sign = one("[data-seat-mark]", seat);
  put(sign, "data-seat-mark", agent?.mark ?? "pending");
  write(one("text", sign), { broken: "!", kept: "✓" }[agent?.mark] ?? "");

  const row = one(`[data-row="${index}"]`);
  write(one("[data-row-catch]", row), got ?? "–");
  showMark(one("[data-row-mark]", row), agent, run, month);

  const decision = one(`[data-decision="${index}"]`);
  put(decision, "aria-current", place.agent === index && "true");
  write(one('[data-cell="asked"]', decision), askedWord(agent));
  write(one('[data-cell="got"]', decision), got ?? "–");
  write(one('[data-cell="agreed"]', decision), agent?.limit ?? "–");
  write(one('[data-cell="gain"]', decision), agent?.gain ?? "–");
  showMark(one('[data-cell="mark"]', decision), agent, run, month);
}

/** Whether a run that is being played waits for this agent: for its decision, or for what it is about to say. */
function isAwaited(run, month, agent, name) {
  if (!run.live || run.state !== "playing" || !agent || month !== run.told.months.at(-1)) return false;
  if (!month.harvested) return !agent.decided;
  const last = month.lines.at(-1);
  return Boolean(last) && !last.ends && last.next_speaker === name && !month.agreement_read && month.summary === null;
}

function showMark(element, agent, run, month) {
  put(element, "class", `said said--${agent?.mark ?? "pending"}`);
  write(element, markWord(agent, run));
  put(element, "title", markText(agent, month?.month, run));
}

/** The speaker gets a ring, and a bubble over the commons that points at its seat. */
export function showBubble(run, place) {
  const bubble = one("[data-bubble]");
  const tail = one("[data-tail]");
  const line = run.line(place);
  const index = line && !line.overseer ? run.index(line.speaker) : -1;
  for (const seat of all("[data-seat]")) seat.classList.toggle("seat--speaks", Number(seat.dataset.seat) === index);
  put(bubble, "hidden", !line);
  put(one("[data-number]"), "hidden", Boolean(line));
  put(tail, "hidden", index < 0);
  if (!line) return;
  bubble.className = `bubble js-only${index >= 0 ? ` a${index + 1}` : ""}`;
  const text = line.text || "says nothing";
  bubble.textContent = `${line.speaker}: ${text.length > BUBBLE ? `${text.slice(0, BUBBLE - 1)}…` : text}`;
  if (index < 0) return;
  const { x, y } = one(`[data-seat="${index}"]`).dataset;
  tail.setAttribute("d", tailTo(Number(x) - 320, Number(y) - 178));
}

/** A tail from the middle of the drawing towards a seat that lies (x, y) from it. */
function tailTo(x, y) {
  const length = Math.hypot(x, y) || 1;
  const [across, down] = [(-y / length) * 14, (x / length) * 14];
  const reach = 1 - 40 / length;
  const point = (a, b) => `${(320 + a).toFixed(1)} ${(178 + b).toFixed(1)}`;
  return `M${point(across, down)}L${point(x * reach, y * reach)}L${point(-across, -down)}Z`;
}
