/** Which version of a model UEs get: a share of them, a cohort, and the way back. */

import { actions, confirm } from "../dialogs.js";
import { button, el, field, select } from "../dom.js";
import { time } from "../format.js";
import { attempt } from "../view.js";

/**
 * @param {import("../view.js").Console} console_
 * @param {string} url of the model at M1
 * @param {any[]} versions newest first
 * @param {any | null} rollout the one in force
 * @param {() => Promise<void>} refreshed
 */
export function rolloutPanel(console_, url, versions, rollout, refreshed) {
  const { api } = console_;
  const published = versions.filter((one) => one.state === "PUBLISHED").map((one) => String(one.version));
  if (published.length === 0) return null;

  const version = select(published.map(named), String(rollout?.version ?? published[0]));
  const baseline = select([["", "decided by the AF"], ...published.map(named)], String(rollout?.baselineVersion ?? ""));
  const cohort = /** @type {HTMLInputElement} */ (
    el("input", { value: rollout?.cohort ?? "", placeholder: "none", maxlength: 64 })
  );
  const share = el("output", {}, `${rollout?.percentage ?? 100} %`);
  const slider = /** @type {HTMLInputElement} */ (
    el("input", {
      type: "range",
      min: 0,
      max: 100,
      step: 1,
      value: rollout?.percentage ?? 100,
      "aria-label": "Share of UEs",
      oninput: () => {
        share.textContent = `${slider.value} %`;
      },
    })
  );

  async function act(/** @type {() => Promise<unknown>} */ request, done) {
    await attempt(console_, request, done);
    await attempt(console_, refreshed);
  }

  async function etag() {
    return rollout ? (await api.get(`${url}/rollout`)).etag : null;
  }

  const apply = () =>
    act(async () => {
      const wanted = {
        version: Number(version.value),
        percentage: Number(slider.value),
        cohort: cohort.value || undefined,
        baselineVersion: baseline.value ? Number(baseline.value) : undefined,
      };
      await api.send("PUT", `${url}/rollout`, JSON.stringify(wanted), { etag: await etag() });
    }, "Rollout in force.");

  const rollBack = () =>
    act(() => api.send("POST", `${url}/rollback`, "{}"), "Rolled back.");

  const end = async () => {
    const text = "Every UE gets the newest published version.";
    if (await confirm("End the rollout?", text, "End rollout")) {
      await act(() => api.remove(`${url}/rollout`), "Rollout ended.");
    }
  };

  return el(
    "div",
    { class: "rollout" },
    el("h3", {}, "Rollout"),
    el("p", { class: "hint" }, ...inForce(rollout)),
    el(
      "div",
      { class: "fields" },
      field("Version", version),
      el("label", { class: "field wide" }, el("span", {}, "Share of UEs ", share), slider),
      field("Cohort", cohort),
      field("Others get", baseline),
    ),
    actions(
      button("End rollout", end, "quiet", { disabled: rollout === null }),
      button("Roll back", rollBack, "danger", { disabled: rollout === null }),
      button("Apply", apply),
    ),
    rollout?.history?.length > 0 && history(rollout.history),
  );
}

function inForce(rollout) {
  if (rollout === null) return ["None: every UE gets the newest published version."];
  return [`${described(rollout)}, since `, time(rollout.since)];
}

function history(past) {
  const items = past.map((/** @type {any} */ one) => el("li", {}, `${described(one)}, from `, time(one.since)));
  return el("details", {}, el("summary", {}, `Before (${past.length})`), el("ul", {}, ...items));
}

function described(rollout) {
  const cohort = rollout.cohort ? ` and cohort ${rollout.cohort}` : "";
  const others = rollout.baselineVersion ? `, version ${rollout.baselineVersion} for the others` : "";
  return `Version ${rollout.version} for ${rollout.percentage} % of UEs${cohort}${others}`;
}

/** @returns {[string, string]} */
function named(version) {
  return [version, `version ${version}`];
}
