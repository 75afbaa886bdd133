// What calls used, and who answered them.

import { h, number } from "../../dom.js";
import { callLabel, fact, none } from "./parts.js";

/** What the endpoint said of itself: model, backend configuration, who answered behind a gateway. */
function origin(call) {
  const fingerprint = call.fingerprint ? `fingerprint ${call.fingerprint}` : null;
  const provider = call.provider ? `by ${call.provider}` : null;
  return [call.model_revision ?? call.model, fingerprint, provider].filter(Boolean).join(", ");
}

/** What a local model's drafts came to: layers and length (E, K), and the sums over *calls*; null where none says. */
function speculation(calls) {
  const told = calls.map((call) => call.decoding).filter((made) => made && made.verifications !== null);
  const sum = (name) => told.reduce((total, made) => total + (made[name] ?? 0), 0);
  if (!told.length) return null;
  const each = [...new Set(told.map((made) => (made.draft_length ? `${made.exit_layer}, ${made.draft_length}` : "no drafts")))];
  const passes = sum("verifications");
  return h(
    "dl.facts",
    { "aria-label": "Self-speculative decoding" },
    fact("Exit layer E, draft length K", each.join("; ")),
    fact("Tokens drafted", number(sum("drafted"))),
    fact("Accepted", sum("drafted") ? `${number(sum("accepted"))} (${Math.round((100 * sum("accepted")) / sum("drafted"))} %)` : "–"),
    fact("Tokens per verification", passes ? ((sum("accepted") + passes) / passes).toFixed(2) : "–"),
  );
}

/** The sums of *calls* and a row for each; *detail* is the call that is looked at, with its request's hash. */
export function usage(calls, detail) {
  if (!calls.length) return [none("No model was called.")];
  const sum = (name) => calls.reduce((total, call) => total + (call[name] ?? 0), 0);
  const known = (name) => calls.some((call) => call[name] !== null && call[name] !== undefined);
  const models = [...new Set(calls.map(origin))];
  const retries = calls.reduce((total, call) => total + Math.max(0, (call.transport_attempts ?? 1) - 1), 0);
  const unpriced = calls.filter((call) => call.cost === null || call.cost === undefined).length;
  const cached = calls.reduce((total, call) => total + (call.decoding?.cached_tokens ?? 0), 0);
  const free = calls.every((call) => call.cost === 0);
  const cost = free ? "no cost" : known("cost") ? `$${sum("cost").toFixed(4)}${unpriced ? ` and ${unpriced} without a price` : ""}` : "unknown";
  const drafts = calls.some((call) => call.decoding?.drafted);
  const columns = ["in", "out", "ms", "tries", ...(drafts ? ["accepted"] : [])];
  return [
    h(
      "dl.facts",
      {},
      fact("Calls", number(calls.length)),
      fact("Tokens in", known("prompt_tokens") ? number(sum("prompt_tokens")) : "–"),
      ...(cached ? [fact("of them cached", number(cached))] : []),
      fact("Tokens out", known("completion_tokens") ? number(sum("completion_tokens")) : "–"),
      fact("Retries", number(retries)),
      fact("Cost", cost),
    ),
    speculation(calls),
    h("p.small.muted", {}, `Answered: ${models.join("; ")}.`),
    h(
      "table.table.table--compact",
      {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Call"), ...columns.map((label) => h("th.num", { scope: "col" }, label)))),
      h("tbody", {}, ...calls.map((call) => row(call, detail, drafts))),
    ),
    detail ? h("p.small.muted", {}, "Hash of this request: ", h("code.hash", {}, detail.request_hash)) : null,
  ].filter(Boolean);
}

const acceptance = (made) => (made?.drafted ? `${number(made.accepted)} of ${number(made.drafted)}` : "–");

function row(call, detail, drafts) {
  const values = [call.prompt_tokens, call.completion_tokens, call.latency_ms, call.transport_attempts].map(number);
  if (drafts) values.push(acceptance(call.decoding));
  const link = h("a", { href: `?m=${call.month}&call=${encodeURIComponent(call.key)}`, "data-call": call.key, "data-to": "prompt" }, callLabel(call));
  return h("tr", { "aria-current": detail?.key === call.key ? "true" : null }, h("td", {}, link), ...values.map((value) => h("td.num", {}, value)));
}
