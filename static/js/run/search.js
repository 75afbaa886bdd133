// The search in everything the run holds: asked of the server, listed by kind, gone through with next and previous.

import { h, number, one } from "../dom.js";
import { get } from "./inspector/record.js";

const WAIT_MS = 200;
const LABELS = {
  message: "Messages",
  summary: "Summaries of talks",
  reasoning: "Answers that decided harvests",
  completion: "Other answers of models",
  thinking: "Thinking",
  memory: "Memories",
  insight: "Insights",
  prompt: "Prompts",
};

export class Search {
  /** host: go(hit) opens a hit's place; changed(text) is called with what is looked for. */
  constructor(run, host) {
    this.run = run;
    this.host = host;
    this.field = one("[data-search]");
    this.list = one("[data-hits]");
    this.hits = [];
    this.at = -1;
    this.turn = 0;
    this.field.addEventListener("input", () => this.typed());
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.step(event.shiftKey ? -1 : 1);
    });
  }

  typed() {
    const text = this.field.value.trim();
    this.host.changed(text);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(text), WAIT_MS);
  }

  /** Look for *text*, as the address asks for it. */
  begin(text) {
    this.field.value = text;
    return this.look(text);
  }

  clear() {
    clearTimeout(this.timer);
    this.field.value = "";
    this.look("");
  }

  async look(text) {
    const turn = (this.turn += 1);
    Object.assign(this, { hits: [], at: -1 });
    this.list.hidden = !text;
    if (!text) return;
    let found;
    try {
      found = await get(`${this.run.api}/search?q=${encodeURIComponent(text)}`);
    } catch (error) {
      if (turn === this.turn) this.list.replaceChildren(h("p.small", {}, `The search failed: ${error.message}.`));
      return;
    }
    if (turn !== this.turn) return;
    this.hits = found.hits;
    this.draw(found);
  }

  draw(found) {
    if (!found.total) {
      this.list.replaceChildren(h("p.small.muted", { role: "status" }, "Nothing in this run holds that."));
      return;
    }
    this.place = h("span", { role: "status" }, `${number(found.total)} found`);
    const step = (by, text) => h("button.button.button--small", { type: "button", onclick: () => this.step(by) }, text);
    const groups = Object.entries(found.counts).flatMap(([kind, count]) => {
      const own = this.hits.filter((hit) => hit.kind === kind);
      const more = count > own.length ? ` of ${number(count)}, the first` : "";
      return [h("h3", {}, `${LABELS[kind]} `, h("span.muted", {}, `${number(own.length)}${more}`)), h("ul", {}, ...own.map((hit) => this.row(hit)))];
    });
    this.list.replaceChildren(h("p.hits__head.small.muted", {}, this.place, step(-1, "Previous"), step(1, "Next")), ...groups);
  }

  row(hit) {
    const { month, who, before, match, after, calls } = hit;
    const sent = hit.kind === "prompt" && calls > 1 ? h("span.muted", {}, ` in ${number(calls)} calls`) : null;
    const label = h("b", {}, `${month} ${who ?? "the talk"}: `);
    const button = h("button", { type: "button", onclick: () => this.open(this.hits.indexOf(hit)) }, label, h("span", { dir: "auto" }, before, h("mark", {}, match), after), sent);
    hit.button = button;
    return h("li", {}, button);
  }

  step(by) {
    if (!this.hits.length) return;
    this.open((this.at + by + this.hits.length + (this.at < 0 && by < 0 ? 1 : 0)) % this.hits.length);
  }

  open(index) {
    this.hits[this.at]?.button.removeAttribute("aria-current");
    this.at = index;
    const hit = this.hits[index];
    hit.button.setAttribute("aria-current", "true");
    hit.button.scrollIntoView({ block: "nearest", behavior: "instant" });
    this.place.textContent = `${index + 1} of ${number(this.hits.length)}`;
    this.host.go(hit);
  }
}
