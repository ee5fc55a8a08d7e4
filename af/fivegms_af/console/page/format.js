/** Numbers and instants as people read them. */

import { el } from "./dom.js";

const PREFIXES = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** Three significant digits with a prefix: 8 400 000 bit/s is `8.4 Mbit/s`. */
export function quantity(value, unit = "") {
  const [factor, prefix] = PREFIXES.find(([one]) => Math.abs(value) >= one) ?? [1, ""];
  const scaled = prefix && !prefixable(unit) ? value : value / Number(factor);
  const digits = Number.parseFloat(scaled.toPrecision(3)).toLocaleString("en");
  return [digits, (prefixable(unit) ? prefix : "") + short(unit)].filter(Boolean).join(" ");
}

/** @param {number} bytes */
export function size(bytes) {
  return quantity(bytes, "byte");
}

/** `<time>` in the viewer's own zone. @param {string} instant ISO 8601 */
export function time(instant) {
  const shown = new Date(instant);
  return el("time", { datetime: instant, title: instant }, shown.toLocaleString("en-GB"));
}

/** Identifiers are UUIDs: the first eight characters tell them apart for a reader. */
export function shortId(id) {
  return id.length > 12 ? `${id.slice(0, 8)}…` : id;
}

function prefixable(unit) {
  return unit === "bit/s" || unit === "byte" || unit === "J" || unit === "";
}

function short(unit) {
  return unit === "byte" ? "B" : unit;
}
