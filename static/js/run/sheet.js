// On narrow windows the inspector lies over the whole page: meanwhile nothing below it can be reached.

import { one } from "../dom.js";

const panel = one("#inspector");
const narrow = matchMedia("(max-width: 52rem)");

/** All that is beside the inspector and what holds it. */
function others() {
  const found = [];
  for (let inside = panel; inside !== document.body; inside = inside.parentElement) {
    found.push(...[...inside.parentElement.children].filter((element) => element !== inside));
  }
  return found.filter((element) => !element.matches("script, dialog, [aria-live], [data-toast]"));
}

function cover() {
  const covered = narrow.matches && !panel.hasAttribute("data-empty");
  for (const element of others()) element.inert = covered;
}

new MutationObserver(cover).observe(panel, { attributeFilter: ["data-empty"] });
narrow.addEventListener("change", cover);
cover();
