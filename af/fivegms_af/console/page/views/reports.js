/** What UEs report of a session, as it arrives: plots of every metric, and what was consumed. */

import { M1, OPERATOR } from "../api.js";
import { el, field, select, table } from "../dom.js";
import { quantity } from "../format.js";
import { Plot } from "../plot.js";
import { attempt } from "../view.js";
import { find } from "./sessions.js";

const OFFERED = 200;

/** Seconds of a period, its name, and the seconds that are taken together in it. */
const PERIODS = [
  [900, "the last 15 minutes", 10],
  [3600, "the last hour", 60],
  [86_400, "the last day", 900],
  [604_800, "the last week", 7200],
];

/** What operators ask first comes first. */
const FIRST = ["throughput", "AvgThroughput", "timeToFirstInference", "inferenceLatency.mean"];

/** @param {import("../view.js").Console} console_ @returns {import("../view.js").View} */
export function reportsView(console_, sessionId) {
  const { api } = console_;
  /** @type {Map<string, Plot>} */
  const plots = new Map();
  const again = () => attempt(console_, refresh);
  const session = /** @type {HTMLSelectElement} */ (
    el("select", { onchange: () => (window.location.hash = `#/reports/${session.value}`) })
  );
  const period = select(
    PERIODS.map(([seconds, name]) => [String(seconds), String(name)]),
    "900",
    { onchange: again },
  );
  const counts = el("p", { class: "hint" });
  const charts = el("div", { class: "plots" });
  const tables = el("div");
  let chosen = sessionId;

  async function refresh() {
    await offer();
    const { body: summary } = await api.get(`${OPERATOR}/summary`);
    counts.textContent =
      `${summary.metricsReports} metrics and ${summary.consumptionReports} consumption reports ` +
      "of all sessions since this AF started.";
    if (!chosen) {
      charts.replaceChildren(el("p", { class: "hint" }, "There is no session yet."));
      return;
    }
    await Promise.all([showMetrics(), showConsumption()]);
  }

  async function offer() {
    const { sessions } = await find(api, "", OFFERED);
    chosen ||= sessions[0]?.provisioningSessionId ?? "";
    const offered = sessions.map((one) => [one.provisioningSessionId, `${one.appId} · ${one.provisioningSessionId}`]);
    if (chosen && !offered.some(([id]) => id === chosen)) offered.unshift([chosen, chosen]);
    const shown = [...session.options].map((one) => one.value).join();
    if (shown !== offered.map(([id]) => id).join()) {
      session.replaceChildren(...offered.map(([value, text]) => el("option", { value }, text)));
    }
    session.value = chosen;
  }

  async function showMetrics() {
    const [seconds, , bucket] = PERIODS.find(([one]) => String(one) === period.value) ?? PERIODS[0];
    const from = new Date(Date.now() - 1000 * Number(seconds)).toISOString();
    const span = new URLSearchParams({ from, bucket: String(bucket) });
    const { body: analytics } = await api.get(`${M1}/${chosen}/analytics?${span}`);
    const metrics = [...analytics.metrics].sort((a, b) => rank(a.metric) - rank(b.metric));
    const series = await Promise.all(
      metrics.map(({ metric }) => {
        const query = new URLSearchParams({ from, bucket: String(bucket), metric });
        return api.get(`${M1}/${chosen}/metrics-reports/aggregate?${query}`);
      }),
    );
    const drawn = series.map(({ body }) => {
      const plot = plots.get(body.metric) ?? new Plot(body.metric);
      plots.set(body.metric, plot);
      return { plot, body };
    });
    const elements = drawn.map(({ plot }) => plot.element);
    const nothing = el("p", { class: "hint" }, "No metrics were reported in this period.");
    if (elements.length === 0) charts.replaceChildren(nothing);
    else if (elements.some((one, index) => charts.children[index] !== one)) charts.replaceChildren(...elements);
    for (const { plot, body } of drawn) plot.update(body.buckets, body);
    statistics.replaceChildren(metrics.length ? statisticsTable(metrics) : "");
  }

  async function showConsumption() {
    const from = new Date(Date.now() - 1000 * Number(period.value)).toISOString();
    const query = new URLSearchParams({ from, limit: "50" });
    const { body } = await api.get(`${M1}/${chosen}/consumption-reports/aggregate?${query}`);
    consumption.replaceChildren(
      body.media.length
        ? consumptionTable(body.media)
        : el("p", { class: "hint" }, "No consumption was reported in this period."),
    );
  }

  const statistics = el("div");
  const consumption = el("div");
  tables.append(statistics, consumption);

  return {
    title: "Reports",
    element: el(
      "div",
      {},
      el("div", { class: "bar" }, field("Session", session), field("Period", period)),
      charts,
      tables,
      counts,
    ),
    refresh,
    concerns: (kind, id) => kind === "report-received" && (id === null || id === chosen),
    pollMs: () => 30_000,
  };
}

function rank(metric) {
  const place = FIRST.indexOf(metric);
  return place < 0 ? FIRST.length : place;
}

function statisticsTable(metrics) {
  const headings = ["Metric", "Values", "Mean", "Median", "95 %", "Least", "Most", "Expected next"];
  const rows = metrics.map(({ metric, unit, statistics: one, forecast }) => [
    metric,
    one.count,
    ...[one.mean, one.p50, one.p95, one.minimum, one.maximum].map((value) => quantity(value, unit)),
    forecast ? quantity(forecast.value, unit) : "—",
  ]);
  return table("Metrics", headings, rows);
}

function consumptionTable(media) {
  const most = Math.max(...media.map((one) => one.seconds));
  const rows = media.map((one) => [
    one.mediaConsumed,
    el("meter", { value: one.seconds, max: most || 1, title: `${one.seconds} s` }),
    `${quantity(one.seconds, "s")}`,
    one.clients,
    one.units,
  ]);
  return table("Consumption", ["Media", "Share", "Time", "Clients", "Units"], rows);
}
