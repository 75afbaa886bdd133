// The widths of the panes: dragged or set by keys at the lines between them, and remembered in this browser.

import { all, one } from "../dom.js";

const KEY = "run-panes";
const STEP = 0.02;
const LEAST = 0.16;
const USUAL = [0.36, 0.33, 0.31];

/** Make the separators work. A share is a pane's part of the whole width; the three shares add up to 1. */
export function listenToSeparators() {
  const box = one(".run-panes");
  let shares = remembered() ?? USUAL;

  const show = () => {
    shares.forEach((share, index) => box.style.setProperty(`--pane-${index + 1}`, `${(share * 100).toFixed(2)}fr`));
    for (const line of all("[data-separator]")) {
      const index = Number(line.dataset.separator);
      line.setAttribute("aria-valuenow", Math.round(shares[index] * 100));
    }
  };
  /** Move the line after pane *index* to where that pane has *share*; its neighbour gives or takes. */
  const move = (index, share) => {
    const both = shares[index] + shares[index + 1];
    const own = Math.min(both - LEAST, Math.max(LEAST, share));
    shares = shares.map((old, at) => (at === index ? own : at === index + 1 ? both - own : old));
    show();
    remember(shares);
  };
  const reset = () => {
    shares = USUAL;
    show();
    remember(null);
  };

  for (const line of all("[data-separator]")) {
    const index = Number(line.dataset.separator);
    line.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: shares[index] - STEP, ArrowRight: shares[index] + STEP, Home: 0, End: 1 }[event.key];
      if (to === undefined && event.key !== "Enter") return;
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Enter") reset();
      else move(index, to);
    });
    line.addEventListener("dblclick", reset);
    line.addEventListener("pointerdown", (event) => {
      line.setPointerCapture(event.pointerId);
      const from = event.clientX;
      const own = shares[index];
      const width = box.clientWidth;
      const drag = (moved) => move(index, own + (moved.clientX - from) / width);
      line.addEventListener("pointermove", drag);
      line.addEventListener("lostpointercapture", () => line.removeEventListener("pointermove", drag), { once: true });
    });
  }
  show();
}

function remembered() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY));
    const sound = Array.isArray(found) && found.length === USUAL.length && found.every((share) => share >= LEAST && share < 1);
    return sound ? found : null;
  } catch {
    return null;
  }
}

function remember(shares) {
  try {
    if (shares) localStorage.setItem(KEY, JSON.stringify(shares));
    else localStorage.removeItem(KEY);
  } catch {
    // Then they hold for this page only.
  }
}
