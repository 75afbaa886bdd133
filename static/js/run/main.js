// The run page: one place in one run, shown by all parts of the page; every step of the reader is an address.

import { all, bind, one } from "../dom.js";
import { announce, copyText } from "../site.js";
import { read, write } from "./address.js";
import { search, showChat, showHits } from "./chat.js";
import { Inspector } from "./inspector.js";
import { listen } from "./keys.js";
import { Live } from "./live.js";
import { Player } from "./player.js";
import { showBubble, showMonths, showStage } from "./stage.js";
import "./sheet.js";
import { Run, stepText } from "./store.js";
import { outcome, spoken, stateWord } from "./words.js";

const root = one("#run");
const run = new Run(JSON.parse(one("#run-data").textContent), root);
const inspector = new Inspector(run);
const range = one("[data-range]");

let place = read(run);
let view = root.dataset.view;
let following = run.live && run.follow;
let unseen = 0;
let filter = null;
let shownMonth = place.month;
let opener = null;
let toastTimer = null;

const player = new Player({
  step: current,
  words: (step) => (run.month(step.month)?.lines.find((line) => line.id === step.message)?.text ?? "").split(/\s+/).length,
  forward: () => move(1, "replace"),
  first: () => go(run.steps[0], "replace"),
  atEnd: () => position() >= run.steps.length - 1,
  changed: () => show(),
});

function position() {
  const found = run.steps.findIndex((step) => step.month === place.month && step.message === place.message);
  return found < 0 ? run.steps.findIndex((step) => step.month === place.month) : found;
}

function current() {
  return run.steps[position()] ?? null;
}

/** Draw the page for the place. */
function show() {
  showStage(run, place);
  showMonths(run, place);
  showChat(run, place, { hide: player.playing, filter, open });
  showBubble(run, place);
  showPosition();
  inspector.show(place);
}

function showPosition() {
  const step = current();
  bind("phase", step ? (step.phase === "talk" ? `message ${step.place} of ${step.of}` : step.phase) : "");
  if (!step) return;
  range.value = step.at;
  range.setAttribute("aria-valuetext", stepText(step));
  for (const name of ["first", "back"]) one(`[data-do="${name}"]`).disabled = position() <= 0;
  for (const name of ["forward", "last"]) one(`[data-do="${name}"]`).disabled = position() >= run.steps.length - 1;
  const button = one('[data-do="live"]');
  if (button) {
    button.hidden = !run.live || run.state === "paused";
    button.setAttribute("aria-pressed", String(following));
    button.textContent = following ? "Live" : unseen ? `Live, ${unseen} new` : "Go live";
    button.classList.toggle("button--primary", following);
  }
}

/** Go to *next* (any part of a place); *how* is "push", "replace" or "keep" (the address stays). */
function go(next, how = "push") {
  if (!next) return false;
  const moved = "month" in next && (next.month !== place.month || next.message !== place.message);
  place = { ...place, framework: false, ...pick(next) };
  if (moved) {
    const atEdge = position() === run.steps.length - 1;
    following = run.live && atEdge && how === "keep";
    inspector.wish = null;
  }
  if (how !== "keep") history[how === "push" ? "pushState" : "replaceState"](null, "", write(run, place, view));
  show();
  if (place.month !== shownMonth) {
    shownMonth = place.month;
    const month = run.month(place.month);
    if (month) announce(spoken(month, run));
  }
  return true;
}

function pick(next) {
  const kept = {};
  for (const name of ["month", "message", "agent", "tab", "q", "framework"]) if (name in next) kept[name] = next[name];
  return kept;
}

function move(by, how = "push") {
  const target = run.steps[position() + by];
  return target ? go(target, how) : false;
}

function toMonth(number) {
  return go(run.steps.find((step) => step.month === number));
}

/** Say *text* for a moment, to readers of every kind. */
function say(text) {
  announce(text);
  const toast = one("[data-toast]");
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (toast.hidden = true), 2000);
}

function breach(direction) {
  const months = run.told.months.filter((month) => month.agents.some((agent) => agent.mark === "broken"));
  const ahead = months.filter((month) => (direction > 0 ? month.month > place.month : month.month < place.month));
  const target = direction > 0 ? ahead[0] : ahead.at(-1);
  if (target) toMonth(target.month);
  else say(months.length ? "No further broken agreement" : "No agreement was broken");
}

function chooseAgent(index) {
  if (index >= run.names.length) return;
  const again = place.agent === index && !place.framework;
  inspector.wish = null;
  go({ agent: again ? null : index, framework: false });
  if (again) giveFocusBack();
  else takeFocus();
}

/** Where the inspector lies over the page, reading goes on inside it, and afterwards where it was. */
function takeFocus() {
  const panel = one("#inspector");
  if (getComputedStyle(panel).position !== "fixed" || panel.contains(document.activeElement)) return;
  opener = document.activeElement;
  one("[data-inspector]").focus({ preventScroll: true });
}

function giveFocusBack() {
  if (opener?.isConnected) opener.focus({ preventScroll: true });
  opener = null;
}

/** Open the inspector at one call: {agent or framework, phase, item, purpose}. */
function open(wish) {
  const agent = wish.framework ? place.agent : wish.agent;
  go({ agent, framework: Boolean(wish.framework), tab: place.tab === "completion" ? "completion" : "prompt" });
  inspector.wish = wish;
  inspector.show(place);
  takeFocus();
}

