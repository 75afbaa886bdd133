// The keyboard. Keys can be switched off, and mean nothing while somebody types.

import { one } from "../dom.js";

const BUSY = "input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";

function enabled() {
  try {
    return localStorage.getItem("keys") !== "off";
  } catch {
    return true;
  }
}

/** Listen for keys and call *actions* by name. */
export function listen(actions) {
  const box = one("[data-keys]");
  box.checked = enabled();
  box.addEventListener("change", () => {
    try {
      localStorage.setItem("keys", box.checked ? "on" : "off");
    } catch {
      // Then it holds for this page only.
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (one("dialog[open]")) return;
    if (event.key === "Escape") return void actions.close();
    if (!box.checked || event.target.closest?.(BUSY)) return;
    const action = chosen(event, actions);
    if (action) {
      event.preventDefault();
      action();
    }
  });
}

function chosen(event, actions) {
  const { key, shiftKey, target } = event;
  if (key === " ") return target.closest("button, a, summary, input, label") ? null : actions.play;
  if (key === "ArrowRight") return shiftKey ? actions.nextMonth : actions.forward;
  if (key === "ArrowLeft") return shiftKey ? actions.previousMonth : actions.back;
  if (/^[1-9]$/.test(key)) return () => actions.agent(Number(key) - 1);
  return {
    Home: actions.first,
    End: actions.last,
    i: actions.inspector,
    "[": () => actions.tab(-1),
    "]": () => actions.tab(1),
    "/": actions.search,
    n: () => actions.breach(1),
    p: () => actions.breach(-1),
    l: actions.live,
    c: actions.copy,
    "?": actions.help,
  }[key];
}
