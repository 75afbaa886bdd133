// What the page knows: the run's shape, its events and their telling, and the place that is shown.

import { replay } from "../reducer.js";

/** Read the page's data block and keep the run up to date as events arrive. */
export class Run {
  constructor(data, root) {
    Object.assign(this, data);
    this.api = root.dataset.api;
    this.page = root.dataset.page;
    this.icons = root.dataset.icons;
    this.last = data.last_seq;
    this.seen = new Set(data.events.map((event) => event.seq));
    this.unit = data.words.unit;
    this.retell();
  }

  /** Take new events; those known already are left out. Returns how many were new, memories not counted. */
  add(events) {
    let fresh = 0;
    for (const event of events) {
      if (this.seen.has(event.seq)) continue;
      this.seen.add(event.seq);
      this.last = Math.max(this.last, event.seq);
      this.events.push(event);
      if (event.kind !== "remembered") fresh += 1;
    }
    this.events.sort((a, b) => a.seq - b.seq);
    this.retell();
    return fresh;
  }

  retell() {
    this.told = replay(this.events, this);
    if (!this.rules) withoutJudgement(this.told);
    this.steps = stepsOf(this.told);
    const catches = this.told.months.flatMap((month) => month.agents.map((agent) => agent.collected ?? 0));
    this.topCatch = Math.max(1, ...catches);
  }

  month(number) {
    return this.told.months.find((month) => month.month === number) ?? null;
  }

  index(name) {
    return this.names.indexOf(name);
  }
}

/** In another game an agreed number may be a minimum: nothing is said against did. */
function withoutJudgement(told) {
  for (const month of told.months) {
    for (const agent of month.agents) Object.assign(agent, { mark: "none", over: 0, over_share: false, limit: null });
  }
}

/** The places of a run in order: each month's harvest, its messages, and the end of its talk. */
export function stepsOf(told) {
  const steps = [];
  for (const month of told.months) {
    const own = [{ month: month.month, message: null, phase: "harvest" }];
    for (const line of month.lines) own.push({ month: month.month, message: line.id, phase: "talk" });
    if (month.agreement_read || month.summary !== null) {
      own.push({ month: month.month, message: `m${month.month}-end`, phase: "after the talk" });
    }
    own.forEach((step, place) => {
      steps.push({ ...step, at: month.month - 1 + (place + 0.5) / own.length, place, of: month.lines.length });
    });
  }
  return steps;
}

/** Say a step in words: "Month 5, talk, message 3 of 9". */
export function stepText(step) {
  if (step.phase === "talk") return `Month ${step.month}, talk, message ${step.place} of ${step.of}`;
  return `Month ${step.month}, ${step.phase}`;
}
