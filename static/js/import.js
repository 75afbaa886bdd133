// The import page while it works: how much is sent, which log it is at, and what became of each.
// Only what a run is read from is sent. XMLHttpRequest, since fetch tells nothing of what it has sent.

import { h, number } from "./dom.js";

const page = document.querySelector("[data-import]");
const progress = document.getElementById("import-progress");
const bar = progress.querySelector("progress");
const told = document.getElementById("progress-text");
const trouble = document.getElementById("import-error");
const report = document.getElementById("import-report");
const rows = report.querySelector("tbody");
const title = document.getElementById("done-title");
const leftOut = document.getElementById("left-out");

const READ = /(^|\/)(log_env\.json(\.gz)?|config\.yaml|source\.json|nodes\.json|[^/]*\.zip)$/i;
const RESULTS = {
  imported: ["span.badge.badge--ok", "imported"],
  skipped: ["span.badge", "known"],
  failed: ["span.badge.badge--bad", "not imported"],
};

const runs = (count) => `${number(count)} run${count === 1 ? "" : "s"} imported`;
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

function fail(text) {
  trouble.querySelector("p").textContent = text;
  trouble.hidden = false;
  progress.hidden = true;
}

function sayLeftOut(count) {
  leftOut.hidden = !count;
  leftOut.textContent = `${number(count)} other file${count === 1 ? " was" : "s were"} left out: no run is read from ${count === 1 ? "it" : "them"}.`;
}

function row(log) {
  const [badge, word] = RESULTS[log.kind];
  const same = log.equal_to.flatMap((run, at) => [at ? ", " : " The same log as ", h("a", { href: `/runs/${run}` }, run)]);
  const name = log.page ? h("a", { href: log.page }, log.name) : h("span", {}, log.name);
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, name),
    h("td", { "data-label": "Result" }, h("span", {}, h(badge, {}, word), same.length ? [...same, "."] : ` ${log.reason ?? ""}`)),
  );
}

/** Do what one message of the answer says. */
function follow(state, kind, data) {
  if (kind === "unpacked") {
    Object.assign(state, { logs: data.logs, at: 0, imported: 0 });
    rows.replaceChildren();
    sayLeftOut(data.left_out + state.kept);
    report.hidden = false;
    bar.max = data.logs;
  } else if (kind === "log") {
    state.at += 1;
    if (data.kind === "imported") state.imported += 1;
    rows.append(row(data));
  } else if (kind === "error") {
    state.over = true;
    fail(`${data.message} Nothing was imported.`);
  } else if (kind === "done") {
    state.over = true;
    progress.hidden = true;
    title.focus();
  }
  if (state.logs) {
    bar.value = state.at;
    title.textContent = runs(state.imported);
    told.textContent = `${state.at} of ${state.logs} logs`;
  }
}

/** Read the messages that came whole since the last time: "event: KIND" and "data: JSON", a blank line behind each. */
function read(state, text) {
  const end = text.lastIndexOf("\n\n");
  if (end < state.read) return;
  for (const block of text.slice(state.read, end).split("\n\n")) {
    const [, kind] = /^event: (.*)$/m.exec(block) ?? [];
    const [, data] = /^data: (.*)$/m.exec(block) ?? [];
    if (kind && data) follow(state, kind, JSON.parse(data));
  }
  state.read = end + 2;
}

/** What went wrong where no answer says it itself. */
function problem(request, state) {
  try {
    return JSON.parse(request.responseText).error.message;
  } catch {
    const kept = state.at ? ` ${runs(state.imported)} so far; these stay.` : "";
    return `The connection was lost.${kept} Import again to go on: what is here is not imported twice.`;
  }
}

function send(files, kept) {
  const state = { read: 0, logs: 0, at: 0, imported: 0, kept, over: false };
  const body = new FormData();
  for (const file of files) body.append("files", file, file.webkitRelativePath || file.name);
  const request = new XMLHttpRequest();
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.max = total;
    bar.value = loaded;
    told.textContent = loaded < total ? `${megabytes(loaded)} of ${megabytes(total)} sent` : "Unpacking";
  });
  request.addEventListener("progress", () => request.status === 200 && read(state, request.responseText));
  request.addEventListener("loadend", () => {
    if (request.status === 200) read(state, request.responseText);
    if (!state.over) fail(problem(request, state));
  });
  progress.querySelector("[data-cancel]").onclick = () => request.abort();
  trouble.hidden = report.hidden = true;
  progress.hidden = false;
  bar.removeAttribute("value");
  told.textContent = "Sending";
  request.open("POST", page.dataset.import);
  request.send(body);
}

for (const form of page.querySelectorAll("form")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!progress.hidden) return;
    const chosen = [...form.elements.files.files];
    const files = chosen.filter((file) => READ.test(file.webkitRelativePath || file.name));
    const size = files.reduce((sum, file) => sum + file.size, 0);
    if (!files.length) fail("There is nothing there that a run is read from. A run is a folder with a log_env.json, in a zip file or not.");
    else if (size > Number(page.dataset.most)) fail(`These files have ${megabytes(size)}; at most ${megabytes(Number(page.dataset.most))} can be sent at once. Import them in parts, or with govsim import.`);
    else send(files, chosen.length - files.length);
  });
}
