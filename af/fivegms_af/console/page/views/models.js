/** Models of all sessions: how far each version is, what it costs, and which one UEs get. */

import { M1, OPERATOR } from "../api.js";
import { badge, el, table } from "../dom.js";
import { size, time } from "../format.js";
import { rolloutPanel } from "./rollout.js";

const TONES = { PUBLISHED: "good", PREPARING: "busy", AWAITING_UPLOAD: "busy", FAILED: "bad" };
const BUSY_MS = 1000;
const IDLE_MS = 10_000;

/** @param {import("../view.js").Console} console_ @returns {import("../view.js").View} */
export function modelsView(console_) {
  const element = el("div", {}, el("p", { class: "hint" }, "loading"));
  let isBusy = false;
  let before = "";

  async function refresh() {
    const { body, text } = await console_.api.get(`${OPERATOR}/models`);
    isBusy = body.aiModels.some((/** @type {any} */ one) => one.state !== "PUBLISHED" && one.state !== "FAILED");
    if (text === before) return; // a slider that is held must not be replaced
    before = text;
    const groups = [...byModel(body.aiModels).values()];
    const cards = groups.map((versions) => {
      const rollout = body.rollouts.find(
        (/** @type {any} */ one) =>
          one.name === versions[0].name &&
          one.provisioningSessionId === versions[0].provisioningSessionId,
      );
      return modelCard(versions, rollout?.rollout ?? null);
    });
    const nothing = el("p", { class: "hint" }, "No model is published yet.");
    element.replaceChildren(...(cards.length ? cards : [nothing]));
  }

  function modelCard(/** @type {any[]} */ versions, /** @type {any} */ rollout) {
    const { name, task, provisioningSessionId } = versions[0];
    const url = `${M1}/${provisioningSessionId}/ai-models/${encodeURIComponent(name)}`;
    const refreshed = async () => {
      before = "";
      await refresh();
    };
    return el(
      "section",
      { class: "card", "data-model": name },
      el("h2", {}, name),
      el(
        "p",
        { class: "hint" },
        `${task} · session `,
        el("a", { href: `#/sessions/${provisioningSessionId}` }, provisioningSessionId),
      ),
      ...versions.map(versionPart),
      rolloutPanel(console_, url, versions, rollout, refreshed),
    );
  }

  return {
    title: "Models",
    element,
    refresh,
    concerns: (kind) => kind === "session-changed",
    pollMs: () => (isBusy ? BUSY_MS : IDLE_MS),
  };
}

/** Newest version first. @returns {Map<string, any[]>} */
function byModel(models) {
  const groups = new Map();
  for (const model of models) {
    const key = JSON.stringify([model.provisioningSessionId, model.name]);
    groups.set(key, [...(groups.get(key) ?? []), model]);
  }
  for (const group of groups.values()) group.sort((a, b) => b.version - a.version);
  return groups;
}

function versionPart(model) {
  const head = el(
    "h3",
    {},
    `Version ${model.version} `,
    badge(model.state, TONES[model.state]),
  );
  return el(
    "div",
    { class: "version" },
    head,
    model.progress && progress(model.progress),
    model.reason && el("p", { class: "refusal" }, model.reason.detail),
    model.published && el("p", { class: "hint" }, "Published ", time(model.published)),
    model.variants.length > 0 && variantTable(model.variants),
    model.locator && el("p", { class: "hint breakable" }, el("code", {}, model.locator)),
  );
}

function progress({ stage, fraction }) {
  const percent = Math.round(100 * fraction);
  return el(
    "label",
    { class: "progress" },
    el("span", {}, `${stage} · ${percent} %`),
    el("progress", { value: fraction, max: 1 }),
  );
}

function variantTable(variants) {
  const headings = ["Variant", "Codec", "Size", "Segments", "Accuracy", "Latency"];
  const rows = variants.map((one) => [
    one.id,
    one.codec,
    size(one.sizeBytes),
    one.segments,
    one.accuracy
      .map((/** @type {any} */ figure) => `${figure.metric} ${figure.value.toFixed(4)}`)
      .join(", ") || "—",
    one.latencyMs === undefined ? "—" : `${one.latencyMs.toFixed(2)} ms`,
  ]);
  return table("Variants", headings, rows);
}
