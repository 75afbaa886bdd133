// The live client: server-sent events, and polling where they do not get through.

import { bind, one } from "../dom.js";

const POLL_MS = 5000;
const FAILURES = 3;

export class Live {
  /** handlers: events([...]) for stored events, status({...}) for how the run is doing, gone(text) for an ended link. */
  constructor(run, handlers) {
    this.run = run;
    this.handlers = handlers;
    this.failures = 0;
    this.queue = [];
    this.open();
  }

  open() {
    this.chip("Connecting", "queued");
    this.source = new EventSource(`${this.run.api}/stream?after=${this.run.last}`);
    this.source.onopen = () => {
      this.failures = 0;
      this.streamed = true;
      this.chip("Live", "live");
    };
    this.source.onmessage = (message) => this.take({ seq: Number(message.lastEventId), ...JSON.parse(message.data) });
    this.source.addEventListener("status", (message) => this.status(JSON.parse(message.data)));
    this.source.onerror = () => {
      if (this.over) return this.close();
      this.failures += 1;
      this.chip("Reconnecting", "warn");
      // A stream that ends before the run is over may be that of a link that was revoked: ask once.
      if (this.failures === 1) this.ask();
      if (this.failures >= FAILURES || this.source.readyState === EventSource.CLOSED) this.poll();
    };
  }

  /** Gather what arrives together: one drawing per frame, however fast events come. */
  take(event) {
    this.queue.push(event);
    if (this.queue.length > 1) return;
    const flush = () => {
      const events = this.queue;
      this.queue = [];
      if (events.length) this.handlers.events(events);
    };
    if (document.hidden) setTimeout(flush, 200);
    else requestAnimationFrame(flush);
  }

  status(status) {
    this.over = status.over ?? !["queued", "playing", "paused"].includes(status.state);
    this.paused = status.state === "paused";
    this.handlers.status(status);
    if (this.over) this.close();
    else if (this.source.readyState === EventSource.OPEN) this.chip("Live", "live");
  }

  fetch() {
    return fetch(`${this.run.api}/events?after=${this.run.last}`, { headers: { Accept: "application/json" } });
  }

  async ask() {
    try {
      await this.gone(await this.fetch());
    } catch {
      // Not reachable: the stream goes on trying.
    }
  }

  /** Whether *answer* says that there is nothing to follow any more; then the page is told why. */
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
    this.handlers.gone(text);
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
      const { events, state } = await answer.json();
      if (events.length) this.handlers.events(events);
      this.chip("Polling", "warn");
      if (this.streamed) {
        // The server was away and is back: the stream got through before, so it will again.
        this.polling = false;
        this.failures = 0;
        this.open();
        return;
      }
      this.status({ state });
      if (this.over) return;
    } catch {
      this.chip("Offline", "bad");
    }
    setTimeout(() => {
      this.polling = false;
      this.poll();
    }, POLL_MS);
  }

  close() {
    this.source.close();
    const chip = one('[data-bind="connection"]');
    if (chip) chip.hidden = true;
  }

  chip(text, kind) {
    const chip = one('[data-bind="connection"]');
    if (!chip) return;
    // A paused run waits: nothing is live.
    chip.hidden = this.paused === true;
    chip.className = `badge badge--${kind} js-only`;
    chip.title = `Last update ${new Date().toLocaleTimeString()}`;
    bind("connection", text);
  }
}
