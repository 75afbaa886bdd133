// Charts: figures come as JSON from the server, plotly.js is loaded when the first chart comes into view.

import { announce, currentTheme } from "./site.js";

const MAP_STYLES = "9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53";
const OPTIONS = { displayModeBar: false, responsive: true, showTips: false };

let plotly = null;

/** Load plotly.js once. Its style elements, which the security policy forbids, are stood in for beforehand. */
function loadPlotly() {
  plotly ??= new Promise((resolve, reject) => {
    const sheet = document.createElement("link");
    sheet.rel = "stylesheet";
    sheet.id = "plotly.js-style-global";
    sheet.href = new URL("../css/plotly.css", import.meta.url);
    const map = document.createElement("template");
    map.id = MAP_STYLES;
    const script = document.createElement("script");
    script.src = new URL("../vendor/plotly.min.js", import.meta.url);
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      plotly = null;
      script.remove();
      reject(new Error("plotly.js did not load"));
    };
    sheet.onload = () => document.head.append(script);
    sheet.onerror = script.onerror;
    document.head.append(map, sheet);
  });
  return plotly;
}

async function figureOf(chart) {
  const url = new URL(chart.dataset.chart, location.href);
  url.searchParams.set("theme", currentTheme());
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.json();
}

/** Fit a figure to a narrow drawing: the legend below, the names of level lines inside. */
function fit({ data, layout }, width) {
  if (width >= 520) return;
  const labels = layout.annotations ?? [];
  const outside = labels.some((label) => label.name !== "level");
  for (const label of labels.filter((label) => label.name === "level")) {
    Object.assign(label, { xanchor: "right", xshift: 0, yshift: 9 });
  }
  layout.font = { ...layout.font, size: 12 };
  const [from, to] = layout.xaxis.range ?? [0, 12];
  layout.xaxis = { ...layout.xaxis, dtick: Math.max(layout.xaxis.dtick ?? 1, Math.ceil((to - from) / 6)) };
  layout.margin = { ...layout.margin, l: 32, t: 40, r: outside ? layout.margin.r : 8 };
  if (layout.showlegend !== false) {
    const longest = Math.max(...data.map((trace) => trace.name.length));
    const entrywidth = Math.min(width - 48, longest * 6 + 8);
    const rows = Math.ceil(data.length / Math.max(1, Math.floor((width - 40) / (entrywidth + 40))));
    layout.legend = { ...layout.legend, y: -0.26, yanchor: "top", x: 0, entrywidth, font: { ...layout.legend.font, size: 11 } };
    layout.margin.b = 60 + 18 * rows;
  }
}

async function draw(chart) {
  const target = chart.querySelector(".chart__draw");
  const turn = (chart.turn = (chart.turn ?? 0) + 1);
  try {
    const [Plotly, figure] = await Promise.all([loadPlotly(), figureOf(chart)]);
    if (turn !== chart.turn) return;
    target.querySelector(".chart__error")?.remove();
    fit(figure, target.clientWidth);
    await Plotly.react(target, figure.data, figure.layout, OPTIONS);
    target.dataset.state = "drawn";
    target.setAttribute("role", "img");
    if (figure.layout.meta?.alt) target.setAttribute("aria-label", figure.layout.meta.alt);
    if (!chart.clickable) {
      chart.clickable = true;
      target.on("plotly_click", ({ points }) => {
        const detail = { month: Math.round(points[0].x), data: points[0].customdata };
        chart.dispatchEvent(new CustomEvent("chartclick", { bubbles: true, detail }));
      });
    }
  } catch (error) {
    if (turn !== chart.turn) return;
    target.dataset.state = "failed";
    const note = document.createElement("p");
    note.className = "chart__error";
    note.textContent = `The chart could not be drawn: ${error.message}. Its numbers are in the table below. `;
    const again = document.createElement("button");
    again.type = "button";
    again.className = "button button--small";
    again.textContent = "Try again";
    again.addEventListener("click", () => draw(chart));
    note.append(again);
    target.replaceChildren(note);
  }
}

async function save(chart, format) {
  const target = chart.querySelector(".chart__draw");
  if (target.dataset.state !== "drawn") return;
  const Plotly = await loadPlotly();
  const [width, height] = [target.clientWidth, target.clientHeight];
  let address = await Plotly.toImage(target, { format: "svg", width, height });
  if (format === "png") address = await rasterise(address, width, height);
  const link = document.createElement("a");
  link.href = address;
  link.download = `${chart.dataset.name || "chart"}.${format}`;
  link.click();
  announce(`Saved as ${format.toUpperCase()}`);
}

/** Draw an SVG data address at twice its size; plotly's own way needs blob: pictures, which the policy forbids. */
async function rasterise(address, width, height) {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = width * 2;
  canvas.height = height * 2;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/png");
}

const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      entry.target.visible = true;
      draw(entry.target);
    }
  },
  { threshold: 0.1 },
);

for (const chart of document.querySelectorAll("[data-chart]")) {
  chart.addEventListener("click", (event) => {
    const format = event.target.closest("[data-save]")?.dataset.save;
    if (format) save(chart, format);
  });
  if ("runs" in chart.dataset) {
    chart.addEventListener("chartclick", ({ detail }) => {
      if (detail.data) location.href = `${chart.dataset.runs}/${encodeURIComponent(detail.data)}?m=${Math.max(1, detail.month)}`;
    });
  }
}

// plotly.js is large: it waits until the page itself is there, and until a chart is looked at.
const watch = () => document.querySelectorAll("[data-chart]").forEach((chart) => seen.observe(chart));
if (document.readyState === "complete") watch();
else addEventListener("load", watch, { once: true });

/** Read the figures of all charts in view again. */
export function redraw(onlyLive = false) {
  for (const chart of document.querySelectorAll(onlyLive ? "[data-chart][data-live]" : "[data-chart]")) {
    if (chart.visible) draw(chart);
  }
}

document.addEventListener("themechange", () => redraw());
