/** The Application Servers of the deployment: which answers, and what it refuses. */

import { OPERATOR } from "../api.js";
import { badge, el, table } from "../dom.js";
import { time } from "../format.js";

/** @param {import("../view.js").Console} console_ @returns {import("../view.js").View} */
export function serversView({ api }) {
  const element = el("div", {}, el("p", { class: "hint" }, "loading"));

  async function refresh() {
    const [{ body: servers }, { body: summary }] = await Promise.all([
      api.get(`${OPERATOR}/application-servers`),
      api.get(`${OPERATOR}/summary`),
    ]);
    element.replaceChildren(
      servers.applicationServers.length
        ? serverTable(servers.applicationServers)
        : el("p", { class: "hint" }, "No application server is configured."),
      el(
        "p",
        { class: "hint" },
        `${summary.software} · ${summary.provisioningSessions} session(s)`,
      ),
    );
  }

  return {
    title: "Application servers",
    element,
    refresh,
    concerns: (kind) => kind === "session-changed",
    pollMs: () => 5000,
  };
}

function serverTable(servers) {
  const headings = ["Server", "State", "Since", "Refused sessions", "Reason"];
  const rows = servers.map((one) => [
    el("code", {}, one.server),
    one.answers ? badge("answers", "good") : badge("does not answer", "bad"),
    one.unreachableSince ? time(one.unreachableSince) : "—",
    one.refusedSessions ? badge(one.refusedSessions, "bad") : "0",
    one.reason?.detail ?? "—",
  ]);
  return table("Application servers", headings, rows);
}
