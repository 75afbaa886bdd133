// Lists that stay fresh: while anything is being played, the parts marked data-live are read again and replaced.
// Also: filters that apply themselves, and moments in the reader's own words.

const EVERY_MS = 1500;

function isLive() {
  return document.querySelector('[data-live="on"]') !== null;
}

/** Replace every part that has an id and changed; the parts' own links and focus stay where they can. */
function replaceParts(page) {
  for (const part of document.querySelectorAll("[data-live][id]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh || fresh.outerHTML === part.dataset.html) continue;
    const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const html = fresh.outerHTML;
    part.replaceWith(fresh);
    fresh.dataset.html = html;
    if (focused) fresh.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    sayMoments(fresh);
  }
}

async function refresh() {
  if (document.hidden || !isLive()) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    // A chart that was not there yet, or results that have just come: the page as a whole is another one.
    const kept = document.querySelector("[data-keep]");
    const news = page.querySelector("[data-keep]");
    if (kept && news && kept.dataset.keep !== news.dataset.keep) return location.reload();
    const latest = document.getElementById("latest");
    const freshLatest = page.getElementById("latest");
    if (latest && freshLatest && latest.innerHTML !== freshLatest.innerHTML) {
      latest.replaceWith(freshLatest);
      sayMoments(freshLatest);
    }
    replaceParts(page);
    if (document.querySelector("[data-chart][data-live]")) (await import("./charts.js")).redraw(true);
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
  filters.querySelector("[data-apply]").classList.add("visually-hidden");
  filters.addEventListener("change", (event) => {
    if (event.target.type !== "search") filters.requestSubmit();
  });
  // Empty fields make no address.
  filters.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData.entries()]) if (!value) event.formData.delete(name);
  });
}

sayMoments(document);
if (isLive()) keepFresh();
