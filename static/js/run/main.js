// The run page: one place in one run, shown by all parts of the page; every step of the reader is an address.

import { all, one } from "../dom.js";
import { announce, copyText } from "../site.js";
import { read, write } from "./address.js";
import { Transcript } from "./chat.js";
import { follow as followLive } from "./following.js";
import { Inspector } from "./inspector.js";
import { listen } from "./keys.js";
import { listenToSeparators } from "./panes.js";
import { Player } from "./player.js";
import { listenToRange, showScrubber } from "./scrubber.js";
import { Search } from "./search.js";
import "./sheet.js";
import { showBubble, showStage } from "./stage.js";
import { Run } from "./store.js";
import { spoken } from "./words.js";

const root = one("#run");
const run = new Run(JSON.parse(one("#run-data").textContent), JSON.parse(one("#run-events").textContent), root);
const inspector = new Inspector(run, (call) => go({ call }, "replace"));
const transcript = new Transcript(run, { open, changed: () => show() });

const search = new Search(run, {
  /** Open what was found: a message, or a call or memory in the inspector. */
  go({ month, message, call, memory, agent, tab }) {
    if (message) return go({ month, message });
    const index = run.names.findIndex((name) => name.toLowerCase() === agent);
    const framework = index < 0;
    return go({ ...at(month), agent: framework ? null : index, framework, tab, call, memory });
  },
  changed(text) {
    place.q = text;
    history.replaceState(null, "", write(run, place, view));
    transcript.show(place, false);
  },
});

let place = read(run);
let view = root.dataset.view;
let shownMonth = place.month;
let shownAt = 0;
let opener = null;
let toastTimer = null;
/** Whether the talk of the month shown is still to come. */
let missing = false;

const player = new Player({
  step: current,
  words: (step) => (run.line(step)?.text ?? (step.message?.endsWith("-end") ? run.month(step.month)?.summary : null) ?? "").split(/\s+/).length,
  forward: () => move(1, "replace"),
  first: () => go(run.steps[0], "replace"),
  atEnd: () => position() >= run.steps.length - 1,
  changed: () => show(),
});

