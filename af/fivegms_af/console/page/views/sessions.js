/** All sessions of all providers: found, created, deleted. */

import { M1, OPERATOR } from "../api.js";
import { confirm, form } from "../dialogs.js";
import { badge, button, el, field, select, table } from "../dom.js";
import { time } from "../format.js";
import { attempt } from "../view.js";

const PAGE = 50;

/** @param {import("../view.js").Console} console_ @returns {import("../view.js").View} */
export function sessionsView(console_) {
  const { api } = console_;
  let shown = PAGE;
  const search = /** @type {HTMLInputElement} */ (
    el("input", {
      type: "search",
      placeholder: "identifier, app, provider, hosting",
      "aria-label": "Search sessions",
      oninput: () => attempt(console_, refresh),
    })
  );
  const list = el("div");

  async function refresh() {
    const page = await find(api, search.value, shown);
    list.replaceChildren(
      page.sessions.length ? sessionTable(page.sessions) : el("p", { class: "hint" }, empty(search.value)),
      page.more ? button("More", more, "quiet") : "",
    );
  }

  function more() {
    shown += PAGE;
    return attempt(console_, refresh);
  }

  async function remove(/** @type {any} */ session) {
    const text = `Everything below ${session.appId} goes, here and at the application servers.`;
    if (await confirm("Delete this session?", text, "Delete session")) {
      const url = `${M1}/${session.provisioningSessionId}`;
      await attempt(console_, () => api.remove(url), "Session deleted.");
      await refresh();
    }
  }

  function sessionTable(/** @type {any[]} */ sessions) {
    const headings = ["Session", "Type", "App", "Provider", "Provisioned", "Modified", ""];
    const rows = sessions.map((one) => [
      el("a", { href: `#/sessions/${one.provisioningSessionId}` }, one.provisioningSessionId),
      badge(one.provisioningSessionType),
      one.appId,
      one.aspId ?? "—",
      provisioned(one),
      time(one.modified),
      button("Delete", () => remove(one), "danger small", {
        "aria-label": `Delete session ${one.provisioningSessionId}`,
      }),
    ]);
    return table("Provisioning Sessions", headings, rows);
  }

  return {
    title: "Sessions",
    element: el(
      "div",
      {},
      el("div", { class: "bar" }, search, button("New session", () => create(console_))),
      list,
    ),
    refresh,
    concerns: (kind) => kind === "session-changed",
  };
}

/** The first `count` sessions that match, and whether there are more. */
export async function find(api, sought, count) {
  /** @type {any[]} */
  const sessions = [];
  let after = "";
  while (sessions.length < count) {
    const query = new URLSearchParams({ limit: String(Math.min(count - sessions.length, 500)) });
    if (after) query.set("after", after);
    if (sought) query.set("q", sought);
    const { body } = await api.get(`${OPERATOR}/provisioning-sessions?${query}`);
    sessions.push(...body.provisioningSessions);
    after = body.after ?? "";
    if (!after) break;
  }
  return { sessions, more: after !== "" };
}

async function create(/** @type {import("../view.js").Console} */ console_) {
  const type = select(
    [
      ["DOWNLINK", "DOWNLINK: to UEs"],
      ["UPLINK", "UPLINK: from UEs"],
    ],
    "DOWNLINK",
  );
  const app = /** @type {HTMLInputElement} */ (el("input", { required: true, maxlength: 256 }));
  const provider = /** @type {HTMLInputElement} */ (el("input", { maxlength: 256 }));
  let location = "";
  const isCreated = await form(
    "New session",
    [
      field("Type", type),
      field("App", app, "The identifier of the application (appId)."),
      field("Provider", provider, "The application service provider (aspId); may be empty."),
    ],
    "Create session",
    async () => {
      const session = {
        provisioningSessionType: type.value,
        appId: app.value,
        aspId: provider.value || undefined,
      };
      const { body } = await console_.api.send("POST", M1, JSON.stringify(session));
      location = `#/sessions/${body.provisioningSessionId}`;
    },
  );
  if (isCreated) window.location.hash = location;
}

function provisioned(session) {
  const counts = [
    [session.contentHostingConfiguration === undefined ? 0 : 1, "hosting"],
    [session.contentPreparationTemplates, "preparation"],
    [session.serverCertificates, "certificates"],
    [session.consumptionReportingConfiguration ? 1 : 0, "consumption"],
    [session.metricsReportingConfigurations, "metrics"],
    [session.policyTemplates, "policies"],
    [session.edgeResourcesConfigurations, "edge"],
    [session.eventDataProcessingConfigurations, "event data"],
  ];
  const there = counts.filter(([count]) => Number(count) > 0);
  const texts = there.map(([count, name]) => (Number(count) > 1 ? `${count} ${name}` : name));
  return texts.join(", ") || "nothing yet";
}

function empty(sought) {
  return sought ? "No session matches." : "There is no session yet.";
}
