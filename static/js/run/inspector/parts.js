// Small pieces that several tabs of the inspector are made of.

import { h } from "../../dom.js";

export const none = (text) => h("p.muted", {}, text);

export const fact = (label, ...value) => h("div", {}, h("dt", {}, label), h("dd", {}, ...value));

/** A button that copies the address of *what*: data is the part of the place, {"data-copy-call": key} for example. */
export const copyLink = (data, what) => h("button.line__open", { type: "button", ...data, title: `Copy a link to ${what}` }, "Copy link");

/** A link to another place of this run; data says how a script goes there. */
export const placeLink = (href, data, ...text) => h("a", { href, ...data }, ...text);

/** "Talk: utterance 3, asked again (2)". */
export function callLabel(call) {
  const again = call.attempt > 1 ? `, asked again (${call.attempt})` : "";
  const item = call.item === "" ? "" : ` ${call.item}`;
  const [phase, purpose] = [call.phase, call.purpose].map((word) => word.replaceAll("_", " "));
  const label = `${phase === purpose ? "" : `${phase}: `}${purpose}${item}${again}`;
  return label[0].toUpperCase() + label.slice(1);
}
