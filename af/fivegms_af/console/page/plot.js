/** A plot over time: the mean as a line in the band from minimum to maximum. Drawn as SVG. */

import { el, svg } from "./dom.js";
import { quantity } from "./format.js";

const HEIGHT = 200;
const BROKEN_AFTER = 12; // of the whole period: a gap this long is shown as one
const MARGIN = { top: 12, right: 12, bottom: 24, left: 76 };

/**
 * @typedef {{start: string, mean: number, minimum: number, maximum: number, count: number}} Point
 */

export class Plot {
  /** @type {Point[]} */
  #points = [];
  #unit = "";
  #since = 0;
  #until = 1;

  /** @param {string} label */
  constructor(label) {
    this.label = label;
    this.drawing = el("div", { class: "drawing" });
    this.element = el("figure", { class: "plot" }, el("figcaption", {}, label), this.drawing);
    new ResizeObserver(() => this.#draw()).observe(this.drawing);
  }

  /**
   * @param {Point[]} points in the order of time
   * @param {{unit?: string, since: string, until: string}} scale
   */
  update(points, { unit = "", since, until }) {
    this.#points = points;
    this.#unit = unit;
    this.#since = Date.parse(since);
    this.#until = Date.parse(until);
    this.#draw();
  }

  #draw() {
    const width = this.drawing.clientWidth;
    if (width === 0 || this.#points.length === 0) return;
    const [low, high] = range(this.#points);
    const x = scale(this.#since, this.#until, MARGIN.left, width - MARGIN.right);
    const y = scale(low, high, HEIGHT - MARGIN.bottom, MARGIN.top);
    const at = (/** @type {Point} */ one) => x(Date.parse(one.start));
    const last = this.#points[this.#points.length - 1];
    const label = `${this.label}: last ${quantity(last.mean, this.#unit)}`;
    this.drawing.replaceChildren(
      svg(
        "svg",
        { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": label },
        ...this.#valueAxis(low, high, y, width),
        ...this.#timeAxis(x, width),
        ...runs(this.#points, (this.#until - this.#since) / BROKEN_AFTER).flatMap((run) => [
          svg("path", { class: "band", d: band(run, at, y) }),
          svg("path", { class: "line", d: line(run.map((one) => [at(one), y(one.mean)])) }),
        ]),
        ...this.#points.map((one) => this.#dot(one, at(one), y(one.mean))),
      ),
    );
  }

  #dot(point, cx, cy) {
    const text =
      `${new Date(point.start).toLocaleTimeString("en-GB")}: ` +
      `${quantity(point.mean, this.#unit)} of ${point.count}`;
    return svg("circle", { class: "dot", cx, cy, r: 3 }, svg("title", {}, text));
  }

  #valueAxis(low, high, y, width) {
    return ticks(low, high).flatMap((value) => [
      svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }),
      svg(
        "text",
        { class: "tick", x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" },
        quantity(value, this.#unit),
      ),
    ]);
  }

  #timeAxis(x, width) {
    const count = Math.max(2, Math.floor(width / 160));
    const days = this.#until - this.#since > 86_400_000;
    return Array.from({ length: count + 1 }, (_, index) => {
      const instant = this.#since + (index / count) * (this.#until - this.#since);
      const anchor = index === 0 ? "start" : index === count ? "end" : "middle";
      const text = days
        ? new Date(instant).toLocaleDateString("en-GB")
        : new Date(instant).toLocaleTimeString("en-GB", { timeStyle: "short" });
      return svg("text", { class: "tick", x: x(instant), y: HEIGHT - 6, "text-anchor": anchor }, text);
    });
  }
}

/** Round values between two others, three to six of them. */
export function ticks(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? power;
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, index) => (first + index) * step);
}

/** Neighbours in time: a line would make up what it bridges, if that were long. */
export function runs(points, gapMs) {
  /** @type {Point[][]} */
  const found = [];
  for (const point of points) {
    const run = found[found.length - 1];
    const before = run?.[run.length - 1];
    if (before && Date.parse(point.start) - Date.parse(before.start) <= gapMs) run.push(point);
    else found.push([point]);
  }
  return found;
}

function range(points) {
  const low = Math.min(0, ...points.map((one) => one.minimum));
  const high = Math.max(...points.map((one) => one.maximum));
  return high > low ? [low, high + 0.05 * (high - low)] : [low, low + 1];
}

function scale(from, to, first, last) {
  const factor = (last - first) / (to - from);
  return (/** @type {number} */ value) => first + (value - from) * factor;
}

function line(places) {
  return places.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

function band(run, at, y) {
  const top = run.map((one) => [at(one), y(one.maximum)]);
  const bottom = run.map((one) => [at(one), y(one.minimum)]).reverse();
  return `${line([...top, ...bottom])}Z`;
}
