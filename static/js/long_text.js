// A text that may be very long: its beginning, and the rest on request. The same in templates/partials/long_text.html.

import { h, marked, number } from "./dom.js";

const LONG = 5000;
const START = 800;

/**
 * Show *text* with what matches *needle* marked; a match beyond the beginning opens the rest. *whole* is the element with
 * all of it, where that is more than a paragraph.
 */
export function longText(text, classes, needle = "", whole = h(`p.${classes}`, { dir: "auto" }, ...marked(text, needle))) {
  if (text.length <= LONG) return whole;
  const beyond = needle !== "" && text.toLowerCase().indexOf(needle.toLowerCase(), START - needle.length) >= 0;
  return h(
    "details.long-text",
    { open: beyond },
    h(
      "summary",
      {},
      h(`span.${classes}.long-text__start`, { dir: "auto" }, `${start(text)}…`),
      " ",
      h("span.long-text__more", {}, `All ${number(text.length)} characters`),
    ),
    whole,
  );
}

/** The beginning of *text*, no character cut in half. */
function start(text) {
  return [...text.slice(0, 2 * START)].slice(0, START).join("");
}
