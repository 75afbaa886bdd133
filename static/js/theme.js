// Runs before the first paint: the chosen theme, and the sign that scripts run.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  let chosen = null;
  try {
    chosen = localStorage.getItem("theme");
  } catch {
    // Storage may be blocked; the system's theme it is.
  }
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
})();
