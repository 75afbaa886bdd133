// Which of an agent's calls of a month is shown.

import { h } from "../../dom.js";
import { callLabel, copyLink } from "./parts.js";

/** The call to show: the address's, else the one that was wished for, else the one that decided. */
export function choose(own, place, wish) {
  const exact = place.call && own.find((call) => call.key === place.call);
  if (exact) return exact;
  if (wish?.phase) {
    const fits = own.filter(
      (call) =>
        call.phase === wish.phase &&
        (wish.item === undefined || String(call.item) === String(wish.item)) &&
        (wish.purpose === undefined || call.purpose.includes(wish.purpose)),
    );
    if (fits.length) return fits.at(-1);
  }
  const deciding = place.framework ? "limit" : "harvest";
  return own.findLast((call) => call.purpose === deciding) ?? own[0] ?? null;
}

/** A list to choose the call from, and a button that copies its address; *chose* is called with its key. */
export function choice(own, chosen, chose) {
  const options = own.map((call) => h("option", { value: call.key, selected: call.key === chosen.key }, callLabel(call)));
  return h(
    "div.call-choice",
    {},
    h(
      "label",
      {},
      h("span.small.muted", {}, `Call, ${own.length} this month`),
      h("select.select", { onchange: (event) => chose(event.target.value) }, ...options),
    ),
    copyLink({ "data-copy-call": chosen.key }, "this call"),
  );
}