const live = followLive(run, {
  place: () => place,
  /** Go to the newest place; the address stays. */
  toEnd() {
    const last = run.steps.at(-1);
    if (last) place = { ...place, month: last.month, message: last.message };
    shownMonth = place.month;
  },
  show,
  showPosition,
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
  const step = current();
  missing = !run.knowsTalk(place.month);
  const moving = player.playing || live.following;
  const at = position();
  showStage(run, place, step?.phase ?? null, moving, moving || Math.abs(at - shownAt) <= 1);
  shownAt = at;
  showBubble(run, place);
  showPosition();
  inspector.show(place);
  // Last, because it scrolls: the browser then lays the page out once.
  transcript.show(place, player.playing);
}

function showPosition() {
  showScrubber(run, place, current());
  for (const name of ["first", "back"]) one(`[data-do="${name}"]`).disabled = position() <= 0;
  for (const name of ["forward", "last"]) one(`[data-do="${name}"]`).disabled = position() >= run.steps.length - 1;
  live.showButton();
}

/** Go to *next* (any part of a place); *how* is "push", "replace" or "keep" (the address stays). */
function go(next, how = "push") {
  if (!next) return false;
  const moved = "month" in next && (next.month !== place.month || next.message !== place.message);
  // Another month or agent has other calls and memories; the reading of the talk stays until an agent is chosen.
  const other = moved || ("agent" in next && (next.agent !== place.agent || place.framework)) || (next.framework && !place.framework);
  place = { ...place, ...(other ? { call: null, memory: null } : {}), ...("agent" in next ? { framework: false } : {}), ...pick(next) };
  // Whoever goes somewhere, be it to where the page is, no longer follows.
  if ("month" in next) live.following = run.live && position() === run.steps.length - 1 && how === "keep";
  if (moved) inspector.wish = null;
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
  for (const name of ["month", "message", "agent", "tab", "q", "framework", "call", "memory"]) if (name in next) kept[name] = next[name];
  return kept;
}

function move(by, how = "push") {
  const target = run.steps[position() + by];
  return target ? go(target, how) : false;
}

/** The first place of month *number*. */
const at = (number) => run.steps.find((step) => step.month === number);

function toMonth(number) {
  return go(at(number));
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

async function copyPlace(where) {
  const link = new URL(write(run, where, view), location.href).href;
  say((await copyText(link)) ? "Link copied" : "Copying is blocked");
}

function breach(direction) {
  const months = run.told.months.filter((month) => month.agents.some((agent) => agent.mark === "broken"));
  const ahead = months.filter((month) => (direction > 0 ? month.month > place.month : month.month < place.month));
  // After the last comes the first: whoever has watched to the end asks where it began.
  const [near, far] = direction > 0 ? [ahead[0], months[0]] : [ahead.at(-1), months.at(-1)];
  const target = near ?? far;
  if (!target) return say("No agreement was broken");
  toMonth(target.month);
  if (!near) say(direction > 0 ? `The first broken agreement: month ${target.month}` : `The last broken agreement: month ${target.month}`);
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

/** Open the inspector at one call, {agent or framework, phase, item, purpose}, or one tab of an agent. */
function open(wish) {
  const agent = wish.framework ? null : wish.agent;
  const where = wish.month ? { month: wish.month, message: wish.message ?? null } : {};
  go({ ...where, agent, framework: Boolean(wish.framework), tab: wish.tab ?? (place.tab === "completion" ? "completion" : "prompt") });
  if (wish.phase) {
    inspector.wish = wish;
    inspector.show(place);
  }
  takeFocus();
}

/** Bring the focus to the message that the address names. */
function arriveAt(message) {
  const row = document.getElementById(message);
  row?.setAttribute("tabindex", "-1");
  row?.focus({ preventScroll: true });
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

function toLive() {
  if (!run.live && !run.steps.length) return;
  live.begin();
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
  live: toLive,
  copy: () => copyPlace(place),
  help: () => one("[data-help]").showModal(),
  close,
};

function close() {
  if (one("[data-search]") === document.activeElement) {
    search.clear();
    go({ q: "" }, "replace");
    return;
  }
  if (place.agent === null && !place.framework) return;
  go({ agent: null, framework: false });
  giveFocusBack();
}

/** What a click on something means, by its data. */
const meanings = [
  ["[data-copy-month]", () => copyPlace({ ...place, message: null })],
  ["[data-copy-message]", ({ copyMessage: message, of }) => go({ message, month: Number(of) }) && copyPlace(place)],
  ["[data-decided]", ({ decided, of }) => open({ agent: Number(decided), tab: "decision", month: Number(of) })],
  ["[data-agent]", ({ agent }) => chooseAgent(Number(agent))],
  ["[data-seat]", ({ seat }) => chooseAgent(Number(seat))],
  ["[data-decision]", ({ decision }) => chooseAgent(Number(decision))],
  ["[data-tab]", ({ tab }) => go(place.framework ? { tab } : { tab, agent: place.agent ?? 0 }, "replace")],
  ["[data-copy-call]", ({ copyCall: call }) => copyPlace({ ...place, call, memory: null })],
  ["[data-copy-memory]", ({ copyMemory: memory }) => copyPlace({ ...place, tab: "memories", memory: Number(memory) })],
  ["[data-memory]", ({ memory }) => go({ tab: "memories", memory: Number(memory) })],
  ["[data-call]", ({ call, to }) => go({ call, tab: to })],
  ["[data-reading]", ({ reading }) => go({ ...at(Number(reading)), agent: null, framework: true, tab: "decision" })],
  ["[data-message]", ({ message, of }) => go({ message, month: Number(of) })],
  ["[data-phase]", ({ phase }) => go(run.steps.find((step) => step.month === place.month && step.phase === phase))],
  ["[data-do]", ({ do: action }) => actions[action]()],
  ["[data-show]", ({ show: pane }) => changeView(pane)],
  ["[data-month]", ({ month }) => toMonth(Number(month))],
];

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  for (const [selector, act] of meanings) {
    const target = event.target.closest(selector);
    if (!target || !root.contains(target)) continue;
    event.preventDefault();
    act(target.dataset);
    return;
  }
});

listenToRange(run, go, move);
listenToSeparators();
listen(actions);

window.addEventListener("popstate", () => {
  player.stop();
  place = read(run);
  show();
});
document.addEventListener("chartclick", ({ detail }) => toMonth(Math.min(run.told.months.length, Math.max(1, detail.month))));

if (place.q) search.begin(place.q);
inspector.arriving = true;
show();
if (place.message && place.agent === null && !place.framework) arriveAt(place.message);
if (!run.whole) run.readTalk(() => (missing || transcript.whole) && show()).catch((error) => say(`The rest of the talk could not be read: ${error.message}.`));
// What the address got wrong is said above; from here on it is right.
if (all("[data-notice]").length) history.replaceState(null, "", write(run, place, view));
root.dataset.ready = "true";
