// One connection for all tabs of a run: a browser opens six to a server, and every tab would take one.

import { Feed } from "./feed.js";

const SLEEP_MS = 15_000;
const shared = new Map();

self.addEventListener("connect", ({ ports: [port] }) => {
  let group = null;
  port.onmessage = ({ data }) => {
    if (data.join) group = join(port, data.join, data.after);
    else if (group) look(group, port, data.look);
  };
});

function join(port, api, after) {
  let group = shared.get(api);
  // What is over may begin anew: a failed run that is tried again.
  if (group && !group.feed.over) {
    // Whoever comes later has a page of its own age, and reads by itself what lies between.
    for (const known of [group.feed.said, group.feed.known]) if (known) port.postMessage(known);
  } else {
    group = { ports: new Map() };
    shared.set(api, group);
  }
  group.ports.set(port, true);
  group.feed ??= new Feed(api, after, (message) => {
    for (const each of group.ports.keys()) each.postMessage(message);
  });
  group.feed.wake();
  return group;
}

/** Take note of whether *port* looks: true, false, or "gone". */
function look(group, port, looks) {
  if (looks === "gone") group.ports.delete(port);
  else group.ports.set(port, looks);
  clearTimeout(group.sleep);
  if ([...group.ports.values()].includes(true)) group.feed.wake();
  else group.sleep = setTimeout(() => group.feed.sleep(), SLEEP_MS);
}
