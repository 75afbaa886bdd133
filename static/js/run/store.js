// What the page knows: the run's shape, its events and their telling, and the places one can be at.

import { Telling } from "../reducer.js";

const TALK = new Set(["said", "summarised"]);

/** Read the page's data blocks and keep the run up to date as events arrive. */
export class Run {
  constructor(data, events, root) {
    Object.assign(this, data);
    this.api = root.dataset.api;
    this.page = root.dataset.page;
    this.last = data.last_seq;
    this.unit = data.words.unit;
    this.events = events;
    this.begin();
  }

  /** Take new events; those known already are left out. Returns how many were new, memories not counted. */
  add(events) {
    let fresh = 0;
    let late = false;
    for (const event of events) {
      if (this.seen.has(event.seq)) continue;
      this.seen.add(event.seq);
      this.events.push(event);
      this.last = Math.max(this.last, event.seq);
      late ||= event.seq < this.front && !TALK.has(event.kind);
      if (!late) this.take(event);
      if (event.kind !== "remembered") fresh += 1;
    }
    if (late) this.begin();
    else if (fresh) this.retell();
    return fresh;
  }

  /** Read what the page left out of a long run: the talk, in parts; *changed* is called after each. */
  async readTalk(changed) {
    for (let after = 0; after !== null; ) {
      const answer = await fetch(`${this.api}/events?kind=${[...TALK]}&after=${after}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const { events, next } = await answer.json();
      this.add(events.filter((event) => event.seq <= this.last_seq));
      this.talkUpTo = next === null ? Infinity : events.at(-1).month - 1;
      changed();
      after = next;
    }
    this.whole = true;
  }

  /** Whether all that was said in month *number* before the page was opened is known. */
  knowsTalk(number) {
    return this.whole || number <= (this.talkUpTo ?? 0) || Boolean(this.month(number)?.lines.length);
  }

  /** Tell the run from its first event on. */
  begin() {
    this.events.sort((a, b) => a.seq - b.seq);
    this.seen = new Set();
    this.front = 0;
    this.telling = new Telling(this);
    for (const event of this.events) this.take(event);
    this.retell();
  }

  take(event) {
    this.seen.add(event.seq);
    this.front = Math.max(this.front, event.seq);
    this.telling.take(event);
  }

  retell() {
    this.told = this.telling.told();
    if (!this.rules) withoutJudgement(this.told);
    this.byNumber = new Map(this.told.months.map((month) => [month.month, month]));
    this.steps = stepsOf(this.told);
    this.topCatch = 1;
    for (const month of this.told.months) {
      for (const agent of month.agents) this.topCatch = Math.max(this.topCatch, agent.collected ?? 0);
    }
  }

  month(number) {
    return this.byNumber.get(number) ?? null;
  }

  index(name) {
    return this.names.indexOf(name);
  }

  /** The line of *place*, if it is at one. */
  line(place) {
    return place.message ? (this.month(place.month)?.lines.find((line) => line.id === place.message) ?? null) : null;
  }
}

/** In another game an agreed number may be a minimum: nothing is said against did. */
function withoutJudgement(told) {
  for (const month of told.months) {
    for (const agent of month.agents) Object.assign(agent, { mark: "none", over: 0, over_share: false, limit: null });
  }
}

const SHARE = { harvest: [0, 0.25], talk: [0.25, 0.85], home: [0.85, 1] };

/**
 * The places of a run in order: each month's harvest, its messages with what came of them, and home. `at` is where a
 * step lies on the scrubber, in months from 0: each phase of a month has its own part of it.
 */
export function stepsOf(told) {
  const steps = [];
  for (const month of told.months) {
    const number = month.month;
    const talk = month.lines.map((line) => line.id);
    if (month.agreement_read || month.summary !== null) talk.push(`m${number}-end`);
    const add = (phase, message, order, count) => {
      const [from, to] = SHARE[phase];
      const at = number - 1 + from + ((to - from) * (order + 0.5)) / count;
      steps.push({ month: number, phase, message, order: order + 1, lines: month.lines.length, at });
    };
    add("harvest", null, 0, 1);
    talk.forEach((message, order) => add("talk", message, order, talk.length));
    if (month.stock_next !== null) add("home", `m${number}-home`, 0, 1);
  }
  return steps;
}

/** Say a step in words: "Month 5, talk, message 3 of 9". */
export function stepText(step) {
  return `Month ${step.month}, ${phaseText(step)}`;
}

/** The step without its month: "talk, message 3 of 9". */
export function phaseText(step) {
  if (step.phase !== "talk") return step.phase;
  return step.message.endsWith("-end") ? "talk, agreement" : `talk, message ${step.order} of ${step.lines}`;
}
