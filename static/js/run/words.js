// What the page says about a month: the same sentences as app/web/contexts/words.py and run_month.py.

export function stockSentence(month, run) {
  const unit = run.unit;
  if (!month) return "Nothing has happened yet.";
  if (month.stock === null) return "The stock of this month is not known.";
  if (month.stock_after === null) return `${month.stock} of ${run.capacity} ${unit} before the harvest.`;
  const taken = month.agents.reduce((sum, agent) => sum + (agent.collected ?? 0), 0);
  const text = `${month.stock_after} of ${run.capacity} ${unit} left, ${taken} ${unit} taken from ${month.stock} ${unit}.`;
  if (month.collapsed) return `${text} Collapse: too little is left.`;
  if (month.stock_next !== null) return `${text} Next month: ${month.stock_next} ${unit}.`;
  return text;
}

export function markWord(agent, run) {
  if (!agent || agent.mark === "pending") return "";
  if (agent.mark === "broken") return `! +${agent.over} ${run.unit}`;
  return agent.mark === "kept" ? "✓ kept" : "–";
}

export function markText(agent, month, run) {
  if (!agent) return "";
  if (agent.collected === null) return "Not settled yet";
  const did = didText(agent, run);
  if (!run.rules) return did;
  const said = run.month(month - 1)?.corrected;
  if (agent.limit === null) return `No agreement for this month; ${did}${said ? ` (${correctionNote(said)})` : ""}`;
  return `Agreed ${agent.limit} ${run.unit} in month ${month - 1}; ${did}${said ? ` (${correctionNote(said)})` : ""}`;
}

/** By whom a limit was corrected, where that may be told, and what was read: "corrected by Ada, was 8". */
export function correctionNote(said) {
  return `corrected${said.author ? ` by ${said.author}` : ""}, was ${said.read === null ? "none" : said.read}`;
}

/** What was done: "caught 15 t", or "asked for 28 t, got 4 t" where these differ. */
export function didText(agent, run) {
  const asked = agent.asked ?? agent.wanted;
  if (asked === null || asked === agent.collected) return `${run.words.took} ${agent.collected} ${run.unit}`;
  return `asked for ${asked} ${run.unit}, got ${agent.collected} ${run.unit}`;
}

export function askedWord(agent) {
  if (!agent?.decided) return "–";
  if (agent.asked === null) return "unreadable";
  return agent.readable ? String(agent.asked) : `${agent.asked} ?`;
}

export function agreement(month, run) {
  if (month.limit === null) return "No limit was agreed";
  if (!run.rules) return `Read from the talk: ${month.limit} ${run.unit} each`;
  if (month.month >= run.months_total) return `Agreed in the last month: at most ${month.limit} ${run.unit} each`;
  return `Agreed for month ${month.month + 1}: at most ${month.limit} ${run.unit} each`;
}

export function shareNote(month, run) {
  if (!month || month.share === null || !run.rules) return "";
  return `Sustainable: ${month.share} ${run.unit} each, ${month.threshold} ${run.unit} in all.`;
}

export function aftermath(month, run) {
  const kept = month.agents.filter((agent) => agent.mark === "kept").length;
  if (kept === month.agents.length) return "everybody kept it.";
  const broken = month.agents.filter((agent) => agent.mark === "broken");
  const unread = month.agents.filter((agent) => agent.decided && agent.asked === null);
  const others = [
    ...broken.map((agent) => `${agent.name} asked for ${agent.over} ${run.unit} more`),
    ...unread.map((agent) => `${agent.name}'s answer could not be read`),
  ];
  return `${[`${kept} kept it`, ...others].join(", ")}.`;
}

/** Where an agreement was first broken: the month, who did it first, and all of them in words; null for nowhere. */
export function firstBreach(run) {
  const month = run.told.months.find(({ agents }) => agents.some(({ mark }) => mark === "broken"));
  if (!month) return null;
  const names = month.agents.filter(({ mark }) => mark === "broken").map(({ name }) => name);
  const shown = names.length < 4 ? names : [...names.slice(0, 2), `${names.length - 2} others`];
  return { month: month.month, agent: names[0], text: `${shown.join(", ")} in month ${month.month}` };
}

const inMonths = (count) => (count === 1 ? "1 month" : `${count} months`);

/** How a run ended, or how far it is. */
export function outcome(run) {
  const { months, months_played: played, months_total: total, collapsed, finished } = run.told;
  const over = finished || run.imported;
  if (!run.rules) return { kind: run.state, text: inMonths(played) };
  if (over && collapsed) return { kind: "collapsed", text: `Collapsed in month ${played}` };
  if (over && played >= total) return { kind: "survived", text: `Survived ${played}/${total}` };
  if (run.snapshot) return { kind: "queued", text: `Month ${months.length} of ${total} (snapshot)` };
  if (run.state === "playing" && months.length) return { kind: "playing", text: `Month ${months.length} of ${total}` };
  return { kind: run.state, text: `${played} of ${inMonths(total)}` };
}

/** How the run is doing, and what was asked of it that has not happened yet. */
export function stateWord(status) {
  const live = status.state === "queued" || status.state === "playing";
  if (live && status.control === "stop") return "stopping";
  if (live && status.control === "pause") return "pausing at the end of the month";
  if (live && status.control === "end") return "stopping at the end of the month";
  return status.tries_again ? "paused, tries again by itself" : status.state;
}

/** The month's answers that could not be read, besides what was to be said: "Kate's insight, the summary". */
export function notReadable(month) {
  const others = month.unreadable.filter((answer) => answer.purpose !== "utterance");
  // Each once, however many memories could not be rated.
  return [...new Set(others.map(({ agent, purpose }) => (agent ? `${agent}'s ${purpose}` : `the ${purpose}`)))].join(", ");
}

/** A month in one spoken sentence. */
export function spoken(month, run) {
  const breaches = month.agents.filter((agent) => agent.mark === "broken").map((agent) => agent.name);
  const broke = breaches.length ? ` ${breaches.join(", ")} broke the agreement.` : "";
  return `Month ${month.month}. ${stockSentence(month, run)}${broke}`;
}

/** What two months' harvests left, compared. */
export function trendText(month, before, run) {
  if (!month || !before || month.stock_after === null || before.stock_after === null) return "";
  const change = month.stock_after - before.stock_after;
  if (!change) return `As much as after month ${before.month}.`;
  const [sign, word] = change > 0 ? ["▲", "more"] : ["▼", "less"];
  return `${sign} ${Math.abs(change)} ${run.unit} ${word} than after month ${before.month}.`;
}

/** What the stock became by itself. */
export function growth(month, run) {
  if (month.stock_after === null || month.stock_next === null) return "";
  const became = month.stock_next === month.stock_after ? `stays at ${month.stock_next}` : `grows from ${month.stock_after} ${run.unit} to ${month.stock_next}`;
  return `The stock ${became} ${run.unit}.`;
}
