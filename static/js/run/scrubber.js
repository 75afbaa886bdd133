// The months and the place in them: drawn by the server, changed here in place. Of a long run a year is shown month by
// month, and an overview of all.

import { all, bind, one, put, write } from "../dom.js";
import { phaseText, stepText } from "./store.js";

const YEAR = 12;

const height = (run, stock) => Math.max(0, Math.min(1, (stock ?? 0) / run.capacity)) * 100;
const leftIn = (month) => (month ? (month.stock_after ?? month.stock) : null);
const breachesIn = (month) => (month ? month.agents.filter((agent) => agent.mark === "broken").length : 0);

/** Show where *step* is in the run. */
export function showScrubber(run, place, step) {
  const long = one("[data-overview]");
  const cells = all("[data-month]");
  const first = long ? Math.floor(Math.max(0, place.month - 1) / YEAR) * YEAR + 1 : 1;
  cells.forEach((cell, index) => showMonth(run, cell, first + index, place, step));
  if (long) showOverview(run, long, first);
  bind("phase", step ? phaseText(step) : "");
  if (!step) return;
  const range = one("[data-range]");
  range.value = step.at;
  range.setAttribute("aria-valuetext", stepText(step));
}

function showMonth(run, cell, number, place, step) {
  const month = run.month(number);
  const left = leftIn(month);
  const breaches = breachesIn(month);
  put(cell, "data-month", number);
  put(cell, "hidden", number > run.months_total);
  cell.classList.toggle("scrub__month--later", !month);
  cell.classList.toggle("scrub__month--collapsed", Boolean(month?.collapsed));
  write(one(".scrub__number", cell), number);
  const link = one("a", cell);
  put(link, "href", month && `?m=${number}`);
  put(link, "role", !month && "link");
  put(link, "aria-disabled", !month && "true");
  const current = number === place.month;
  put(link, "aria-current", current && "step");
  for (const segment of all("[data-part]", cell)) segment.classList.toggle("on", current && segment.dataset.part === step?.phase);
  const told = [`Month ${number}: ${left} ${run.unit}`];
  if (breaches) told.push(`${breaches} broke the agreement`);
  if (month?.collapsed) told.push("collapse");
  put(link, "aria-label", month ? told.join(", ") : `Month ${number}, not reached`);
  const level = one("[data-level]", cell);
  put(level, "y", 100 - height(run, left));
  put(level, "height", height(run, left));
  write(one("[data-sign]", cell), month?.collapsed ? "✕" : breaches > 3 ? `!${breaches}` : "!".repeat(breaches));
}

function showOverview(run, drawing, first) {
  let stock = "M0 100";
  let breaches = "";
  let collapse = "";
  for (const month of run.told.months) {
    stock += `V${(100 - height(run, leftIn(month))).toFixed(1)}H${month.month}`;
    if (breachesIn(month)) breaches += `M${month.month - 0.5} 0V30`;
    if (month.collapsed) collapse += `M${month.month - 0.5} 0V100`;
  }
  one("[data-overview-stock]", drawing).setAttribute("d", `${stock}V100Z`);
  one("[data-overview-breaches]", drawing).setAttribute("d", breaches);
  one("[data-overview-collapse]", drawing).setAttribute("d", collapse);
  const frame = one("[data-overview-window]", drawing);
  frame.setAttribute("x", first - 1);
  frame.setAttribute("width", Math.min(YEAR, run.months_total - first + 1));
  const later = (run.told.months.at(-1)?.month ?? 0) / run.months_total;
  one("[data-later]").style.setProperty("--from", `${(later * 100).toFixed(2)}%`);
}

/** Listen to the slider: it goes to the step nearest to where it is put, and arrow keys go step by step. */
export function listenToRange(run, go, move) {
  const range = one("[data-range]");
  range.addEventListener("input", () => {
    const wanted = Number(range.value);
    let best = run.steps[0];
    for (const step of run.steps) if (Math.abs(step.at - wanted) < Math.abs(best.at - wanted)) best = step;
    go(best, "replace");
  });
  range.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!by || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    move(by);
  });
}
