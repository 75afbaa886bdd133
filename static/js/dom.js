// Small tools for the page. Text always becomes text nodes: nothing a model wrote is ever read as HTML.

/** Make an element: h("li.line", {id: "m1-u1", onclick}, child, "text"). */
export function h(kind, props = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const one = (selector, root = document) => root.querySelector(selector);
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Set the text of every element bound to *name*. */
export function bind(name, text) {
  for (const element of all(`[data-bind="${name}"]`)) write(element, text);
}

/** Set an element's text, unless it is that already: what is written is laid out again, whether it differs or not. */
export function write(element, text) {
  const value = String(text ?? "");
  if (element.textContent !== value) element.textContent = value;
}

/** Set an attribute, unless it has that value already; null, undefined and false remove it. */
export function put(element, name, value) {
  const wanted = value === null || value === undefined || value === false ? null : value === true ? "" : String(value);
  if (element.getAttribute(name) === wanted) return;
  if (wanted === null) element.removeAttribute(name);
  else element.setAttribute(name, wanted);
}

/** Split *text* around what matches *needle*, the matches in <mark>. */
export function marked(text, needle) {
  if (!needle) return [text];
  const parts = [];
  const low = text.toLowerCase();
  const wanted = needle.toLowerCase();
  let from = 0;
  for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, from)) {
    parts.push(text.slice(from, at), h("mark", {}, text.slice(at, at + wanted.length)));
    from = at + wanted.length;
  }
  parts.push(text.slice(from));
  return parts;
}

export function number(value) {
  return value === null || value === undefined ? "–" : value.toLocaleString("en-US");
}
