// An episode told month by month, from its events alone: the browser's twin of app/analysis/replay.py.
// `replay(events, config)` returns exactly the JSON of the Python `Replay`; a test holds the two together.

/** Tell the episode as far as *events* go. config: {names: [...], months_total: T, corrections: those in force}. */
export function replay(events, config) {
  const telling = new Telling(config);
  for (const event of events) telling.take(event);
  return telling.told();
}

/**
 * An episode being told, event by event. The talk of a month (said, summarised) may come later than the numbers of the
 * months after it: a long run's page reads it in parts. All other events must come in order.
 */
export class Telling {
  constructor(config) {
    this.config = config;
    this.tale = { names: config.names, months: new Map(), gains: {}, memories: [], finished: false };
    this.tale.corrections = new Map((config.corrections ?? []).map((correction) => [correction.month, correction]));
    for (const name of config.names) this.tale.gains[name] = 0;
  }

  take(event) {
    const month = monthOf(this.tale, event.month);
    month.frozen = null;
    tell(this.tale, month, event);
  }

  /** The telling so far; only months that something was added to are made anew. */
  told() {
    const { config, tale } = this;
    const numbers = [...tale.months.keys()].sort((a, b) => a - b);
    const months = numbers.map((number) => {
      const month = tale.months.get(number);
      month.frozen ??= frozen(month);
      return month.frozen;
    });
    return {
      names: config.names,
      months_total: config.months_total,
      months,
      months_played: months.filter((month) => month.harvested).length,
      finished: tale.finished,
      collapsed: months.some((month) => month.collapsed),
      gains: tale.gains,
      memories: tale.memories,
    };
  }
}

function tell(tale, month, event) {
  const facts = month.facts;
  const name = event.agent;
  switch (event.kind) {
    case "month_started":
      month.present = event.present;
      facts.date = event.date;
      facts.stock = event.stock;
      facts.threshold = event.threshold;
      facts.share = event.share;
      facts.universalization = event.universalization ?? false;
      break;
    case "decided":
      if (name == null) break;
      month.agents.set(name, {
        decided: true,
        asked: event.asked,
        wanted: event.wanted,
        readable: event.readable ?? true,
        attempts: event.attempts ?? 1,
      });
      break;
    case "collected":
      if (name == null) break;
      month.agents.set(name, { ...month.agents.get(name), wanted: event.wanted });
      month.collected.set(name, event.collected);
      tale.gains[name] = (tale.gains[name] ?? 0) + event.collected;
      month.gains[name] = tale.gains[name];
      break;
    case "harvested":
      facts.stock = event.stock_before;
      facts.stock_after = event.stock_after;
      facts.oversubscribed = event.oversubscribed;
      facts.collapsed = event.collapsed;
      facts.harvested = true;
      break;
    case "said":
      month.lines.push({
        id: `m${event.month}-u${event.turn}`,
        turn: event.turn,
        speaker: event.speaker,
        text: event.text,
        overseer: event.by_overseer ?? false,
        ends: event.ends ?? false,
        next_speaker: event.next_speaker ?? null,
      });
      if (month.lines.length > 1 && month.lines.at(-2).turn > event.turn) month.lines.sort((a, b) => a.turn - b.turn);
      break;
    case "agreed":
      facts.agreement_read = true;
      facts.limit = event.limit;
      break;
    case "summarised":
      facts.summary = event.text;
      break;
    case "remembered":
      if (name == null) break;
      tale.memories.push({ agent: name, month: event.month, phase: event.phase, memory: event.memory });
      break;
    case "unreadable":
      month.unreadable.push({
        agent: name ?? null,
        phase: event.phase,
        purpose: event.purpose,
        item: event.item ?? "",
        attempts: event.attempts,
        fallback: event.fallback,
      });
      break;
    case "month_ended":
      facts.stock_after = event.stock_after;
      facts.stock_next = event.stock_next;
      facts.ended = true;
      break;
    case "ended":
      facts.ended = true;
      tale.finished = true;
      break;
  }
}

function monthOf(tale, number) {
  if (!tale.months.has(number)) {
    tale.months.set(number, {
      month: number,
      present: tale.names,
      correction: tale.corrections.get(number) ?? null,
      agreedBefore: agreedIn(tale.months.get(number - 1)),
      gains: { ...tale.gains },
      facts: {
        date: null,
        stock: null,
        threshold: null,
        share: null,
        universalization: false,
        harvested: false,
        stock_after: null,
        stock_next: null,
        oversubscribed: false,
        collapsed: false,
        agreement_read: false,
        limit: null,
        summary: null,
        ended: false,
      },
      agents: new Map(),
      collected: new Map(),
      lines: [],
      unreadable: [],
    });
  }
  return tale.months.get(number);
}

/** The limit that holds after *month*: what a person says where the talk was read, else what was read. */
function agreedIn(month) {
  if (!month) return null;
  return month.correction && month.facts.agreement_read ? month.correction.limit : month.facts.limit;
}

function frozen(month) {
  const names = [...month.present, ...[...month.agents.keys()].filter((name) => !month.present.includes(name))];
  return {
    month: month.month,
    ...month.facts,
    limit: agreedIn(month),
    corrected: month.facts.agreement_read ? month.correction : null,
    agents: names.map((name) => agentMonth(month, name)),
    lines: [...month.lines],
    unreadable: [...month.unreadable],
  };
}

function agentMonth(month, name) {
  const told = month.agents.get(name);
  const got = month.collected.get(name) ?? null;
  const limit = month.agreedBefore;
  const share = month.facts.share;
  // Who asked for too much broke the agreement, also where the commons ran dry and it got less.
  const over = got !== null && limit !== null ? Math.max(0, told.wanted - limit) : 0;
  let mark = "pending";
  // An answer that could not be read keeps no promise, though it counts as 0.
  const judged = limit !== null && (told?.asked ?? null) !== null;
  if (got !== null) mark = !judged ? "none" : over ? "broken" : "kept";
  return {
    name,
    decided: false,
    asked: null,
    wanted: null,
    readable: true,
    attempts: 1,
    ...told,
    collected: got,
    limit,
    mark,
    over,
    over_share: got !== null && share !== null && got > share,
    gain: month.gains[name] ?? 0,
  };
}
