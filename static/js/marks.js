// Agents' marks, cloned from the ones the server drew, so that there is one set of shapes.

/** Return a copy of the mark of agent *index* as the page has it. */
export function mark(index, small = false) {
  const source = document.querySelector(`[data-row="${index}"] svg.mark`);
  const copy = source.cloneNode(true);
  copy.setAttribute("class", `mark a${index + 1}${small ? " mark--small" : ""}`);
  return copy;
}
