// How the run is doing, as it goes on: state, reason, budget, calls, cost, and the connection that tells it.

import { all, bind, one, put, write } from "../dom.js";
import { announce } from "../site.js";
import { firstBreach, outcome, stateWord } from "./words.js";

export function showOutcome(run) {
  const badge = outcome(run);
  for (const element of all('[data-bind="outcome"]')) element.className = `badge badge--large badge--${badge.kind}`;
  bind("outcome", badge.text);
  showBreach(run);
}

/** Who first broke an agreement, as a link to that decision. */
function showBreach(run) {
  const told = one("[data-breach]");
  const breach = firstBreach(run);
  if (!told || !breach) return;
  const link = one("a", told);
  put(link, "href", `?m=${breach.month}&agent=${encodeURIComponent(breach.agent.toLowerCase())}`);
  put(link, "data-decided", run.index(breach.agent));
  put(link, "data-of", breach.month);
  write(link, breach.text);
  put(told, "hidden", false);
}

/** Show a status message of the live feed. */
export function showStatus(run, status) {
  run.state = status.state;
  bind("state", stateWord(status));
  for (const badge of all('[data-bind="state"]')) badge.className = `badge badge--${status.state}`;
  for (const form of all("[data-states]")) form.hidden = !form.dataset.states.split(" ").includes(status.tries_again ? "waiting" : status.state);
  for (const notice of all('[data-bind="reason"]')) notice.hidden = !status.reason;
  bind("reason-title", `${status.state[0].toUpperCase()}${status.state.slice(1)}${status.reason_kind ? ` (${status.reason_kind})` : ""}.`);
  bind("reason-text", [status.reason, status.tries_again].filter(Boolean).join(" "));
  showBudget(status);
  if (status.calls) bind("calls", `${status.calls.toLocaleString("en-US")} calls`);
  if (status.cost !== null && status.cost !== undefined) bind("cost", `$${status.cost.toFixed(2)}`);
  if (status.over && status.state === "finished") for (const badge of all('[data-bind="state"]')) badge.hidden = true;
  showOutcome(run);
}

/** How much of the run's budget is used by now. */
function showBudget(status) {
  for (const box of all("[data-meter]")) {
    const used = status[box.dataset.meter];
    if (used === undefined || used === null) continue;
    const meter = one("meter", box);
    meter.value = Math.min(used, meter.max);
    one("[data-used]", box).textContent = box.dataset.meter === "cost" ? `$${used.toFixed(2)}` : used.toLocaleString("en-US");
    box.classList.toggle("budget-meter--full", used >= meter.max);
  }
}

/** The connection: Live, Reconnecting or Offline, and since when nothing came. A paused run waits: nothing is live. */
export function showConnection(run, { text, level, at }) {
  const chip = one('[data-bind="connection"]');
  if (!chip) return;
  const last = new Date(at).toLocaleTimeString();
  chip.hidden = !text || run.state === "paused";
  chip.className = `badge badge--${level} js-only`;
  chip.title = `Last update ${last}`;
  bind("connection", level === "bad" || text === "Reconnecting" ? `${text}, last update ${last}` : text);
}

/** Say that there is nothing to follow any more, and why. */
export function showGone(text) {
  for (const notice of all('[data-bind="reason"]')) notice.hidden = false;
  bind("reason-title", "No more is shown.");
  bind("reason-text", text);
  for (const badge of all('[data-bind="state"], [data-bind="connection"]')) badge.hidden = true;
  announce(text);
}
