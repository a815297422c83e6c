/** The loss after all steps over the plane of two hyper-parameters, and the point where one is. */

import { scaleLinear } from "d3-scale";
import { clamp, quantile, told } from "../numbers.js";
import { coarseFirst } from "../rates.js";
import { scaleOf } from "../sliders.js";
import { ball, ring } from "./marks.js";
import { INK, Panel, SOFT } from "./panel.js";

const LEAST = 1e-32; // a loss below it is as good as the minimum
const CELLS = 48; // along each axis
const DARK = [13, 60, 100];
const LIGHT = [240, 245, 248];
const LOST = [217, 210, 207];

export class PlanePanel extends Panel {
  /** @param {(label: string, values: object) => void} moves */
  constructor(parent, moves) {
    super(parent, "plane", "The loss after all steps for each pair of two hyper-parameters");
    this.losses = new Float64Array(CELLS * CELLS).fill(Number.NaN);
    this.known = new Uint8Array(CELLS * CELLS);
    this.axesOf = null; // the sliders of its two axes
    this.isNew = true; // whether losses are known that are not painted yet
    this.sheet = document.createElement("canvas");
    Object.assign(this.sheet, { width: CELLS, height: CELLS });
    this.order = coarseFirst(CELLS * CELLS).map((i) => (i * 1009) % (CELLS * CELLS));
    this.next = this.order.length;
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.isHeld = true;
      this.drag(event, moves);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (this.isHeld) this.drag(event, moves);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(end, () => {
        this.isHeld = false;
      });
    }
    this.canvas.style.cursor = "crosshair";
  }

  drag(event, moves) {
    if (!this.axesOf) return;
    const across = (event.offsetX - this.left) / (this.right - this.left);
    const up = (this.bottom - event.offsetY) / (this.bottom - this.top);
    const [a, b] = this.axesOf;
    moves(this.label, { [a.name]: scaleOf(a).value(across), [b.name]: scaleOf(b).value(up) });
  }

  /** Begin anew: `work(values)` is the loss after a run with these hyper-parameters. */
  begin(rule, axes, work) {
    this.label = rule.label;
    this.axesOf = axes;
    this.work = work;
    this.next = 0;
  }

  get isDone() {
    return this.next >= this.order.length;
  }

  goOn(until) {
    const [a, b] = this.axesOf;
    const [across, up] = [scaleOf(a), scaleOf(b)];
    while (!this.isDone && performance.now() < until) {
      const k = this.order[this.next++];
      const share = [(k % CELLS) / (CELLS - 1), Math.floor(k / CELLS) / (CELLS - 1)];
      const values = { [a.name]: across.value(share[0]), [b.name]: up.value(share[1]) };
      this.losses[k] = this.work(values);
      this.known[k] = 1;
      this.isNew = true;
    }
  }

  draw({ land, rules, steps }) {
    if (!this.fit()) return;
    if (!this.axesOf) {
      this.clear("No plane: the rule in front has but one number");
      return;
    }
    const rule = rules.find(({ label }) => label === this.label);
    if (!rule) return;
    const { pen, left, right, top, bottom } = this;
    const [a, b] = this.axesOf;
    this.clear(`Loss after ${steps} steps: dark is low`);
    if (this.isNew) this.paint(land);
    this.isNew = false;
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.sheet, left, top, right - left, bottom - top);
    this.marks(a, b);
    const at = [
      left + scaleOf(a).at(rule.hyper[a.name]) * (right - left),
      bottom - scaleOf(b).at(rule.hyper[b.name]) * (bottom - top),
    ];
    ring(pen, at, INK, 8);
    ball(pen, at, rule.color, 4.5);
  }

  /** What is known of the losses, a pixel for each. */
  paint(land) {
    const base = land.fn.minimum ?? Math.min(...this.losses.filter(Number.isFinite));
    const heights = this.losses.map((loss) => Math.log(Math.max(loss - base, LEAST)));
    const sorted = heights.filter(Number.isFinite).sort();
    const [low, high] = sorted.length ? [quantile(sorted, 0.02), quantile(sorted, 0.95)] : [0, 1];
    const pen = this.sheet.getContext("2d");
    const pixels = pen.createImageData(CELLS, CELLS);
    for (const [k, height] of heights.entries()) {
      if (!this.known[k]) continue;
      const share = clamp((height - low) / (high - low || 1), 0, 1);
      const color = Number.isFinite(height) ? mixed(share) : LOST;
      const row = CELLS - 1 - Math.floor(k / CELLS);
      pixels.data.set([...color, 255], 4 * (row * CELLS + (k % CELLS)));
    }
    pen.putImageData(pixels, 0, 0);
  }

  marks(a, b) {
    const { left, right, top, bottom } = this;
    this.pen.font = "11px system-ui, sans-serif";
    for (const [share, value] of marked(a)) {
      const x = left + share * (right - left);
      this.text(told(value), x, bottom + 14, { color: SOFT, align: "center" });
    }
    for (const [share, value] of marked(b)) {
      const y = bottom - share * (bottom - top) + 4;
      this.text(told(value, 4), left - 5, y, { color: SOFT, align: "right" });
    }
    this.pen.font = "12px system-ui, sans-serif";
    this.text(`${a.words} ${a.sign}`, (left + right) / 2, this.height - 6, { align: "center" });
    this.text(b.sign, 6, (top + bottom) / 2);
  }
}

/** Where numbers stand beside an axis, and which. */
function marked(slider) {
  const scale = scaleOf(slider);
  if (slider.kind === "linear" || slider.kind === "whole") {
    const ticks = scaleLinear().domain([slider.low, slider.high]).ticks(5);
    return ticks.map((value) => [scale.at(value), value]);
  }
  return [0, 0.25, 0.5, 0.75, 1].map((share) => [share, scale.value(share)]);
}

function mixed(share) {
  return DARK.map((dark, i) => Math.round(dark + (LIGHT[i] - dark) * share));
}
