// What every page has: the theme switch, copy buttons, questions before forms that cannot be undone.

const root = document.documentElement;

/** The theme in use, "light" or "dark", whoever chose it. */
export function currentTheme() {
  return root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

/** Use *theme* from now on, "light" or "dark"; null follows the system again. */
export function chooseTheme(theme) {
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  try {
    if (theme) localStorage.setItem("theme", theme);
    else localStorage.removeItem("theme");
  } catch {
    // The choice then lasts as long as the page.
  }
  for (const button of document.querySelectorAll("[data-theme-toggle]")) labelThemeButton(button);
  document.dispatchEvent(new CustomEvent("themechange", { detail: currentTheme() }));
}

/** Say *text* in the page's one polite live region. */
export function announce(text) {
  const region = document.getElementById("announcer");
  if (region) region.textContent = text;
}

/** Put *text* on the clipboard; false where the browser refuses. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

function labelThemeButton(button) {
  const next = currentTheme() === "dark" ? "light" : "dark";
  button.setAttribute("aria-label", `Switch to the ${next} theme`);
  button.title = button.getAttribute("aria-label");
}

for (const button of document.querySelectorAll("[data-theme-toggle]")) {
  labelThemeButton(button);
  button.addEventListener("click", () => {
    chooseTheme(currentTheme() === "dark" ? "light" : "dark");
  });
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  if (!root.dataset.theme) document.dispatchEvent(new CustomEvent("themechange", { detail: currentTheme() }));
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  const done = await copyText(field ? (field.value ?? field.textContent) : button.dataset.copy);
  announce(done ? "Copied" : "Copying is blocked here: select the text and copy it by hand");
  if (done) {
    const before = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = before), 1500);
  }
});

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset?.confirm;
  if (question && !confirm(question)) event.preventDefault();
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// Escape closes the menu that is open, of two within each other the inner one, before anything else that Escape would
// close, and the focus goes back to it.
document.addEventListener(
  "keydown",
  (event) => {
    const menu = event.key === "Escape" ? [...document.querySelectorAll("details.menu[open]")].at(-1) : null;
    if (!menu) return;
    event.stopPropagation();
    const inside = menu.contains(document.activeElement);
    menu.open = false;
    if (inside) menu.querySelector("summary").focus();
  },
  true,
);
