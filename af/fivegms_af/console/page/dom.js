/**
 * Builds elements. Data only ever becomes text or the value of an attribute, never markup.
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Record<string, unknown>} Properties `onclick` and its like are listeners, a boolean
 *   sets or omits an attribute, everything else is an attribute's value.
 */

/** @param {string} tag @param {Properties} [properties] @param {...Child} children */
export function el(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** @param {string} tag @param {Properties} [properties] @param {...Child} children */
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

/** A button; `kind` is a class. @param {string} label @param {() => unknown} act */
export function button(label, act, kind = "", properties = {}) {
  return el("button", { type: "button", class: kind, onclick: act, ...properties }, label);
}

/**
 * A table that becomes a list of cards where it is narrow.
 * @param {string} caption @param {string[]} headings @param {Child[][]} rows
 */
export function table(caption, headings, rows) {
  const head = el("tr", {}, ...headings.map((one) => el("th", { scope: "col" }, one)));
  const body = rows.map((cells) =>
    el("tr", {}, ...cells.map((cell, i) => el("td", { "data-label": headings[i] }, cell))),
  );
  return el(
    "table",
    {},
    el("caption", {}, caption),
    el("thead", {}, head),
    el("tbody", {}, ...body),
  );
}

let fields = 0;

/** A labelled field of a form. @param {string} label @param {Element} control */
export function field(label, control, hint = "") {
  const id = `field-${++fields}`;
  control.id = id;
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return el(
    "div",
    { class: "field" },
    el("label", { for: id }, label),
    control,
    hint && el("small", { id: `${id}-hint` }, hint),
  );
}

/** @param {[string, string][]} options values and their texts */
export function select(options, chosen = "", properties = {}) {
  const nodes = options.map(([value, text]) =>
    el("option", { value, selected: value === chosen }, text),
  );
  return /** @type {HTMLSelectElement} */ (el("select", properties, ...nodes));
}

/** A state in a word, and in a colour. */
export function badge(text, tone = "") {
  return el("span", { class: `badge ${tone}` }, text);
}

/** @template {Element} T @param {T} node @param {Properties} properties @param {Child[]} children */
function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), /** @type {any} */ (value));
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, String(value));
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false && child !== "") {
      node.append(child instanceof Node ? child : String(child));
    }
  }
  return node;
}
