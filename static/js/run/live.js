// The live client: server-sent events, and polling where they do not get through.

import { bind, one } from "../dom.js";

const POLL_MS = 5000;
const FAILURES = 3;

export class Live {
  /** handlers: events([...]) for stored events, status({...}) for how the run is doing. */
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
      this.chip("Live", "live");
    };
    this.source.onmessage = (message) => this.take({ seq: Number(message.lastEventId), ...JSON.parse(message.data) });
    this.source.addEventListener("status", (message) => this.status(JSON.parse(message.data)));
    this.source.onerror = () => {
      if (this.over) return this.close();
      this.failures += 1;
      this.chip("Reconnecting", "warn");
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
    this.handlers.status(status);
    if (this.over) this.close();
  }

  async poll() {
    this.source.close();
    this.chip("Offline", "bad");
    try {
      const answer = await fetch(`${this.run.api}/events?after=${this.run.last}`, { headers: { Accept: "application/json" } });
      if (answer.status === 404 || answer.status === 410) {
        this.chip("Ended", "cancelled");
        return;
      }
      if (!answer.ok) throw new Error(answer.status);
      const { events, state } = await answer.json();
      if (events.length) this.handlers.events(events);
      this.chip("Polling", "warn");
      this.status({ state });
      if (this.over) return;
    } catch {
      this.chip("Offline", "bad");
    }
    setTimeout(() => this.poll(), POLL_MS);
  }

  close() {
    this.source.close();
    const chip = one('[data-bind="connection"]');
    if (chip) chip.hidden = true;
  }

  chip(text, kind) {
    const chip = one('[data-bind="connection"]');
    if (!chip) return;
    chip.hidden = false;
    chip.className = `badge badge--${kind} js-only`;
    chip.title = `Last update ${new Date().toLocaleTimeString()}`;
    bind("connection", text);
  }
}
