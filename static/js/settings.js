// What this browser keeps for itself: the theme, and whether the run page listens to keys.

import { chooseTheme } from "./site.js";

const themes = [...document.querySelectorAll("input[name=theme]")];
const keys = document.getElementById("keys");

function stored(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function showTheme() {
  const chosen = document.documentElement.dataset.theme ?? "";
  for (const radio of themes) radio.checked = radio.value === chosen;
}

for (const radio of themes) radio.addEventListener("change", () => chooseTheme(radio.value || null));
document.addEventListener("themechange", showTheme);
showTheme();

keys.checked = stored("keys") !== "off";
keys.addEventListener("change", () => {
  try {
    localStorage.setItem("keys", keys.checked ? "on" : "off");
  } catch {
    keys.checked = true;
  }
});
