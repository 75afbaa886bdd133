// The transcript: the talk of the month, or of the whole run, of everybody or of one agent.

import { all, bind, h, one } from "../dom.js";
import { rowsOf } from "./lines.js";

const WINDOW = 200;
const ROW_PX = 96;
/** What a row surely takes, in px: itself, each line of its text, and across each character. */
const LEAST = { row: 48, line: 20, character: 6 };
/** How many of the rows that are out of sight are made at a time. */
const PART = 20;

export class Transcript {
  /** host: open(wish) opens the inspector; changed() is called when the reader chose to see it otherwise. */
  constructor(run, host) {
    this.run = run;
    this.host = host;
    this.list = one("[data-lines]");
    this.filter = null;
    this.raw = false;
    this.whole = false;
    this.expanded = false;
    this.drawn = new Map();
    this.near = new Set();
    this.rest = null;
    one("[data-filter]").addEventListener("change", ({ target }) => this.choose({ filter: target.value === "" ? null : Number(target.value) }));
    one("[data-raw]").addEventListener("change", ({ target }) => this.choose({ raw: target.checked }));
    one("[data-scope]").addEventListener("change", ({ target }) => this.choose({ whole: target.checked }));
    // Asking the list where it is would lay the page out.
    this.list.addEventListener("scroll", () => (this.scrolled = this.list.scrollTop > 0), { passive: true });
    this.room = { width: innerWidth, height: innerHeight };
    new ResizeObserver(([{ contentRect }]) => (this.room = contentRect)).observe(this.list);
    one("[data-expand]").addEventListener("change", ({ target }) => this.choose({ expanded: target.checked }));
  }

  choose(how) {
    Object.assign(this, how);
    this.drawn.clear();
    this.host.changed();
  }

  /** Show *place*; *hide* leaves out what comes after it in its month (while playing). */
  show(place, hide) {
    const { run } = this;
    const month = run.month(place.month);
    bind("chat-title", this.whole ? "Talk of all months" : month ? `Talk of month ${month.month}` : "Talk");
    const months = this.whole ? run.told.months : month ? [month] : [];
    this.frame(months);
    const rows = this.whole ? months.reduce((sum, one) => sum + one.lines.length + 2, 0) : 0;
    this.watch(rows > WINDOW);
    // Whoever comes to a month sees its first rows; a named message, or what comes up to it, may be further down.
    const top = !this.whole && !place.message && !hide;
    if (!top) this.finish();
    for (const each of months) {
      if (rows <= WINDOW || each.month === place.month || this.near.has(each.month)) this.fill(each, place, top);
      else this.clear(each.month);
    }
    this.mark(place, hide);
  }

  /** One section a month, in order; months without a section yet get one. */
  frame(months) {
    const wanted = months.map((month) => String(month.month));
    const sections = all("[data-chat-month]", this.list);
    if (sections.map((section) => section.dataset.chatMonth).join() === wanted.join() && wanted.length) return;
    this.drawn.clear();
    const known = new Map(sections.map((section) => [section.dataset.chatMonth, section]));
    this.list.replaceChildren(
      ...wanted.map((number) => known.get(number) ?? h("section.chat__month", { "data-chat-month": number })),
    );
    if (!wanted.length) this.list.replaceChildren(h("p.line--none", {}, "Nothing has happened yet."));
    this.watching = null;
  }

  /** Of a long transcript only the months near what is seen are there. */
  watch(windowed) {
    if (!windowed) {
      this.observer?.disconnect();
      this.watching = null;
      return;
    }
    if (this.watching) return;
    this.observer?.disconnect();
    this.near.clear();
    const scrolls = getComputedStyle(this.list).overflowY !== "visible";
    this.observer = new IntersectionObserver((entries) => this.moved(entries), { root: scrolls ? this.list : null, rootMargin: "1500px 0px" });
    for (const section of all("[data-chat-month]", this.list)) this.observer.observe(section);
    this.watching = true;
  }

  moved(entries) {
    for (const { target, isIntersecting } of entries) {
      const number = Number(target.dataset.chatMonth);
      if (isIntersecting) {
        this.near.add(number);
        const month = this.run.month(number);
        if (month) this.fill(month, this.place);
      } else if (number !== this.place.month) {
        this.near.delete(number);
        this.clear(number);
      }
    }
    this.mark(this.place, this.hide, false);
  }

  section(number) {
    return one(`[data-chat-month="${number}"]`, this.list);
  }

