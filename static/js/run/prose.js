// A model's text for people: a little Markdown, made of elements and text nodes, never of HTML. Or raw, as it came.

import { h, marked } from "../dom.js";

const LONGEST = 20_000;
const INLINE = /(`[^`\n]+`|\*\*[^*\n]+\*\*|__[^_\n]+__|\*[^*\s][^*\n]*\*)/;
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Return *text* as paragraphs, lists, headings and code; what matches *needle* is marked. */
export function prose(text, needle) {
  if (text.length > LONGEST) return [h("p", {}, ...marked(text, needle))];
  const blocks = [];
  let list = null;
  let code = null;
  let lines = [];
  const close = () => {
    if (lines.length) blocks.push(h("p", {}, ...inline(lines.join("\n"), needle)));
    lines = [];
  };
  for (const line of text.split("\n")) {
    const fence = /^\s*```/.test(line);
    if (code !== null) {
      if (fence) {
        blocks.push(h("pre", {}, ...marked(code.join("\n"), needle)));
        code = null;
      } else code.push(line);
      continue;
    }
    const item = line.match(/^\s*(?:([-*+])|(\d{1,3})[.)])\s+(.*)$/);
    const heading = line.match(/^#{1,6}\s+(.*)$/);
    if (!item) list = null;
    if (fence) {
      close();
      code = [];
    } else if (item) {
      close();
      const tag = item[1] ? "ul" : "ol";
      if (list?.tagName.toLowerCase() !== tag) blocks.push((list = h(tag, item[2] ? { start: item[2] } : {})));
      list.append(h("li", {}, ...inline(item[3], needle)));
    } else if (heading) {
      close();
      blocks.push(h("p", {}, h("strong", {}, ...inline(heading[1], needle))));
    } else if (!line.trim()) close();
    else lines.push(line);
  }
  close();
  if (code !== null) blocks.push(h("pre", {}, ...marked(code.join("\n"), needle)));
  return blocks;
}

function inline(text, needle) {
  return text.split(INLINE).flatMap((piece) => {
    if (piece.length > 2 && piece.startsWith("`") && piece.endsWith("`")) return h("code", {}, ...marked(piece.slice(1, -1), needle));
    const strong = piece.match(/^(\*\*|__)(.+)\1$/s);
    if (strong) return h("strong", {}, ...marked(strong[2], needle));
    if (/^\*[^*]+\*$/.test(piece)) return h("em", {}, ...marked(piece.slice(1, -1), needle));
    return marked(piece, needle);
  });
}

/** Return *text* exactly as it came, with the characters that nobody sees written out. */
export function raw(text, needle) {
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(UNSEEN)) {
    parts.push(...marked(text.slice(from, found.index), needle));
    const code = found[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    parts.push(h("span.unseen", { title: "A character that is not seen" }, `U+${code}`));
    from = found.index + 1;
  }
  parts.push(...marked(text.slice(from), needle));
  return [h("p.line__raw", {}, ...parts)];
}
