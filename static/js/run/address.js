// The address is the state: m, msg, agent, tab, call, memory, view, q. What names nothing falls back.

/** What stands for an agent's name where the reading of a talk is looked at. */
const FRAMEWORK = "framework";
/** The longest text that is searched for. */
const LONGEST = 200;
const TABS = ["decision", "prompt", "completion", "memories", "reflection", "usage"];

/** Read the place that the address names, for *run*. */
export function read(run, query = location.search) {
  const params = new URLSearchParams(query);
  let message = params.get("msg");
  const months = run.told.months.map((month) => month.month);
  const fallback = !months.length ? 0 : run.told.finished ? months[0] : months.at(-1);
  let month = Number(params.get("m") ?? message?.match(/^m(\d+)-/)?.[1] ?? fallback);
  if (!months.includes(month)) month = fallback;
  const known = run.steps.some((step) => step.month === month && step.message === message);
  // The talk of a long run is read in parts: what is not there yet may still come.
  if (!known && (run.knowsTalk(month) || !message?.startsWith(`m${month}-u`))) message = null;
  const wanted = params.get("agent")?.toLowerCase();
  const framework = wanted === FRAMEWORK;
  const agent = wanted && !framework ? run.names.findIndex((name) => name.toLowerCase() === wanted) : -1;
  const tab = params.get("tab");
  return {
    month,
    message,
    agent: agent < 0 ? null : agent,
    tab: TABS.includes(tab) ? tab : "decision",
    q: (params.get("q") ?? "").slice(0, LONGEST),
    framework,
    call: params.get("call") || null,
    memory: /^\d{1,7}$/.test(params.get("memory") ?? "") ? Number(params.get("memory")) : null,
  };
}

/** Write *place* as an address of this page. */
export function write(run, place, view) {
  const params = new URLSearchParams();
  if (place.month) params.set("m", place.month);
  if (place.message) params.set("msg", place.message);
  if (place.framework) params.set("agent", FRAMEWORK);
  else if (place.agent !== null) params.set("agent", run.names[place.agent].toLowerCase());
  if (place.tab !== "decision") params.set("tab", place.tab);
  if (place.call) params.set("call", place.call);
  if (place.memory !== null) params.set("memory", place.memory);
  if (view && view !== "stage") params.set("view", view);
  if (place.q) params.set("q", place.q);
  const query = params.toString();
  return query ? `${run.page}?${query}` : run.page;
}
