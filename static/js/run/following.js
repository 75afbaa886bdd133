// Following a run at its live edge: what comes is shown at once, or counted while the reader looks back.

import { one } from "../dom.js";
import { announce } from "../site.js";
import { Live } from "./live.js";
import { showConnection, showGone, showOutcome, showStatus } from "./status.js";
import { spoken } from "./words.js";

/** Follow *run*. host: place(), toEnd(), show(), showPosition(). Returns what the page asks of it. */
export function follow(run, host) {
  const edge = {
    following: run.live && run.follow,
    unseen: 0,
    begin() {
      edge.following = run.live;
      edge.unseen = 0;
    },
    /** The button: at the edge "Live", looking back "Live, 4 new". */
    showButton() {
      const button = one('[data-do="live"]');
      if (!button) return;
      button.hidden = !run.live || run.state === "paused";
      button.setAttribute("aria-pressed", String(edge.following));
      button.textContent = edge.following ? "Live" : edge.unseen ? `Live, ${edge.unseen} new` : "Go live";
      button.classList.toggle("button--primary", edge.following);
    },
  };
  if (!run.live) return edge;

  const end = () => {
    run.live = false;
    edge.following = false;
  };

  // Only when the page stands: what comes is drawn into it.
  queueMicrotask(
    () =>
      new Live(run, {
        events(events) {
          const before = run.told.months_played;
          const fresh = run.add(events);
          const grown = run.told.months_played > before;
          if (edge.following) {
            host.toEnd();
            const month = run.month(host.place().month);
            if (grown && month) announce(spoken(month, run));
          } else {
            edge.unseen += fresh;
          }
          if (edge.following || host.place().month >= run.told.months.length - 1) host.show();
          else host.showPosition();
          showOutcome(run);
          if (grown) redrawCharts();
        },
        status(status) {
          showStatus(run, status);
          if (status.over) {
            end();
            redrawCharts();
          }
          host.showPosition();
        },
        gone(text) {
          end();
          showGone(text);
          host.showPosition();
        },
        chip: (chip) => showConnection(run, chip),
      }),
  );
  return edge;
}

async function redrawCharts() {
  const { redraw } = await import("../charts.js");
  redraw(true);
}
