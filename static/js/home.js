// The example on the home page: its months in place, and played one after the other.

import { announce } from "./site.js";

const MONTH_MS = 5000;

const story = document.querySelector("[data-story]");
const months = [...story.querySelectorAll("[data-month]")];
const steps = [...story.querySelectorAll("[data-step]")];
const button = story.querySelector("[data-play]");
let timer = 0;

const shown = () => months.findIndex((month) => !month.hidden);

function show(index, address = true) {
  for (const [at, month] of months.entries()) month.hidden = at !== index;
  for (const [at, step] of steps.entries()) {
    if (at === index) step.setAttribute("aria-current", "step");
    else step.removeAttribute("aria-current");
  }
  if (address) history.replaceState(null, "", steps[index].href);
}

function stop() {
  clearInterval(timer);
  timer = 0;
  label("Play", "play");
}

function label(text, icon) {
  button.querySelector("span").textContent = text;
  const use = button.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${icon}`));
}

function next() {
  show(shown() + 1);
  announce(`Month ${shown() + 1}`);
  if (shown() === months.length - 1) stop();
}

button.addEventListener("click", () => {
  if (timer) return stop();
  if (shown() === months.length - 1) show(0);
  timer = setInterval(next, MONTH_MS);
  label("Pause", "pause");
});

for (const [index, step] of steps.entries()) {
  step.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    stop();
    show(index);
  });
}
