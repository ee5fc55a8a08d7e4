/** Asks for a client's credentials, or for a token from another issuer. */

import { actions, reasons } from "./dialogs.js";
import { el, field } from "./dom.js";

/**
 * @param {import("./api.js").Api} api
 * @param {() => Promise<void>} proceed throws Problem where who signed in may not see anything
 */
export function signInForm(api, proceed) {
  const id = input("text", "username");
  const secret = input("password", "current-password");
  const token = input("password", "off");
  const refusal = el("div", { class: "refusal", role: "alert" });
  const onsubmit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      if (token.value) api.useToken(token.value.trim());
      else await api.signIn(id.value, secret.value);
      await proceed();
    } catch (error) {
      refusal.replaceChildren(...reasons(error));
    }
  };
  return el(
    "form",
    { class: "card narrow", onsubmit },
    field("Client", id),
    field("Secret", secret),
    el(
      "details",
      {},
      el("summary", {}, "A token from another issuer"),
      field("Access token", token, "With the scope fivegms-operator."),
    ),
    refusal,
    actions(el("button", { type: "submit" }, "Sign in")),
    el("p", { class: "hint" }, "Kept in the memory of this page only."),
  );
}

function input(type, autocomplete) {
  return /** @type {HTMLInputElement} */ (el("input", { type, autocomplete }));
}
