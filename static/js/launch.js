// The launch form while it is filled in: what it would launch, and what is wrong, as the server sees it.

import { h } from "./dom.js";

const form = document.querySelector("[data-launch]");
const estimate = document.getElementById("estimate");
const lines = document.getElementById("estimate-lines");
const origin = document.getElementById("estimate-source");
const modelNotes = document.getElementById("model-notes");
const button = document.getElementById("start");
const touched = new Set();
let timer = 0;
let turn = 0;

/** The models that are chosen, each once. */
function chosenModels() {
  const data = new FormData(form);
  const agents = [...data.entries()].filter(([name, value]) => /^mind(_\d+)?$|^framework$/.test(name) && value.startsWith("generative:"));
  const names = agents.map(([, value]) => value.slice("generative:".length));
  return [...new Set([...names, ...(names.length && data.get("embedding") ? [data.get("embedding")] : [])])];
}

function checkLine(check) {
  const result = check.ok
    ? [h("span.badge.badge--ok", {}, `answered in ${check.latency_ms} ms`)]
    : [h("span.badge.badge--warn", {}, "failed"), ` ${check.error}`];
  return h("li", {}, h("span.mono", {}, check.model), " ", ...result);
}

/** Ask the chosen models for next to nothing and show beside the form whether they answered. */
async function checkModels(address) {
  const state = document.getElementById("check-state");
  const list = document.getElementById("check-list");
  const models = chosenModels();
  list.replaceChildren();
  state.textContent = models.length ? "Asking…" : "No language model is chosen: there is nothing to ask.";
  if (!models.length) return;
  try {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ models }),
    });
    const { checks, error } = await answer.json();
    list.replaceChildren(...(checks ?? []).map(checkLine));
    const failed = checks?.filter((check) => !check.ok).length;
    state.textContent = error ? error.message : failed ? `${failed} of ${checks.length} did not answer.` : "All answered.";
  } catch {
    state.textContent = "The server does not answer.";
  }
}

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
    const { count, text, lines: told, source, notes, errors } = await answer.json();
    estimate.textContent = text ?? "Something above needs a look first.";
    showLines(told, source);
    modelNotes.replaceChildren(...notes.map((note) => h("li", {}, note)));
    modelNotes.hidden = !notes.length;
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
form.querySelector("[data-check]")?.addEventListener("click", (event) => {
  event.preventDefault();
  checkModels(event.currentTarget.dataset.check);
});
addEventListener("pageshow", () => button.removeAttribute("aria-disabled"));

// After a refusal, go to the first field that is wrong.
const first = form.querySelector('[aria-invalid="true"]');
if (first) {
  first.closest("details")?.setAttribute("open", "");
  first.focus();
}
for (const place of form.querySelectorAll(".field__error:not([hidden])")) place.dataset.shown = "yes";