function changeView(name) {
  view = name;
  root.dataset.view = name;
  for (const tab of all("[data-show]")) {
    if (tab.dataset.show === name) tab.setAttribute("aria-current", "true");
    else tab.removeAttribute("aria-current");
  }
  history.replaceState(null, "", write(run, place, view));
}

function follow() {
  if (!run.live && !run.steps.length) return;
  following = run.live;
  unseen = 0;
  go(run.steps.at(-1), "keep");
  history.replaceState(null, "", run.page);
}

const tabs = all("[data-tab]").map((tab) => tab.dataset.tab);
const actions = {
  play: () => player.toggle(),
  forward: () => move(1),
  back: () => move(-1),
  nextMonth: () => toMonth(place.month + 1),
  previousMonth: () => toMonth(place.month - 1),
  first: () => go(run.steps[0]),
  last: () => go(run.steps.at(-1)),
  agent: chooseAgent,
  inspector: () => (place.agent === null ? chooseAgent(0) : close()),
  tab: (by) => place.agent !== null && go({ tab: tabs[(tabs.indexOf(place.tab) + by + tabs.length) % tabs.length] }, "replace"),
  search: () => {
    changeView("chat");
    one("[data-search]").focus();
  },
  breach,
  nextBreach: () => breach(1),
  live: follow,
  copy: async () => say((await copyText(new URL(write(run, place, view), location.href).href)) ? "Link copied" : "Copying is blocked"),
  help: () => one("[data-help]").showModal(),
  close,
};

function close() {
  one("details.menu[open]")?.removeAttribute("open");
  if (one("[data-search]") === document.activeElement) {
    one("[data-search]").value = "";
    showHits([], "", go);
    go({ q: "" }, "replace");
    return;
  }
  if (place.agent === null && !place.framework) return;
  go({ agent: null, framework: false });
  giveFocusBack();
}

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const target = event.target.closest("[data-agent], [data-seat], [data-tab], [data-do], [data-show], a[data-message], [data-month] a");
  if (!target || !root.contains(target)) return;
  const { agent, seat, tab, do: action, show: pane } = target.dataset;
  event.preventDefault();
  if (agent !== undefined) chooseAgent(Number(agent));
  else if (seat !== undefined) chooseAgent(Number(seat));
  else if (tab) go({ tab, agent: place.agent ?? 0 }, "replace");
  else if (action) actions[action]();
  else if (pane) changeView(pane);
  else if (target.dataset.message) go({ message: target.dataset.message, month: place.month });
  else if (target.hasAttribute("href")) toMonth(Number(target.closest("[data-month]").dataset.month));
});

range.addEventListener("input", () => {
  const wanted = Number(range.value);
  const nearest = run.steps.reduce((best, step) => (Math.abs(step.at - wanted) < Math.abs(best.at - wanted) ? step : best), run.steps[0]);
  go(nearest, "replace");
});
range.addEventListener("keydown", (event) => {
  const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
  if (!by || event.shiftKey) return;
  event.preventDefault();
  event.stopPropagation();
  move(by);
});

one("[data-filter]").addEventListener("change", (event) => {
  filter = event.target.value === "" ? null : Number(event.target.value);
  show();
});
one("[data-search]").addEventListener("input", (event) => {
  const text = event.target.value;
  place.q = text.trim();
  history.replaceState(null, "", write(run, place, view));
  showHits(search(run, text), text, (hit) => go({ month: hit.month, message: hit.message }));
  showChat(run, place, { hide: false, filter, open });
});

window.addEventListener("popstate", () => {
  player.stop();
  place = read(run);
  show();
});
document.addEventListener("chartclick", ({ detail }) => toMonth(Math.min(run.told.months.length, Math.max(1, detail.month))));

listen(actions);

function showOutcome() {
  const badge = outcome(run);
  for (const element of all('[data-bind="outcome"]')) element.className = `badge badge--large badge--${badge.kind}`;
  bind("outcome", badge.text);
}

if (run.live) {
  const live = new Live(run, {
    gone(text) {
      run.live = false;
      following = false;
      for (const notice of all('[data-bind="reason"]')) notice.hidden = false;
      bind("reason-title", "No more is shown.");
      bind("reason-text", text);
      for (const badge of all('[data-bind="state"]')) badge.hidden = true;
      announce(text);
      showPosition();
    },
    events(events) {
      const before = run.told.months_played;
      const fresh = run.add(events);
      if (following) {
        const last = run.steps.at(-1);
        if (last) place = { ...place, month: last.month, message: last.message };
        const month = run.month(place.month);
        if (run.told.months_played > before && month) announce(spoken(month, run));
        shownMonth = place.month;
      } else {
        unseen += fresh;
      }
      if (following || place.month >= run.told.months.length - 1) show();
      else {
        showMonths(run, place);
        showPosition();
      }
      showOutcome();
      if (run.told.months_played > before) redrawCharts();
    },
    status(status) {
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
      showOutcome();
      showPosition();
      if (live?.over) {
        run.live = false;
        following = false;
        for (const element of all('[data-do="live"]')) element.hidden = true;
        if (status.state === "finished") for (const badge of all('[data-bind="state"]')) badge.hidden = true;
        redrawCharts();
        showPosition();
      }
    },
  });
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

async function redrawCharts() {
  const { redraw } = await import("../charts.js");
  redraw(true);
}

if (place.q) {
  one("[data-search]").value = place.q;
  showHits(search(run, place.q), place.q, (hit) => go({ month: hit.month, message: hit.message }));
}
show();
// What the address got wrong is said above; from here on it is right.
if (all("[data-notice]").length) history.replaceState(null, "", write(run, place, view));
root.dataset.ready = "true";
