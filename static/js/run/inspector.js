// What one agent was asked, remembered and answered: calls and memories are read when they are looked at.

import { all, bind, h, one } from "../dom.js";
import { choice, choose } from "./inspector/choice.js";
import { completion } from "./inspector/completion.js";
import { decision } from "./inspector/decision.js";
import { memories, recalledBy, RECALLING, reflection } from "./inspector/memories.js";
import { none } from "./inspector/parts.js";
import { prompt } from "./inspector/prompt.js";
import { reading } from "./inspector/reading.js";
import { Record } from "./inspector/record.js";
import { usage } from "./inspector/usage.js";

export class Inspector {
  /** chose(key) is called with the call that the reader chose. */
  constructor(run, chose) {
    this.run = run;
    this.record = new Record(run);
    this.chose = chose;
    this.turn = 0;
    this.wish = null;
    this.arriving = false;
  }

  /** Show the inspector for *place*. A *wish* set by `open` chooses the call; `arriving` brings the focus there. */
  async show(place) {
    const panel = one("#inspector");
    const somebody = place.agent !== null || place.framework;
    panel.toggleAttribute("data-empty", !somebody);
    for (const button of all(".inspector__who [data-agent]")) {
      current(button, Number(button.dataset.agent) === place.agent && !place.framework);
    }
    for (const tab of all("[data-tab]")) current(tab, tab.dataset.tab === place.tab);
    const name = place.framework ? "Reading of the talk" : this.run.names[place.agent];
    bind("inspector-title", somebody ? `${name}, month ${place.month}` : "Inspector");
    const turn = (this.turn += 1);
    const body = one("[data-inspector]");
    if (!somebody) {
      body.replaceChildren(none("Choose an agent to see what it was asked, what it remembered and what it answered."));
      return;
    }
    const waiting = setTimeout(() => turn === this.turn && body.replaceChildren(h("p.skeleton", {}, "Loading")), 200);
    let content;
    try {
      content = await this.content(place, name);
    } catch (error) {
      content = [
        h("p", {}, `This could not be loaded: ${error.message}.`),
        h("button.button.button--small", { type: "button", onclick: () => this.show(place) }, "Try again"),
      ];
    }
    clearTimeout(waiting);
    if (turn !== this.turn) return;
    const top = this.shown === `${place.tab}/${name}` ? body.scrollTop : 0;
    this.shown = `${place.tab}/${name}`;
    body.replaceChildren(...content);
    body.scrollTop = top;
    this.arrive(place, body);
  }

  /** Bring what the address names into view, and the focus with it. */
  arrive(place, body) {
    const memory = place.memory === null ? null : document.getElementById(`n${place.memory}`);
    const named = memory ? `memory ${place.memory}` : (place.call ?? "");
    if (memory && (this.arriving || this.named !== named)) {
      memory.scrollIntoView({ block: "center", behavior: "instant" });
      memory.focus({ preventScroll: true });
    } else if (this.arriving && place.call) body.focus({ preventScroll: true });
    this.named = named;
    this.arriving = false;
  }

  async content(place, name) {
    const { run, record } = this;
    const month = run.month(place.month);
    const agent = month?.agents.find((candidate) => candidate.name === name) ?? null;
    if (!place.framework && !agent) return [none(`${name} was not there in this month.`)];
    if (place.tab === "memories" || place.tab === "reflection") {
      return place.framework ? [none("The framework remembers nothing.")] : this.remembered(place, name);
    }
    const calls = run.prompts ? await record.calls(place.month) : [];
    const own = calls.filter((call) => call.agent === (place.framework ? "framework" : name));
    if (run.dropped && !own.length && place.tab !== "decision") return [none(run.dropped)];
    const chosen = choose(own, place, this.wish);
    if (place.tab === "decision") {
      const decided = own.findLast((call) => (place.framework ? call.purpose === "limit" : call.phase === "harvest" && call.purpose !== "embedding"));
      const call = decided ? await record.call(decided.key) : null;
      return place.framework ? (month ? reading(run, month, await record.corrections(), call) : []) : decision(run, month, agent, call);
    }
    if (!chosen) return [none(own.length ? "No such call in this month." : "No model was called: there is nothing to show.")];
    const detail = await record.call(chosen.key);
    if (place.tab === "usage") return usage(own, detail);
    const above = choice(own, chosen, this.chose);
    if (place.tab === "prompt" && run.dropped) return [above, none(run.dropped)];
    return [above, ...(place.tab === "prompt" ? prompt(detail, record) : completion(detail))];
  }

  async remembered(place, name) {
    const { run, record } = this;
    const own = await record.memories(name);
    const entries = own.filter((event) => event.month <= place.month).toReversed();
    if (!entries.length) return [none(run.imported && !own.length ? `The log holds no memories of ${name}.` : "No memories yet.")];
    if (place.tab === "reflection") return reflection(run, place, entries);
    const calls = run.prompts ? await record.calls(place.month) : [];
    const recalling = calls.filter((call) => call.agent === name && RECALLING.has(call.purpose));
    const chosen = choose(recalling, place, this.wish);
    const used = recalledBy(chosen ? await record.call(chosen.key) : null);
    return [chosen ? choice(recalling, chosen, this.chose) : null, ...memories(run, place, entries, used)].filter(Boolean);
  }
}

function current(element, is) {
  if (is) element.setAttribute("aria-current", "true");
  else element.removeAttribute("aria-current");
}
