/**
 * Edits one resource as text. What the AF refuses is shown behind the line of the member that is
 * refused, and listed below, where each entry leads to its member.
 */

import { actions, confirm, open } from "./dialogs.js";
import { button, el, field, select } from "./dom.js";
import { place } from "./json_places.js";

/**
 * @typedef {object} Edit
 * @property {string} title
 * @property {string} text
 * @property {{name: string, body: unknown}[]} [examples] what may be started from
 * @property {boolean} [isJson]
 * @property {(text: string) => Promise<unknown>} save throws Problem
 * @property {() => Promise<string>} [reload] what is there now, after somebody else changed it
 */

/** @param {Edit} edit @returns {Promise<boolean>} whether it was saved */
export function edit({ title, text, examples = [], isJson = true, save, reload }) {
  return open(
    title,
    (close) => {
      const area = /** @type {HTMLTextAreaElement} */ (
        el("textarea", { spellcheck: "false", wrap: "off", "aria-label": title, rows: rowsFor(text) })
      );
      const behind = el("pre", { class: "behind", "aria-hidden": "true" });
      const below = el("div", { class: "refusal", role: "alert" });
      const saving = button("Save", submit);
      area.value = text;
      area.addEventListener("input", () => annotate([]));
      area.addEventListener("scroll", () => {
        behind.style.transform = `translate(${-area.scrollLeft}px, ${-area.scrollTop}px)`;
      });
      annotate([]);

      /** @param {{param: string, reason?: string, line: number}[]} faults */
      function annotate(faults) {
        const lines = area.value.split("\n").map((line, index) => {
          const here = faults.filter((fault) => fault.line === index + 1);
          const reason = here.map((fault) => fault.reason ?? "is refused").join("; ");
          const note = reason && el("span", { class: "fault" }, ` ◂ ${reason}`);
          return el("span", { class: reason ? "line faulty" : "line" }, line, note, "\n");
        });
        behind.replaceChildren(...lines);
      }

      function refuse(/** @type {any} */ problem) {
        const faults = (problem.faults ?? []).map((one) => ({
          ...one,
          ...(isJson && !/^(header|query) /.test(one.param)
            ? place(area.value, one.param)
            : { start: 0, end: 0, line: 0 }),
        }));
        annotate(faults);
        const items = faults.map((one) => {
          const where = `${one.line ? `line ${one.line} · ` : ""}${one.param || "the whole body"}`;
          const reach = () => {
            area.focus();
            area.setSelectionRange(one.start, one.end);
          };
          return el("li", {}, button(where, reach, "link"), `: ${one.reason ?? "is refused"}`);
        });
        const head = faults.length ? problem.title || problem.message : problem.message;
        below.replaceChildren(el("p", {}, head), items.length ? el("ul", {}, ...items) : "");
        if (problem.status === 412 && reload) below.replaceChildren(...changedMeanwhile(reload));
      }

      function changedMeanwhile(/** @type {() => Promise<string>} */ again) {
        const take = async () => {
          area.value = await again();
          annotate([]);
          below.replaceChildren();
        };
        return [
          el("p", {}, "Changed meanwhile: somebody else saved this resource since you opened it."),
          button("Reload what is there now", take, "quiet"),
        ];
      }

      async function submit() {
        saving.setAttribute("disabled", "");
        try {
          if (isJson) JSON.parse(area.value);
          await save(area.value);
          close(true);
        } catch (error) {
          refuse(error);
        } finally {
          saving.removeAttribute("disabled");
        }
      }

      async function dismiss() {
        const lost = area.value !== text && !startsFromExample(area.value, examples);
        if (!lost || (await confirm("Discard changes?", "What you wrote is lost.", "Discard"))) {
          close(false);
        }
      }

      const chooser = select(
        examples.map((one, index) => [String(index), one.name]),
        "0",
        { onchange: () => start(chooser, area, examples, annotate) },
      );
      return [
        examples.length > 1 && field("Start from", chooser),
        el("div", { class: "editor" }, behind, area),
        below,
        actions(button("Cancel", dismiss, "quiet"), saving),
      ];
    },
    false,
  );
}

/** A JSON value as it is edited. */
export function pretty(value) {
  return JSON.stringify(value, null, 2);
}

function rowsFor(text) {
  return Math.min(20, Math.max(8, text.split("\n").length + 1));
}

function start(chooser, area, examples, annotate) {
  area.value = pretty(examples[Number(chooser.value)].body);
  annotate([]);
}

function startsFromExample(text, examples) {
  return examples.some((one) => pretty(one.body) === text);
}
