// A run as it goes on: server-sent events, and polling where they do not get through. It works in a page and in a
// worker alike, and tells what happens in messages: {kind: "events" | "status" | "chip" | "gone", ...}.

const POLL_MS = 5000;
const AGAIN_MS = 1000;
const FAILURES = 3;
const GATHER_MS = 16;
const WAITING = ["queued", "playing", "paused"];

export class Feed {
  /** api: where the run's data lies; after: the number of the last event that is known; tell: takes messages. */
  constructor(api, after, tell) {
    this.api = api;
    this.last = after;
    this.tell = tell;
    this.failures = 0;
    this.queue = [];
    this.open();
  }

  open() {
    this.asleep = false;
    this.chip("Connecting", "queued");
    const source = new EventSource(`${this.api}/stream?after=${this.last}`);
    this.source = source;
    source.onopen = () => {
      this.failures = 0;
      this.streamed = true;
      this.chip("Live", "live");
    };
    source.onmessage = (message) => this.take({ seq: Number(message.lastEventId), ...JSON.parse(message.data) });
    source.addEventListener("status", (message) => this.status(JSON.parse(message.data)));
    source.onerror = () => this.failed();
  }

  failed() {
    if (this.over) return this.close();
    this.failures += 1;
    this.chip("Reconnecting", "warn");
    // A stream that ends before the run is over may be that of a link that was revoked: ask once.
    if (this.failures === 1) this.ask();
    if (this.failures >= FAILURES) this.poll();
    else if (this.source.readyState === EventSource.CLOSED) this.again = setTimeout(() => this.open(), AGAIN_MS);
  }

  /** Gather what arrives together: however fast events come, they are told some sixty times a second. */
  take(event) {
    this.last = Math.max(this.last, event.seq);
    this.queue.push(event);
    if (this.queue.length === 1) setTimeout(() => this.flush(), GATHER_MS);
  }

  flush() {
    const events = this.queue;
    this.queue = [];
    if (events.length) this.tell({ kind: "events", events });
  }

  status(status) {
    this.flush();
    this.over = status.over ?? !WAITING.includes(status.state);
    this.known = { kind: "status", status: { ...status, over: this.over } };
    this.tell(this.known);
    if (this.over) this.close();
    else if (this.source.readyState === EventSource.OPEN) this.chip("Live", "live");
  }

  fetch() {
    return fetch(`${this.api}/events?after=${this.last}`, { headers: { Accept: "application/json" } });
  }

  async ask() {
    try {
      await this.gone(await this.fetch());
    } catch {
      // Not reachable: the stream goes on trying.
    }
  }

  /** Whether *answer* says that there is nothing to follow any more; then it is told why. */
  async gone(answer) {
    if (answer.status !== 404 && answer.status !== 410) return false;
    if (this.over) return true;
    this.over = true;
    let text = "This run is no longer here.";
    try {
      text = (await answer.json()).error?.message ?? text;
    } catch {
      // Not JSON: the plain sentence has to do.
    }
    this.close();
    this.known = { kind: "gone", text };
    this.tell(this.known);
    return true;
  }

  async poll() {
    this.source.close();
    if (this.over || this.polling) return;
    this.polling = true;
    this.chip("Offline", "bad");
    try {
      const answer = await this.fetch();
      if (await this.gone(answer)) return;
      if (!answer.ok) throw new Error(answer.status);
      const { events, next, state } = await answer.json();
      for (const event of events) this.take(event);
      if (this.streamed) {
        // The server was away and is back: the stream got through before, so it will again.
        this.polling = false;
        this.failures = 0;
        this.open();
        return;
      }
      this.chip("Live, every 5 s", "warn");
      if (next === null) this.status({ state });
      if (this.over) return;
    } catch {
      this.chip("Offline", "bad");
    }
    this.again = setTimeout(() => {
      this.polling = false;
      this.poll();
    }, POLL_MS);
  }

  /** Let go of the connection while nobody looks; a browser has few of them for all its tabs. */
  sleep() {
    if (this.over || this.asleep) return;
    this.asleep = true;
    this.polling = false;
    clearTimeout(this.again);
    this.source.close();
  }

  wake() {
    if (this.asleep && !this.over) this.open();
  }

  close() {
    clearTimeout(this.again);
    this.source.close();
    this.chip("", "");
  }

  chip(text, level) {
    this.said = { kind: "chip", text, level, at: level === "live" ? Date.now() : (this.said?.at ?? Date.now()) };
    this.tell(this.said);
  }
}
