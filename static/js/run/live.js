// The page's end of the live feed: shared between tabs where the browser can, its own where it cannot.

import { Feed } from "./feed.js";

const AGAIN_MS = 1000;

export class Live {
  /** handlers: events([...]) for stored events, status({...}) for how the run is doing, gone(text), chip({...}). */
  constructor(run, handlers) {
    this.run = run;
    this.handlers = handlers;
    this.queue = [];
    this.fresh = [];
    this.upTo = run.last;
    if ("SharedWorker" in window) this.share();
    else this.own = new Feed(run.api, run.last, (message) => this.take(message));
    document.addEventListener("visibilitychange", () => this.look(!document.hidden));
    window.addEventListener("pagehide", () => this.look("gone"));
    window.addEventListener("pageshow", ({ persisted }) => persisted && this.look(true));
  }

  share() {
    const worker = new SharedWorker(new URL("./feed-worker.js", import.meta.url), { type: "module" });
    this.port = worker.port;
    this.port.onmessage = ({ data }) => this.take(data);
    worker.onerror = () => {
      // It could not start: then this page connects by itself.
      if (this.heard || this.own) return;
      this.own = new Feed(this.run.api, this.run.last, (message) => this.take(message));
    };
    this.port.postMessage({ join: this.run.api, after: this.run.last });
  }

  look(looks) {
    if (this.port && !this.own) this.port.postMessage({ look: looks });
    else if (looks === true) this.own.wake();
    else this.own.sleep();
  }

  take(message) {
    this.heard = true;
    if (message.kind === "chip") return this.handlers.chip(message);
    this.queue.push(message);
    this.settle();
  }

  /** Take messages in turn. A hole before one is filled first: whoever joins a shared feed comes in the middle. */
  async settle() {
    if (this.settling) return;
    this.settling = true;
    while (this.queue.length) {
      const message = this.queue[0];
      const before = message.kind === "events" ? message.events[0].seq - 1 : (message.status?.events ?? 0);
      if (before > this.upTo) await this.fill(before);
      this.queue.shift();
      this.handle(message);
    }
    this.settling = false;
  }

  /** Read the events up to number *last*, however often that must be tried. */
  async fill(last) {
    while (this.upTo < last && !this.ended) {
      try {
        const answer = await fetch(`${this.run.api}/events?after=${this.upTo}`, { headers: { Accept: "application/json" } });
        if (answer.status === 404 || answer.status === 410) return;
        if (!answer.ok) throw new Error(answer.status);
        const { events } = await answer.json();
        if (!events.length) return;
        this.gather(events);
      } catch {
        await new Promise((done) => setTimeout(done, AGAIN_MS));
      }
    }
  }

  handle(message) {
    if (message.kind === "events") this.gather(message.events);
    else if (message.kind === "status") {
      this.flush();
      this.over = message.status.over;
      this.handlers.status(message.status);
    } else {
      this.ended = true;
      this.handlers.gone(message.text);
    }
  }

  /** One drawing a frame, however fast events come. */
  gather(events) {
    this.upTo = Math.max(this.upTo, events.at(-1).seq);
    this.fresh.push(...events);
    if (this.fresh.length > events.length) return;
    if (document.hidden) setTimeout(() => this.flush(), 200);
    else requestAnimationFrame(() => this.flush());
  }

  flush() {
    const events = this.fresh;
    this.fresh = [];
    if (events.length) this.handlers.events(events);
  }
}
