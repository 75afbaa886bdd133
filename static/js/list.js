// Lists that stay fresh: while anything is being played, the parts marked data-fresh are read again and replaced.
// Also: filters that apply themselves, and moments in the reader's own words.

const EVERY_MS = 1500;
const seen = new Map();

function isLive() {
  return document.querySelector('[data-fresh="on"]') !== null;
}

/** A selector that finds a link or control again. */
function nameOf(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  return element.hasAttribute("href") ? `[href="${CSS.escape(element.getAttribute("href"))}"]` : null;
}

/** Replace every fresh part that changed; focus stays on the link or control it was on, what is open stays open. */
function replaceParts(page) {
  for (const part of document.querySelectorAll("[data-fresh][id]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh || seen.get(part.id) === fresh.outerHTML) continue;
    seen.set(part.id, fresh.outerHTML);
    const focused = part.contains(document.activeElement) ? nameOf(document.activeElement) : null;
    for (const more of part.querySelectorAll("details[id][open]")) {
      const same = fresh.querySelector(`#${CSS.escape(more.id)}`);
      if (same) same.open = true;
    }
    part.replaceWith(fresh);
    keepSelected(part, fresh);
    if (focused) fresh.querySelector(focused)?.focus({ preventScroll: true });
    sayMoments(fresh);
  }
}

/** Tick in *fresh* what was ticked in *part*. */
function keepSelected(part, fresh) {
  for (const box of part.querySelectorAll('input[name="run"]:checked')) {
    const same = fresh.querySelector(`input[name="run"][value="${CSS.escape(box.value)}"]`);
    if (same) same.checked = true;
  }
}

/** The numbers below the charts, and the charts themselves. */
async function refreshCharts(page) {
  if (!document.querySelector("[data-chart][data-live]")) return;
  for (const chart of document.querySelectorAll("[data-chart][data-live]")) {
    const table = page.getElementById(chart.id)?.querySelector("table");
    if (table) chart.querySelector("table")?.replaceWith(table);
  }
  (await import("./charts.js")).redraw(true);
}

async function refresh() {
  if (document.hidden || !isLive()) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [kept, news] = [document, page].map((where) => where.querySelector("[data-keep]")?.dataset.keep);
    if (kept !== news) {
      // A chart has come that was not there before.
      location.reload();
      return;
    }
    replaceParts(page);
    await refreshCharts(page);
  } catch {
    // The next round may find the server again.
  }
}

async function keepFresh() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    await refresh();
  }
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const absolute = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

function ago(seconds) {
  if (seconds < 45) return "just now";
  if (seconds < 3600) return relative.format(-Math.round(seconds / 60), "minute");
  if (seconds < 86400) return relative.format(-Math.round(seconds / 3600), "hour");
  return seconds < 7 * 86400 ? relative.format(-Math.round(seconds / 86400), "day") : null;
}

function sayMoments(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.title = absolute.format(moment);
    const near = "ago" in time.dataset ? ago((Date.now() - moment.getTime()) / 1000) : null;
    time.textContent = near ?? absolute.format(moment);
  }
}

const filters = document.querySelector("[data-filters]");
if (filters) {
  filters.querySelector("[data-apply]")?.classList.add("visually-hidden");
  filters.addEventListener("change", (event) => {
    // Columns are ticked one after the other; they apply when the menu is closed.
    if (event.target.name === "columns") return;
    if (event.target.type !== "search") filters.requestSubmit();
  });
  const columns = filters.querySelector("#columns");
  const shown = () => [...columns.querySelectorAll("input:checked")].map((box) => box.value).join();
  const before = columns && shown();
  columns?.addEventListener("toggle", () => {
    if (!columns.open && shown() !== before) filters.requestSubmit();
  });
  // Empty fields make no address.
  filters.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData.entries()]) if (!value) event.formData.delete(name);
  });
}

/** Say how many runs are selected, and let one button select all. */
function watchSelection(form) {
  const boxes = () => [...document.querySelectorAll('input[form="selected"]')];
  const count = form.querySelector("[data-selected-count]");
  const say = () => {
    const chosen = boxes().filter((box) => box.checked).length;
    count.textContent = chosen ? `With ${chosen} selected:` : "With the selected runs:";
    all.textContent = chosen && chosen === boxes().length ? "Select none" : "Select all on this page";
  };
  const all = form.querySelector("[data-select-all]");
  all.addEventListener("click", () => {
    const every = boxes().every((box) => box.checked);
    for (const box of boxes()) box.checked = !every;
    say();
  });
  document.addEventListener("change", (event) => event.target.matches('input[form="selected"]') && say());
  say();
}

const selection = document.querySelector("[data-selected]");
if (selection) watchSelection(selection);
sayMoments(document);
if (isLive()) keepFresh();
