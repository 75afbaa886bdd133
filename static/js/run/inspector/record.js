// What the inspector reads of a run when somebody looks at it: calls, memories, differences, corrections. Read once.

const STALE_MS = 2000;

export class Record {
  constructor(run) {
    this.run = run;
    this.lists = new Map();
    this.kept = new Map();
    this.remembered = new Map();
  }

  /** The calls of a month, without their texts. */
  async calls(month) {
    // A month that is being played gets new calls: its list is read again, but not with every event.
    const growing = this.run.live && month === this.run.told.months.at(-1)?.month;
    const known = this.lists.get(month);
    if (known && Date.now() - known.at < (growing ? STALE_MS : known.whole ? Infinity : 0)) return known.calls;
    const answer = await get(`${this.run.api}/calls?month=${month}`);
    this.lists.set(month, { calls: answer.calls, at: Date.now(), whole: !growing });
    return answer.calls;
  }

  /** One call with its prompt, its completion and how that was read. */
  call(key) {
    return this.once(`calls/${path(key)}`);
  }

  /** What a call's prompt says otherwise than a month before. */
  changes(key) {
    return this.once(`changes/${path(key)}`);
  }

  /** What people say of the agreed limits. */
  corrections() {
    return this.once("corrections");
  }

  async once(address) {
    if (!this.kept.has(address)) this.kept.set(address, await get(`${this.run.api}/${address}`));
    return this.kept.get(address);
  }

  /** All memories of the agent called *name*; those that come later arrive with the live events. */
  async memories(name) {
    const own = (event) => event.kind === "remembered" && event.agent === name;
    if (!this.remembered.has(name)) {
      const found = [];
      for (let after = 0; after !== null; ) {
        const answer = await get(`${this.run.api}/events?kind=remembered&agent=${encodeURIComponent(name)}&after=${after}`);
        found.push(...answer.events.filter(own));
        after = answer.next !== null && answer.next > after ? answer.next : null;
      }
      this.remembered.set(name, found);
    }
    const found = this.remembered.get(name);
    const known = new Set(found.map((event) => event.seq));
    found.push(...this.run.events.filter((event) => own(event) && !known.has(event.seq)));
    return found;
  }
}

const path = (key) => key.split("/").map(encodeURIComponent).join("/");

/** Read JSON, or fail with what the server says is wrong. */
export async function get(url, options = {}) {
  const answer = await fetch(url, { headers: { Accept: "application/json" }, ...options });
  if (answer.ok) return answer.json();
  let text = `the server answered ${answer.status}`;
  try {
    text = (await answer.json()).error?.message ?? text;
  } catch {
    // Not JSON: the number has to do.
  }
  throw new Error(text);
}
