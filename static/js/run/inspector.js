// What one agent was asked, remembered and answered: calls and memories are read when they are looked at.

import { all, bind, h, number, one } from "../dom.js";
import { askedWord, markText, shareNote } from "./words.js";

const STALE_MS = 2000;
const KINDS = [
  ["system", "instructions"],
  ["rules", "rules"],
  ["situation", "situation"],
  ["memory", "memories"],
  ["talk", "talk"],
  ["task", "task"],
  ["reminder", "reminder"],
];

export class Inspector {
  constructor(run) {
    this.run = run;
    this.lists = new Map();
    this.details = new Map();
    this.turn = 0;
    this.memories = null;
    this.wish = null;
  }

  /** Show the inspector for *place*. A *wish* set by `open` chooses the call. */
  async show(place) {
    const panel = one("#inspector");
    const somebody = place.agent !== null || place.framework;
    panel.toggleAttribute("data-empty", !somebody);
    for (const button of all(".inspector__who [data-agent]")) {
      if (Number(button.dataset.agent) === place.agent && !place.framework) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    for (const tab of all("[data-tab]")) {
      if (tab.dataset.tab === place.tab) tab.setAttribute("aria-current", "true");
      else tab.removeAttribute("aria-current");
    }
    const name = place.framework ? "Reading of the talk" : this.run.names[place.agent];
    bind("inspector-title", somebody ? `${name}, month ${place.month}` : "Inspector");
    const turn = (this.turn += 1);
    const body = one("[data-inspector]");
    if (!somebody) {
      body.replaceChildren(h("p.muted", {}, "Choose an agent to see what it was asked, what it remembered and what it answered."));
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
  }

  async content(place, name) {
    const month = this.run.month(place.month);
    const agent = month?.agents.find((candidate) => candidate.name === name) ?? null;
    if (!place.framework && !agent) return [h("p.muted", {}, `${name} was not there in this month.`)];
    if (place.tab === "memories") return place.framework ? [none("The framework remembers nothing.")] : this.remembered(place, name);
    const calls = this.run.prompts ? await this.calls(place.month) : [];
    const own = calls.filter((call) => (place.framework ? call.agent === "framework" : call.agent === name));
    if (this.run.dropped && !own.length && place.tab !== "decision") return [none(this.run.dropped)];
    if (place.tab === "usage") return usage(own, this.run.imported);
    const chosen = this.choose(own, place);
    if (place.tab === "decision" && !place.framework) {
      const harvest = own.filter((call) => call.phase === "harvest").at(-1);
      return this.decision(month, agent, harvest ? await this.detail(harvest.key) : null);
    }
    if (!chosen) return [none(own.length ? "No such call in this month." : "No model was called: there is nothing to show.")];
    const detail = await this.detail(chosen.key);
    const choice = this.choice(own, chosen, place);
    if (place.tab === "prompt" && this.run.dropped) return [choice, none(this.run.dropped)];
    return [choice, ...(place.tab === "prompt" || place.framework && place.tab === "decision" ? prompt(detail) : completion(detail, null))];
  }

  /** The call to show: the one asked for, else the one that belongs to the message, else the harvest decision. */
  choose(own, place) {
    const wish = this.wish;
    if (wish?.key) {
      const exact = own.find((call) => call.key === wish.key && call.month === place.month);
      if (exact) return exact;
    }
    if (wish?.phase) {
      const fits = own.filter(
        (call) =>
          call.phase === wish.phase &&
          (wish.item === undefined || String(call.item) === String(wish.item)) &&
          (wish.purpose === undefined || call.purpose.includes(wish.purpose)),
      );
      if (fits.length) return fits.at(-1);
    }
    return own.find((call) => call.purpose === "harvest") ?? own[0] ?? null;
  }

  choice(own, chosen, place) {
    const options = own.map((call) => {
      const again = call.attempt > 1 ? `, asked again (${call.attempt})` : "";
      const item = call.item === "" ? "" : ` ${call.item}`;
      const [phase, purpose] = [call.phase, call.purpose].map((word) => word.replaceAll("_", " "));
      const label = `${phase === purpose ? "" : `${phase}: `}${purpose}${item}${again}`;
      return h("option", { value: call.key, selected: call.key === chosen.key }, label[0].toUpperCase() + label.slice(1));
    });
    const change = (event) => {
      this.wish = { key: event.target.value };
      this.show(place);
    };
    return h(
      "label.call-choice",
      {},
      h("span.small.muted", {}, `Call, ${own.length} this month`),
      h("select.select", { onchange: change }, ...options),
    );
  }

  decision(month, agent, call) {
    const unit = this.run.unit;
    const fact = (label, value) => h("div", {}, h("dt", {}, label), h("dd", {}, value));
    const amount = (value) => (value === null ? "–" : `${value} ${unit}`);
    const parts = [
      h("p.small", {}, `Mind: ${this.run.minds[this.run.index(agent.name)] ?? "unknown"}`),
      h(
        "dl.facts",
        {},
        fact("Asked for", agent.asked === null ? askedWord(agent) : `${agent.asked} ${unit}${agent.readable ? "" : " ?"}`),
        fact("Wanted", amount(agent.wanted)),
        fact("Got", amount(agent.collected)),
        fact("Agreed limit", agent.limit === null ? "none" : `${agent.limit} ${unit}`),
        fact("Gain so far", `${agent.gain} ${unit}`),
      ),
      h(`p.verdict.verdict--${agent.mark}`, {}, `${markText(agent, month.month, this.run)}.`),
      h("p.small.muted", {}, shareNote(month, this.run)),
    ];
    if (!agent.readable) {
      const tries = agent.attempts === 1 ? "once" : `${agent.attempts} times`;
      const text =
        agent.asked === null
          ? `The answer could not be read; it was asked for ${tries} and counts as 0.`
          : `Our reader finds no clear number in this answer. The log recorded ${agent.asked}, which is what was played.`;
      parts.push(h("p.notice.notice--warn", {}, text));
    }
    if (call) parts.push(h("h3", {}, "The answer"), ...completion(call, agent.readable ? agent.asked : null));
    else if (this.run.prompts) parts.push(none(this.run.dropped ?? "No model was called for this decision."));
    return parts;
  }

  async remembered(place, name) {
    const entries = (await this.allMemories()).filter((event) => event.agent === name && event.month <= place.month);
    if (!entries.length) {
      const ever = (await this.allMemories()).some((event) => event.agent === name);
      return [none(this.run.imported && !ever ? `The log holds no memories of ${name}.` : "No memories yet.")];
    }
    let used = new Map();
    let choice = null;
    if (this.run.prompts) {
      const calls = await this.calls(place.month);
      const own = calls.filter((call) => call.agent === name && RECALLING.has(call.purpose));
      const chosen = this.choose(own, place);
      const detail = chosen ? await this.detail(chosen.key) : null;
      const segments = detail ? detail.messages.flatMap((message) => message.segments) : [];
      const quoting = segments.filter(({ memory }) => memory !== null && memory !== undefined);
      used = new Map(quoting.map(({ memory, retrieval }) => [memory, retrieval]));
      choice = chosen ? this.choice(own, chosen, place) : null;
    }
    const rows = entries.toReversed().map(({ memory, month }) =>
      h(
        "li.memory",
        { id: `m${month}-a${place.agent + 1}-n${memory.id}` },
        h(
          "p.memory__head.small.muted",
          {},
          h("span", {}, `month ${month}`),
          h("span", {}, memory.purpose),
          h("span", {}, `importance ${memory.importance}${memory.rated ? "" : " (unrated)"}`),
          used.has(memory.id) ? h("span.badge.badge--ok", {}, used.get(memory.id)?.always ? "always in the prompt" : "in the prompt") : null,
        ),
        used.get(memory.id)?.recency != null ? h("p.small.muted", {}, scores(used.get(memory.id))) : null,
        h("p", {}, memory.text),
        memory.sources?.length ? h("p.small.muted", {}, `rests on ${others(memory.sources.length)}`) : null,
      ),
    );
    const count = entries.length === 1 ? "1 memory" : `${entries.length} memories`;
    const lead = h("p.small.muted", {}, `${count} up to month ${place.month}, newest first.`, recalled([...used.values()]));
    return [choice, lead, h("ul.memories", {}, ...rows)].filter(Boolean);
  }

  async calls(month) {
    // A month that is being played gets new calls: its list is read again, but not with every event.
    const growing = this.run.live && month === this.run.told.months.at(-1)?.month;
    const known = this.lists.get(month);
    if (known && Date.now() - known.at < (growing ? STALE_MS : known.whole ? Infinity : 0)) return known.calls;
    const answer = await get(`${this.run.api}/calls?month=${month}`);
    this.lists.set(month, { calls: answer.calls, at: Date.now(), whole: !growing });
    return answer.calls;
  }

  async detail(key) {
    if (!this.details.has(key)) {
      const path = key.split("/").map(encodeURIComponent).join("/");
      this.details.set(key, await get(`${this.run.api}/calls/${path}`));
    }
    return this.details.get(key);
  }

  /** Read all memories once; those that come later arrive with the live events. */
  async allMemories() {
    if (!this.memories) {
      const found = [];
      for (let after = 0; after !== null; ) {
        const answer = await get(`${this.run.api}/events?kind=remembered&after=${after}`);
        found.push(...answer.events.filter((event) => event.kind === "remembered"));
        after = answer.next !== null && answer.next > after ? answer.next : null;
      }
      this.memories = found;
    }
    const known = new Set(this.memories.map((event) => event.seq));
    this.memories.push(...this.run.events.filter((event) => event.kind === "remembered" && !known.has(event.seq)));
    return this.memories;
  }
}

async function get(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  if (answer.ok) return answer.json();
  let text = `the server answered ${answer.status}`;
  try {
    text = (await answer.json()).error?.message ?? text;
  } catch {
    // Not JSON: the number has to do.
  }
  throw new Error(text);
}

/** Which calls have memories in their prompt. */
const RECALLING = new Set(["harvest", "utterance", "insight"]);

const scores = ({ recency, importance, relevance }) =>
  `recency ${recency.toFixed(2)}, importance ${importance.toFixed(2)}, relevance ${relevance.toFixed(2)}`;

/** How many memories came to mind for a call, and how. Older records do not say. */
function recalled(found) {
  if (!found.length || found.some((retrieval) => !retrieval)) return "";
  const always = found.filter((retrieval) => retrieval.always).length;
  const slots = always === 1 ? "1 slot went" : `${always} slots went`;
  const chosen = found.length - always;
  return ` For this call ${found.length} came to mind: ${slots} to what is always included, ${chosen} were chosen by score.`;
}

const others = (count) => (count === 1 ? "1 other memory" : `${count} other memories`);
const none = (text) => h("p.muted", {}, text);

function prompt(call) {
  if (call.purpose === "embedding") {
    const texts = call.messages.flatMap((message) => message.segments);
    return [none("Sent to be turned into vectors, one for each text:"), ...texts.map(({ text }) => h("pre.prompt", {}, text))];
  }
  const kinds = new Set(call.messages.flatMap((message) => message.segments.map((segment) => segment.kind)));
  const legend = KINDS.filter(([kind]) => kinds.has(kind)).map(([kind, label]) => h(`span.seg.seg--${kind}`, {}, label));
  const messages = call.messages.flatMap((message) => [
    h("h3.small.muted", {}, message.role),
    h(
      "pre.prompt",
      {},
      ...message.segments.map((segment) =>
        h(`span.seg.seg--${segment.kind}`, { title: segment.memory ? `memory ${segment.memory}` : segment.kind }, segment.text),
      ),
    ),
  ]);
  return [legend.length > 1 ? h("p.legend", {}, ...legend) : null, ...messages].filter(Boolean);
}

/** The completion; *answer* is highlighted where it stands last, which is where it was read. */
function completion(call, answer) {
  const answered = call.completion ?? call.answer;
  if (answered && call.purpose === "embedding") {
    const vectors = answered.text.split("\n");
    const length = atob(vectors[0]).length;
    const count = vectors.length === 1 ? "1 vector" : `${vectors.length} vectors`;
    return [none(`${count} of ${number(length)} numbers, one for each text.`)];
  }
  if (!answered) return [none("No completion of this prompt was recorded.")];
  const parts = [];
  if (answered.thinking) {
    parts.push(h("details.disclosure", {}, h("summary", {}, "Thinking"), h("pre.prompt", {}, answered.thinking)));
  }
  const text = answered.text;
  const at = answer === null ? -1 : text.lastIndexOf(String(answer));
  const length = String(answer).length;
  const pieces =
    at < 0 ? [text || "(empty)"] : [text.slice(0, at), h("mark", {}, text.slice(at, at + length)), text.slice(at + length)];
  parts.push(h("pre.prompt", {}, ...pieces));
  return parts;
}

/** What the endpoint said of itself: model, backend configuration, who answered behind a gateway. */
function origin(call) {
  const fingerprint = call.fingerprint ? `fingerprint ${call.fingerprint}` : null;
  const provider = call.provider ? `by ${call.provider}` : null;
  return [call.model_revision ?? call.model, fingerprint, provider].filter(Boolean).join(", ");
}

function usage(calls, imported) {
  if (!calls.length) return [none("No model was called.")];
  const sum = (name) => calls.reduce((total, call) => total + (call[name] ?? 0), 0);
  const priced = calls.filter((call) => call.cost !== null && call.cost !== undefined);
  const models = [...new Set(calls.map(origin))];
  const retries = calls.reduce((total, call) => total + Math.max(0, (call.transport_attempts ?? 1) - 1), 0);
  const fact = (label, value) => h("div", {}, h("dt", {}, label), h("dd", {}, value));
  const known = (name) => calls.some((call) => call[name] !== null && call[name] !== undefined);
  return [
    h(
      "dl.facts",
      {},
      fact("Calls", number(calls.length)),
      fact("Tokens in", known("prompt_tokens") ? number(sum("prompt_tokens")) : "–"),
      fact("Tokens out", known("completion_tokens") ? number(sum("completion_tokens")) : "–"),
      fact("Retries", number(retries)),
      fact("Cost", priced.length ? `$${sum("cost").toFixed(4)}` : "unknown"),
    ),
    h("p.small.muted", {}, `Answered: ${models.join("; ")}.${imported && !known("prompt_tokens") ? " The log holds no token counts, times or costs." : ""}`),
    h(
      "table.table.table--compact",
      {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Call"), ...["in", "out", "ms"].map((label) => h("th.num", { scope: "col" }, label)))),
      h(
        "tbody",
        {},
        ...calls.map((call) =>
          h(
            "tr",
            {},
            h("td", {}, `${call.purpose.replaceAll("_", " ")} ${call.item}`),
            ...[call.prompt_tokens, call.completion_tokens, call.latency_ms].map((value) => h("td.num", {}, number(value))),
          ),
        ),
      ),
    ),
  ];
}
