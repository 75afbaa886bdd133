// The commons, the gauge and the decisions table: drawn by the server, changed here in place.

import { all, bind, one } from "../dom.js";
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
 * is followed) a harvest begins with the stock before it.
 */
export function showStage(run, place, phase, moving) {
  const month = run.month(place.month);
  const left = month ? (month.stock_after ?? month.stock) : null;
  const level = phase === "home" ? (month?.stock_next ?? left) : left;
  const sentence = stockSentence(month, run);
  bind("month-title", month ? `Month ${month.month}` : "Not started");
  one("[data-copy-month]").hidden = !month;
  bind("sentence", sentence);
  bind("trend", trendText(month, run.month(place.month - 1), run));
  bind("share-note", shareNote(month, run));
  for (const button of all("[data-phase]")) {
    if (button.dataset.phase === phase) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
    button.disabled = !run.steps.some((step) => step.month === place.month && step.phase === button.dataset.phase);
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
  one("[data-gauge]").setAttribute("aria-label", sentence);
  one("[data-gauge-before]").setAttribute("width", percent(part(run, phase === "home" ? level : month?.stock)));
  one("[data-gauge-after]").setAttribute("width", percent(part(run, phase === "home" ? month?.stock_after : level)));
  const known = run.rules && month && month.stock !== null && month.threshold !== null;
  const floor = one("[data-gauge-floor]");
  floor.setAttribute("x", percent(known ? part(run, month.stock - month.threshold) : 0));
  floor.toggleAttribute("hidden", !known);
  // Its label gives way to those at the ends; the number is in the text too.
  const where = known ? part(run, month.stock - month.threshold) : 0;
  bind("floor", where > 0.3 && where < 0.86 ? `leave ${month.stock - month.threshold}` : "");
}

function showScene(run, month, level) {
  const full = part(run, level);
  bind("left", `${level ?? "–"} ${run.unit}`);
  one("[data-scene]").dataset.health = month?.collapsed ? "collapsed" : full < LOW ? "low" : "full";
  one("[data-stock]")?.setAttribute("transform", size(run, level));
  one("[data-deep]")?.setAttribute("transform", size(run, level, 0.72));
  one("[data-stock-before]")?.setAttribute("transform", size(run, month?.stock));
  one("[data-river]")?.setAttribute("stroke-dasharray", `${(full * 100).toFixed(2)} 200`);
  one("[data-river-before]")?.setAttribute("stroke-dasharray", `${(part(run, month?.stock) * 100).toFixed(2)} 200`);
  one("[data-river-start]")?.toggleAttribute("hidden", !level);
  one("[data-river-end]")?.toggleAttribute("hidden", full < 1);
  for (const sign of all("[data-life]")) sign.toggleAttribute("data-gone", Number(sign.dataset.life) > full);
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
  one("[data-seat-catch]", seat).textContent = got !== null ? `${got} ${run.unit}` : awaited ? "decides …" : "–";
  one("[data-seat-gain]", seat).textContent = got === null ? "" : `Σ ${agent.gain}`;
  one("[data-seat-bar]", seat).setAttribute("width", (BAR * ((got ?? 0) / run.topCatch)).toFixed(1));
  const sign = one("[data-seat-mark]", seat);
  sign.dataset.seatMark = agent?.mark ?? "pending";
  one("text", sign).textContent = { broken: "!", kept: "✓" }[agent?.mark] ?? "";

  const row = one(`[data-row="${index}"]`);
  one("[data-row-catch]", row).textContent = got ?? "–";
  showMark(one("[data-row-mark]", row), agent, run, month);

  const decision = one(`[data-decision="${index}"]`);
  if (place.agent === index) decision.setAttribute("aria-current", "true");
  else decision.removeAttribute("aria-current");
  one('[data-cell="asked"]', decision).textContent = askedWord(agent);
  one('[data-cell="got"]', decision).textContent = got ?? "–";
  one('[data-cell="agreed"]', decision).textContent = agent?.limit ?? "–";
  one('[data-cell="gain"]', decision).textContent = agent?.gain ?? "–";
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
  element.className = `said said--${agent?.mark ?? "pending"}`;
  element.textContent = markWord(agent, run);
  element.title = markText(agent, month?.month, run);
}

/** The speaker gets a ring, and a bubble over the commons that points at its seat. */
export function showBubble(run, place) {
  const bubble = one("[data-bubble]");
  const tail = one("[data-tail]");
  const line = run.line(place);
  const index = line && !line.overseer ? run.index(line.speaker) : -1;
  for (const seat of all("[data-seat]")) seat.classList.toggle("seat--speaks", Number(seat.dataset.seat) === index);
  bubble.hidden = !line;
  one("[data-number]").toggleAttribute("hidden", Boolean(line));
  tail.toggleAttribute("hidden", index < 0);
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