  /** Write a month's rows, unless they stand there already; at its *top*, where it is new, first those in sight. */
  fill(month, place, top = false) {
    const { run, filter, raw, expanded } = this;
    const next = run.month(month.month + 1);
    const known = this.drawn.get(month.month);
    const talk = run.knowsTalk(month.month);
    if (known && known.month === month && known.next === next && known.q === place.q && known.talk === talk) return;
    this.rest = null;
    this.drawn.set(month.month, { month, next, q: place.q, talk });
    const how = { filter, raw, expanded, q: place.q, agent: place.agent, open: (wish) => this.host.open(wish) };
    const rows = talk ? rowsOf(run, month, how) : [h("li.line.line--none", {}, h("p.skeleton", {}, "Loading the talk"))].values();
    const list = h("ol", {}, ...(top && !known ? this.inSight(rows) : rows));
    const section = this.section(month.month);
    section.replaceChildren(this.whole ? h("h3.chat__heading", {}, `Month ${month.month}`) : "", list);
    section.style.removeProperty("min-height");
    if (top && !known) this.later({ list, rows });
  }

  /** Take so many of *rows* that they surely fill what is seen of the list. */
  inSight(rows) {
    const { width, height } = this.room;
    const characters = Math.max(20, width / LEAST.character);
    const taken = [];
    for (let left = Math.min(height, innerHeight); left > 0; ) {
      const { value, done } = rows.next();
      if (done) break;
      taken.push(value);
      left -= LEAST.row + LEAST.line * Math.floor(value.textContent.length / characters);
    }
    return taken;
  }

  /** Make the *rest* of the rows once the first are on the screen, a few at a time. */
  later(rest) {
    this.rest = rest;
    requestAnimationFrame(() =>
      setTimeout(() => {
        if (this.rest !== rest) return;
        let more = true;
        for (let made = 0; made < PART && more; made += 1) {
          const { value, done } = rest.rows.next();
          if (!done) rest.list.append(value);
          more = !done;
        }
        if (more) this.later(rest);
        else this.rest = null;
      }),
    );
  }

  /** Make at once what is still to come. */
  finish() {
    this.rest?.list.append(...this.rest.rows);
    this.rest = null;
  }

  /** Take a month's rows away and keep their place. */
  clear(number) {
    const section = this.section(number);
    const filled = section.childElementCount > 0;
    if (!filled && section.style.minHeight) return;
    const rows = (this.run.month(number)?.lines.length ?? 0) + 2;
    section.style.setProperty("min-height", `${filled ? section.offsetHeight : rows * ROW_PX}px`);
    section.replaceChildren();
    this.drawn.delete(number);
  }

  mark(place, hide, scroll = true) {
    const moved = scroll && (this.shown !== `${place.month}/${place.message}` || this.shownWhole !== this.whole);
    const near = this.place?.month === place.month && this.shownWhole === this.whole;
    Object.assign(this, { place, hide, shown: `${place.month}/${place.message}`, shownWhole: this.whole });
    for (const row of all(".line--current", this.list)) {
      row.classList.remove("line--current");
      row.removeAttribute("aria-current");
    }
    const current = place.message ? document.getElementById(place.message) : null;
    current?.classList.add("line--current");
    current?.setAttribute("aria-current", "true");
    current?.querySelector("details.long-text")?.setAttribute("open", "");
    for (const row of all(".line--later", this.list)) row.classList.remove("line--later");
    const section = this.section(place.month);
    if (hide && section) {
      let later = !current;
      for (const row of all(".line", section)) {
        row.classList.toggle("line--later", later);
        later ||= row === current;
      }
    }
    if (!moved) return;
    if (current) this.reveal(current, { near });
    else if (this.whole && section) this.reveal(section, { top: true });
    else if (this.scrolled) this.list.scrollTo({ top: 0, behavior: "instant" });
  }

  /** Scroll to *item*: to the upper third, or to the top; smoothly only to a neighbour. */
  reveal(item, { top = false, near = false }) {
    const { list } = this;
    if (getComputedStyle(list).overflowY !== "visible") {
      const offset = item.getBoundingClientRect().top - list.getBoundingClientRect().top + list.scrollTop;
      const middle = Math.max(0, list.clientHeight / 2 - item.offsetHeight / 2);
      list.scrollTo({ top: top ? offset : offset - Math.min(middle, list.clientHeight * 0.3), behavior: near ? "auto" : "instant" });
    } else if (item.getBoundingClientRect().height) item.scrollIntoView({ block: "nearest" });
  }
}
