/** Modal dialogs: a confirmation, a form, a text to copy. Each promise settles when it closes. */

import { button, el } from "./dom.js";

/**
 * Show a dialog until `close` is called or it is dismissed.
 * @template T
 * @param {string} title
 * @param {(close: (result: T) => void) => import("./dom.js").Child[]} content
 * @param {T} dismissed the result when it is dismissed
 * @returns {Promise<T>}
 */
export function open(title, content, dismissed) {
  return new Promise((resolve) => {
    let result = dismissed;
    const dialog = /** @type {HTMLDialogElement} */ (el("dialog", { "aria-label": title }));
    const close = (/** @type {T} */ given) => {
      result = given;
      dialog.close();
    };
    dialog.append(el("h2", {}, title));
    for (const child of content(close)) if (child) dialog.append(child);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(result);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Ask before something is lost. @returns {Promise<boolean>} */
export function confirm(title, text, action) {
  return open(
    title,
    (close) => [
      el("p", {}, text),
      actions(
        button("Cancel", () => close(false), "quiet", { autofocus: true }),
        button(action, () => close(true), "danger"),
      ),
    ],
    false,
  );
}

/** Show a text as it is. */
export function showText(title, text) {
  return open(
    title,
    (close) => [
      el("pre", { tabindex: "0" }, text),
      actions(
        button("Copy", () => navigator.clipboard?.writeText(text), "quiet"),
        button("Close", () => close(undefined)),
      ),
    ],
    undefined,
  );
}

/**
 * A form whose `submit` may be refused, which is then said in it.
 * @param {string} title @param {import("./dom.js").Child[]} fields @param {string} action
 * @param {() => Promise<unknown>} submit @returns {Promise<boolean>}
 */
export function form(title, fields, action, submit) {
  return open(
    title,
    (close) => {
      const refusal = el("div", { class: "refusal", role: "alert" });
      const go = el("button", { type: "submit" }, action);
      const onsubmit = async (/** @type {Event} */ event) => {
        event.preventDefault();
        go.setAttribute("disabled", "");
        try {
          await submit();
          close(true);
        } catch (error) {
          refusal.replaceChildren(...reasons(error));
        } finally {
          go.removeAttribute("disabled");
        }
      };
      const cancel = button("Cancel", () => close(false), "quiet");
      return [el("form", { onsubmit }, ...fields, refusal, actions(cancel, go))];
    },
    false,
  );
}

/** What a refusal says, fault by fault. */
export function reasons(error) {
  const faults = error.faults ?? [];
  const items = faults.map((one) =>
    el("li", {}, el("code", {}, one.param || "the body"), " ", one.reason ?? "is refused"),
  );
  const head = faults.length ? error.title || error.message : error.message;
  return [el("p", {}, head), items.length ? el("ul", {}, ...items) : ""].filter(Boolean);
}

/** @param {...Node} buttons */
export function actions(...buttons) {
  return el("p", { class: "actions" }, ...buttons);
}
