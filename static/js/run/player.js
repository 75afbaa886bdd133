// Playback: holds each step as long as it takes to read, and never starts by itself.

import { one } from "../dom.js";

const HARVEST_MS = 2000;

export class Player {
  /** host: step() -> the current step, words(step) -> how many words it holds, forward() -> false at the end. */
  constructor(host) {
    this.host = host;
    this.timer = null;
  }

  get playing() {
    return this.timer !== null;
  }

  toggle() {
    if (this.playing) this.stop();
    else this.start();
  }

  start() {
    if (this.host.atEnd()) this.host.first();
    this.timer = setTimeout(() => {}, 0);
    this.hold();
    this.show();
    this.host.changed();
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = null;
    this.show();
    this.host.changed();
  }

  hold() {
    const step = this.host.step();
    const speed = Number(one("[data-speed]").value) || 1;
    const reading = step?.message ? Math.min(6000, Math.max(1000, 250 * this.host.words(step))) : HARVEST_MS;
    this.timer = setTimeout(() => {
      const before = this.host.step();
      const moved = this.host.forward();
      const stopHere = moved && one("[data-stop]").checked && this.host.step().month !== before.month;
      if (!moved || stopHere) this.stop();
      else this.hold();
    }, reading / speed);
  }

  show() {
    const button = one('[data-do="play"]');
    button.setAttribute("aria-pressed", String(this.playing));
    button.setAttribute("aria-label", this.playing ? "Pause" : "Play");
    const use = one("use", button);
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, this.playing ? "#pause" : "#play"));
  }
}
