/** One session: who follows it, and every resource below it. */

import { M1, OPERATOR } from "../api.js";
import { actions, confirm, form, showText } from "../dialogs.js";
import { badge, button, el, field, table } from "../dom.js";
import { edit, pretty } from "../editor.js";
import { time } from "../format.js";
import { kindsOf } from "../kinds.js";
import { attempt } from "../view.js";
import { certificatesCard } from "./certificates.js";

const TONES = { IN_STEP: "good", PENDING: "busy", REFUSED: "bad", UNREACHABLE: "bad" };
const POLICY_TONES = { READY: "good", PENDING: "busy", INVALID: "bad", SUSPENDED: "busy" };

/** @param {import("../view.js").Console} console_ @returns {import("../view.js").View} */
export function sessionView(console_, id) {
  const { api } = console_;
  const url = `${M1}/${encodeURIComponent(id)}`;
  const element = el("div", {}, el("p", { class: "hint" }, "loading"));

  let isGone = false;

  async function refresh() {
    if (isGone) return;
    const [session, summary, servers] = await Promise.all([
      api.get(url),
      api.get(`${OPERATOR}/provisioning-sessions/${encodeURIComponent(id)}`),
      api.get(`${url}/application-servers`),
    ]);
    const kinds = kindsOf(session.body);
    const cards = await Promise.all(kinds.map((kind) => card(kind, session.body, summary.body)));
    const certificates = await certificatesCard(console_, url, session.body);
    element.replaceChildren(
      identity(session.body, summary.body),
      following(servers.body.applicationServers),
      el("div", { class: "cards" }, ...cards, certificates),
    );
  }

  function identity(/** @type {any} */ session, /** @type {any} */ summary) {
    const facts = [
      ["Identifier", el("code", {}, session.provisioningSessionId)],
      ["Type", badge(session.provisioningSessionType)],
      ["App", session.appId],
      ["Provider", session.aspId ?? "—"],
      ["Modified", time(summary.modified)],
    ];
    const list = facts.flatMap(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]);
    return el(
      "section",
      { class: "card" },
      el("dl", {}, ...list),
      actions(
        el("a", { class: "button quiet", href: "#/models" }, "Models"),
        el("a", { class: "button quiet", href: `#/reports/${id}` }, "Reports"),
        button("Delete session", destroy, "danger"),
      ),
    );
  }

  async function destroy() {
    const text = "Everything below it goes, here and at the application servers.";
    if (!(await confirm("Delete this session?", text, "Delete session"))) return;
    await attempt(
      console_,
      async () => {
        isGone = true; // events of its end come before the answer
        await api.remove(url).catch((problem) => {
          isGone = false;
          throw problem;
        });
        window.location.hash = "#/sessions";
      },
      "Session deleted.",
    );
  }

  async function card(/** @type {import("../kinds.js").Kind} */ kind, session, summary) {
    const single = `${url}/${kind.segment}`;
    const places = kind.ids
      ? (session[kind.ids] ?? []).map((/** @type {string} */ one) => `${single}/${one}`)
      : kind.exists?.(summary)
        ? [single]
        : [];
    const items = await Promise.all(places.map((place) => item(kind, place)));
    const mayCreate = Boolean(kind.ids) || places.length === 0;
    return el(
      "section",
      { class: "card", "data-kind": kind.segment },
      el("h2", {}, kind.title),
      items.length ? el("ul", { class: "items" }, ...items) : el("p", { class: "hint" }, "None."),
      mayCreate && actions(button("Create", () => create(kind, single), "", { "aria-label": `Create ${kind.one}` })),
    );
  }

  async function item(/** @type {import("../kinds.js").Kind} */ kind, place) {
    const { body, text, etag } = await api.get(place);
    const isPolicy = kind.segment === "policy-templates";
    return el(
      "li",
      {},
      el(
        "p",
        { class: "summary" },
        body ? kind.describe(body) : `${text.length} characters`,
        " ",
        isPolicy && badge(body.state, POLICY_TONES[body.state]),
      ),
      isPolicy && body.stateReason && body.state !== "READY" && el("p", { class: "hint" }, reason(body.stateReason)),
      actions(
        button("View", () => showText(kind.title, body ? pretty(body) : text), "quiet small"),
        button("Edit", () => change(kind, place), "quiet small", { "aria-label": `Edit ${kind.one}` }),
        ...(isPolicy ? [operate(place, body)] : []),
        ...(kind.segment === "content-hosting-configuration"
          ? [button("Purge", () => purge(place), "quiet small")]
          : []),
        button("Delete", () => remove(kind, place, etag), "danger small", {
          "aria-label": `Delete ${kind.one}`,
        }),
      ),
    );
  }

  async function create(/** @type {import("../kinds.js").Kind} */ kind, place) {
    await edit({
      title: `New ${kind.one}`,
      text: pretty(kind.examples[0].body),
      examples: kind.examples,
      save: (text) => api.send("POST", place, text, { type: kind.type }),
    });
    await attempt(console_, refresh);
  }

  async function change(/** @type {import("../kinds.js").Kind} */ kind, place) {
    await attempt(console_, async () => {
      let now = await api.get(place);
      const shown = () => (now.body ? pretty(now.body) : now.text);
      await edit({
        title: `Edit ${kind.one}`,
        text: shown(),
        isJson: now.body !== null,
        save: (text) => api.send("PUT", place, text, { etag: now.etag, type: kind.type }),
        reload: async () => {
          now = await api.get(place);
          return shown();
        },
      });
      await refresh();
    });
  }

  async function remove(kind, place, etag) {
    const text = `The ${kind.one} is withdrawn from UEs and application servers.`;
    if (!(await confirm(`Delete this ${kind.one}?`, text, "Delete"))) return;
    await attempt(console_, () => api.remove(place, { etag }), "Deleted.");
    await attempt(console_, refresh);
  }

  function operate(place, body) {
    const verb = body.state === "SUSPENDED" ? "resume" : "suspend";
    const templateUrl = `${OPERATOR}/policy-templates/${place.split("/").pop()}/${verb}`;
    const act = async () => {
      await attempt(console_, () => api.send("POST", templateUrl));
      await attempt(console_, refresh);
    };
    return button(verb === "resume" ? "Resume" : "Suspend", act, "quiet small");
  }

  async function purge(place) {
    const pattern = /** @type {HTMLInputElement} */ (el("input", { value: "" }));
    let count = 0;
    const isDone = await form(
      "Purge cached content",
      [field("Pattern", pattern, "An RE2 regular expression of URLs; empty: everything.")],
      "Purge",
      async () => {
        const body = pattern.value ? new URLSearchParams({ pattern: pattern.value }).toString() : "";
        const options = { type: "application/x-www-form-urlencoded" };
        const answer = await api.send("POST", `${place}/purge`, body, options);
        count = Number(answer.text || 0);
      },
    );
    if (isDone) console_.notify(`${count} object(s) purged.`, "good");
  }

  return {
    title: "Session",
    element,
    refresh,
    concerns: (kind, sessionId) =>
      kind === "session-changed" &&
      (sessionId === null || sessionId === id) &&
      document.querySelector("dialog") === null,
  };
}

function following(/** @type {any[]} */ servers) {
  const rows = servers.map((one) => [
    el("code", {}, one.server),
    badge(one.state, TONES[one.state]),
    time(one.since),
    one.reason ? reason(one.reason) : "",
  ]);
  const headings = ["Server", "State", "Since", "Reason"];
  return servers.length
    ? table("Application servers", headings, rows)
    : el("p", { class: "hint" }, "No application server is configured.");
}

function reason(problem) {
  const faults = (problem.invalidParams ?? []).map((one) => `${one.param}: ${one.reason ?? ""}`);
  return [problem.detail ?? problem.title, ...faults].join(" · ");
}
