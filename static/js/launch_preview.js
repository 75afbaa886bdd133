// The prompt preview beside the form: the page that the server makes of it, shown in a sheet.

import { h } from "./dom.js";

const form = document.querySelector("[data-launch]");
const sheet = document.getElementById("preview");

/** Show what the server answers to *query*. */
async function load(query) {
  const address = `${form.querySelector("[data-preview]").getAttribute("formaction")}?${query}`;
  const focused = document.activeElement?.id;
  let shown;
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    shown = [...page.querySelector("main").children];
  } catch {
    shown = [h("div.notice.notice--bad", { role: "alert" }, h("p", {}, "The server does not answer. The form is kept as it is."))];
  }
  const close = h("button.button.sheet__close", { type: "button", onclick: () => sheet.close() }, "Close");
  sheet.replaceChildren(close, ...shown);
  // Focus stays on the choice that was changed; at first it is on the way out.
  (sheet.querySelector(`#${CSS.escape(focused || "none")}`) ?? close).focus();
  sheet.scrollTop = 0;
}

function wanted(of) {
  const query = new URLSearchParams(new FormData(of));
  query.delete("submission");
  return query;
}

form.querySelector("[data-preview]").addEventListener("click", (event) => {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  const query = wanted(form);
  query.set("agent", event.currentTarget.dataset.preview);
  sheet.replaceChildren(h("p.muted", {}, "Filling in the prompts…"));
  sheet.showModal();
  load(query);
});

sheet.addEventListener("submit", (event) => {
  event.preventDefault();
  load(wanted(event.target));
});
sheet.addEventListener("change", (event) => event.target.form?.requestSubmit());
sheet.addEventListener("click", (event) => {
  if (event.target === sheet) sheet.close();
});
sheet.addEventListener("close", () => sheet.replaceChildren());
