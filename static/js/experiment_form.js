// The form of an experiment while it is filled in: what it would launch and can show, and what is wrong, as the server sees it.

import { h } from "./dom.js";

const form = document.querySelector("[data-experiment]");
const start = document.getElementById("start");
const touched = new Set();
let timer = 0;
let turn = 0;

/** Write *text* into the element of this id, which is hidden while there is none. */
function say(id, text) {
  const place = document.getElementById(id);
  const inner = place.querySelector("strong") ?? place;
  if (inner.textContent !== text) inner.textContent = text;
  place.hidden = !text;
}

function showErrors(errors) {
  for (const place of form.querySelectorAll(".field__error")) {
    const field = place.id.replace("error-", "");
    // What was not touched yet is not reproached.
    const text = place.dataset.shown || touched.has(field) ? (errors[field] ?? "") : "";
    if (text) place.dataset.shown = "yes";
    if (place.textContent !== text) place.textContent = text;
    place.hidden = !text;
    const control = document.getElementById(field);
    if (!control || !form.contains(control)) continue;
    if (text) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
}

async function ask() {
  const mine = ++turn;
  const data = new FormData(form);
  for (const name of ["file", "toml", "submission"]) data.delete(name);
  try {
    const answer = await fetch(form.dataset.experiment, { method: "POST", body: data, headers: { Accept: "application/json" } });
    if (!answer.ok || mine !== turn) return;
    const told = await answer.json();
    // What belongs to no field is said where the sum stands.
    const wrong = told.errors[""] ?? "Something needs a look first.";
    say("estimate", told.text ?? wrong);
    say("grid-size", told.size);
    say("shows", told.shows);
    say("estimate-source", told.source);
    const lines = document.getElementById("estimate-lines");
    lines.replaceChildren(...told.lines.map(([label, text]) => h("div", {}, h("dt", {}, label), h("dd", {}, text))));
    lines.hidden = !told.lines.length;
    const notes = document.getElementById("model-notes");
    notes.replaceChildren(...told.notes.map((note) => h("li", {}, note)));
    notes.hidden = !told.notes.length;
    start.textContent = told.count ? `Start ${told.count} run${told.count === 1 ? "" : "s"}` : "Start";
    showErrors(told.errors);
  } catch {
    // The server checks again when the form is sent.
  }
}

function later(event) {
  if (["file", "toml"].includes(event.target.name)) return;
  clearTimeout(timer);
  timer = setTimeout(ask, 300);
}

form.addEventListener("input", later);
form.addEventListener("change", (event) => {
  touched.add(event.target.name === "more_models" ? "models" : event.target.name);
  later(event);
});
form.addEventListener("submit", (event) => {
  // A file is made beside the form, which stays as it is.
  if (!event.submitter?.hasAttribute("formaction")) start.setAttribute("aria-disabled", "true");
});
addEventListener("pageshow", () => start.removeAttribute("aria-disabled"));

const first = form.querySelector('[aria-invalid="true"]');
if (first) {
  first.closest("details")?.setAttribute("open", "");
  first.focus();
}
for (const place of form.querySelectorAll(".field__error:not([hidden])")) place.dataset.shown = "yes";
