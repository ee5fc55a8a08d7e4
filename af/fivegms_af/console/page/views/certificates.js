/** A session's server certificates, which are PEM and not JSON. */

import { actions, confirm, form, showText } from "../dialogs.js";
import { badge, button, el, field } from "../dom.js";
import { edit } from "../editor.js";
import { shortId } from "../format.js";
import { attempt } from "../view.js";

const PEM = "application/x-pem-file";

/** @param {import("../view.js").Console} console_ @param {any} session */
export async function certificatesCard(console_, url, session) {
  const { api } = console_;
  const all = `${url}/certificates`;

  async function item(/** @type {string} */ id) {
    const place = `${all}/${id}`;
    const { text, etag } = await api.get(place);
    const isAwaited = text === "";
    return el(
      "li",
      {},
      el(
        "p",
        { class: "summary" },
        el("code", { title: id }, shortId(id)),
        " ",
        isAwaited ? badge("awaits upload", "busy") : badge("complete", "good"),
      ),
      actions(
        isAwaited
          ? button("Upload", () => upload(place), "quiet small")
          : button("View", () => showText("Server certificate", text), "quiet small"),
        button("Delete", () => remove(place, etag), "danger small", {
          "aria-label": "Delete server certificate",
        }),
      ),
    );
  }

  async function upload(place) {
    await edit({
      title: "Upload the certificate and its chain",
      text: "",
      isJson: false,
      save: (text) => api.send("PUT", place, text, { type: PEM }),
    });
  }

  async function remove(place, etag) {
    const text = "Distributions that refer to it have to be changed first.";
    if (await confirm("Delete this server certificate?", text, "Delete")) {
      await attempt(console_, () => api.remove(place, { etag }), "Deleted.");
    }
  }

  async function reserve() {
    const names = /** @type {HTMLInputElement} */ (el("input", {}));
    let request = "";
    const isDone = await form(
      "Reserve a certificate",
      [field("Aliases", names, "Host names, separated by spaces; may be empty.")],
      "Get signing request",
      async () => {
        const aliases = names.value.split(/\s+/).filter(Boolean);
        const body = aliases.length ? JSON.stringify(aliases) : "";
        request = (await api.send("POST", `${all}?csr`, body)).text;
      },
    );
    if (isDone) await showText("Signing request", request);
  }

  const ids = session.serverCertificateIds ?? [];
  const items = await Promise.all(ids.map(item));
  return el(
    "section",
    { class: "card", "data-kind": "certificates" },
    el("h2", {}, "Server certificates"),
    items.length ? el("ul", { class: "items" }, ...items) : el("p", { class: "hint" }, "None."),
    actions(
      button("Signing request", reserve, "quiet"),
      button("Create", () => attempt(console_, () => api.send("POST", all), "Certificate made."), "", {
        "aria-label": "Create server certificate",
      }),
    ),
  );
}
