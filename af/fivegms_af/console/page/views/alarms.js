/** Where the network falls short of what sessions require. */

import { OPERATOR } from "../api.js";
import { badge, el, table } from "../dom.js";
import { quantity, shortId, time } from "../format.js";
import { attempt } from "../view.js";

/** @param {import("../view.js").Console} console_ @returns {import("../view.js").View} */
export function alarmsView(console_) {
  const list = el("div", {}, el("p", { class: "hint" }, "loading"));
  const past = /** @type {HTMLInputElement} */ (
    el("input", { type: "checkbox", onchange: () => attempt(console_, refresh) })
  );

  async function refresh() {
    const state = past.checked ? "all" : "open";
    const { body } = await console_.api.get(`${OPERATOR}/qos-alarms?state=${state}`);
    list.replaceChildren(
      body.qosAlarms.length
        ? alarmTable(body.qosAlarms)
        : el("p", { class: "hint" }, past.checked ? "There was no alarm." : "No alarm is open."),
    );
  }

  return {
    title: "Alarms",
    element: el("div", {}, el("label", { class: "check" }, past, " also those that are over"), list),
    refresh,
    concerns: (kind) => kind === "alarm-changed",
    pollMs: () => 30_000,
  };
}

function alarmTable(alarms) {
  const headings = ["Alarm", "Session", "Of", "Raised", "Cleared", "Required", "Observed"];
  const rows = alarms.map((one) => [
    badge(one.kind, one.cleared ? "" : "bad"),
    el(
      "a",
      { href: `#/sessions/${one.provisioningSessionId}`, title: one.provisioningSessionId },
      shortId(one.provisioningSessionId),
    ),
    one.subject,
    time(one.raised),
    one.cleared ? time(one.cleared) : "—",
    number(one.kind, one.required),
    number(one.kind, one.observed),
  ]);
  return table("QoS alarms", headings, rows);
}

function number(kind, value) {
  if (value === undefined) return "—";
  return quantity(value, kind === "DOWNLINK_THROUGHPUT" ? "bit/s" : "ms");
}
