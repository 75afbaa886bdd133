// The launch form while it is filled in: what it would launch, and what is wrong, as the server sees it.

import { h } from "./dom.js";

const form = document.querySelector("[data-launch]");
const estimate = document.getElementById("estimate");
const lines = document.getElementById("estimate-lines");
const origin = document.getElementById("estimate-source");
const button = document.getElementById("start");
const touched = new Set();
let timer = 0;
let turn = 0;

/** The field an error belongs to, where its name differs. */
const FIELDS = { minds: "mind", agents: "names" };

function showErrors(errors) {
  for (const place of form.querySelectorAll(".field__error")) {
    const field = place.id.replace("error-", "");
    const control = form.elements[FIELDS[field] ?? field];
    // What was not touched yet is not reproached.
    const text = place.dataset.shown || touched.has(control?.name) ? (errors[field] ?? "") : "";
    if (text) place.dataset.shown = "yes";
    if (place.textContent !== text) place.textContent = text;
    place.hidden = !text;
    if (control instanceof HTMLElement) {
      if (text) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    }
  }
}

/** What the runs would use, as labels and texts, and where these come from. */
function showLines(told, source) {
  lines.replaceChildren(...told.map(([label, text]) => h("div", {}, h("dt", {}, label), h("dd", {}, text))));
  lines.hidden = !told.length;
  origin.textContent = source;
  origin.hidden = !source;
}

async function ask() {
  const mine = ++turn;
  const query = new URLSearchParams(new FormData(form));
  query.delete("submission");
  try {
    const answer = await fetch(`${form.dataset.launch}?${query}`, { headers: { Accept: "application/json" } });
    if (!answer.ok || mine !== turn) return;
    const { count, text, lines: told, source, errors } = await answer.json();
    estimate.textContent = text ?? "Something above needs a look first.";
    showLines(told, source);
    button.textContent = count ? `Start ${count} run${count === 1 ? "" : "s"}` : "Start";
    showErrors(errors);
  } catch {
    // The server checks again when the form is sent.
  }
}

function later() {
  clearTimeout(timer);
  timer = setTimeout(ask, 250);
}

form.addEventListener("input", later);
form.addEventListener("change", (event) => {
  touched.add(event.target.name);
  later();
});
form.addEventListener("focusout", (event) => {
  if (event.target.name && event.target.value !== event.target.defaultValue) touched.add(event.target.name);
});
form.addEventListener("submit", (event) => {
  // A preview opens beside the form, which stays as it is.
  if (event.submitter?.hasAttribute("formaction")) return;
  // Sent once is enough; the page may be left and come back from the history.
  button.setAttribute("aria-disabled", "true");
});
addEventListener("pageshow", () => button.removeAttribute("aria-disabled"));

// After a refusal, go to the first field that is wrong.
const first = form.querySelector('[aria-invalid="true"]');
if (first) {
  first.closest("details")?.setAttribute("open", "");
  first.focus();
}
for (const place of form.querySelectorAll(".field__error:not([hidden])")) place.dataset.shown = "yes";
