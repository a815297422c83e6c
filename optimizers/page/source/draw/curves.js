/** Curves: the loss against the step, against the learning rate, and what a rule has in mind. */

import { scaleLinear, scaleLog, scaleSymlog } from "d3-scale";
import { clamp, quantile, settingOf } from "../numbers.js";
import { ball, cross, line } from "./marks.js";
import { INK, Panel, SOFT } from "./panel.js";

const FLOOR = 1e-16; // below it, a loss near 1 has no digits
const DASHES = [[], [4, 2], [1, 1.5]];
const POSITIVE = new Set(["v", "v_hat", "v_max", "G", "s", "trust_ratio", "effective"]);
const DECADES = 24; // powers of ten that an axis has at the most
const EXPLODES = 1e8; // times its first height: what is higher is not shown
const BESIDE = 84; // pixels for the names of curves
const SAMPLES = 150; // losses of a path that its scale is made for
const HOLD = 14; // pixels within which a line is taken hold of

/** How losses are measured: above the minimum if it is known, else as they are. */
export class Height {
  constructor(fn, losses) {
    this.isAbove = fn.minimum !== null;
    this.base = this.isAbove ? fn.minimum : 0;
    const seen = losses.filter(Number.isFinite);
    const positive = seen.filter((x) => x > 0);
    const spans = positive.length > 0 && Math.max(...positive) > 100 * Math.min(...positive);
    this.isLog = this.isAbove || (seen.every((x) => x >= 0) && spans);
    this.floor = FLOOR * Math.max(1, Math.abs(this.base));
    this.words = this.isAbove ? `${fn.noun} − minimum` : fn.noun;
    if (this.isLog) this.words += " (log)";
  }

  of(loss) {
    return this.isLog ? Math.max(loss - this.base, this.floor) : loss - this.base;
  }

  /** A scale that holds these, and does not jump when they change a little. */
  scale(losses, range) {
    const seen = losses.map((x) => this.of(x)).filter(Number.isFinite);
    if (seen.length === 0) return scaleLinear([0, 1], range);
    const [low, high] = [Math.min(...seen), Math.max(...seen)];
    if (!this.isLog) {
      const margin = (high - low) * 0.05 || 1;
      return scaleLinear([low - margin, high + margin], range).nice();
    }
    const powers = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
    const top = Math.min(powers[1] <= powers[0] ? powers[0] + 1 : powers[1], 300);
    return scaleLog([10 ** Math.max(powers[0], top - DECADES), 10 ** top], range);
  }
}

/** So many of the losses of a path, evenly: enough to know how high a picture is. */
function sampled(losses, last) {
  const every = Math.max(1, Math.floor(last / SAMPLES));
  const some = [losses[last]];
  for (let t = 0; t < last; t += every) some.push(losses[t]);
  return some;
}

/** The losses that a picture has room for, without explosions and bottomless pits; and these. */
function inSight(losses, fn, ...always) {
  const sorted = Float64Array.from(losses.filter(Number.isFinite)).sort();
  if (sorted.length === 0) return always.filter(Number.isFinite);
  const [low, middle, high] = [0.1, 0.5, 0.9].map((share) => quantile(sorted, share));
  const first = Math.max(...always.filter(Number.isFinite));
  const top =
    fn.minimum === null
      ? Math.max(first, high + 3 * (high - low))
      : fn.minimum + Math.min(1e3 * (high - fn.minimum), EXPLODES * (first - fn.minimum) + 1e-300);
  const bottom = fn.bounded ? Number.NEGATIVE_INFINITY : low - 3 * (middle - low);
  return [...always, ...sorted.filter((loss) => loss >= bottom && loss <= top)].filter(
    Number.isFinite,
  );
}

export class LossPanel extends Panel {
  /** @param {(step: number) => void} moves */
  constructor(parent, moves) {
    super(parent, "loss", "The loss at each step");
    const move = (event) => {
      const share = (event.offsetX - this.left) / (this.right - this.left);
      if (event.buttons) moves(Math.round(clamp(share, 0, 1) * this.steps));
    };
    this.canvas.addEventListener("pointerdown", move);
    this.canvas.addEventListener("pointermove", move);
  }

  draw({ land, rules, step, steps, bands, time }) {
    if (!this.fit()) return;
    const all = rules.flatMap(({ path }) => sampled(path.loss, path.last));
    const shown = inSight(all, land.fn, ...rules.map(({ path }) => path.loss[0]));
    const height = new Height(land.fn, shown);
    this.steps = steps;
    this.room.right = rules.length > 1 ? BESIDE : 20;
    const x = scaleLinear([0, time(steps)], [this.left, this.right]);
    const y = height.scale(shown, [this.bottom, this.top + 4]);
    this.clear(bands ? `Median of ${bands.count} seeds, quartiles as bands` : "Loss at each step");
    this.axes(x, y, "step", height.words);
    const places = [];
    this.inside(() => {
      for (const { label, path, color, dash, isFocus } of rules) {
        const at = (t) => [x(time(t)), y(height.of(path.loss[t]))];
        const points = [];
        for (let t = 0; t <= path.last; t++) points.push(at(t));
        const band = bands?.of[label];
        if (band) {
          this.band(band, (t) => x(time(t)), y, height, color);
          line(this.pen, points, color, [], 1, 0.45);
          const middle = Array.from(band.middle, (v, t) => [x(time(t)), y(height.of(v))]);
          line(this.pen, middle, color, dash, 2.4);
        } else line(this.pen, points, color, dash, isFocus ? 2.6 : 2);
        const now = Math.min(step, path.last);
        if (path.diverged) cross(this.pen, at(Math.max(0, path.last - 1)), color);
        ball(this.pen, at(now), color, 4.5);
        const tip = band ? [x(time(steps)), y(height.of(band.middle.at(-1)))] : at(path.last);
        places.push({ x: tip[0], y: clamp(tip[1], this.top, this.bottom), words: label, color });
      }
      this.pen.lineWidth = 1;
      this.pen.strokeStyle = SOFT;
      this.stroke([x(time(step)), this.top], [x(time(step)), this.bottom]);
    });
    if (rules.length > 1) this.names(places.map((place) => ({ ...place, x: this.right })));
  }

  band({ low, high }, x, y, height, color) {
    const { pen } = this;
    pen.save();
    pen.globalAlpha = 0.18;
    pen.fillStyle = color;
    pen.beginPath();
    for (let t = 0; t < low.length; t++) pen.lineTo(x(t), y(height.of(low[t])));
    for (let t = low.length - 1; t >= 0; t--) pen.lineTo(x(t), y(height.of(high[t])));
    pen.fill();
    pen.restore();
  }
}

export class RatePanel extends Panel {
  /** @param {(label: string, rate: number) => void} moves */
  constructor(parent, moves) {
    super(parent, "rate", "The loss after all steps at each learning rate");
    this.moves = moves;
    this.held = null;
    this.canvas.addEventListener("pointerdown", (event) => {
      const near = this.nearest(event.offsetX);
      if (!near) return;
      this.held = near.label;
      this.canvas.setPointerCapture(event.pointerId);
      this.drag(event.offsetX);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (this.held) this.drag(event.offsetX);
      this.canvas.style.cursor = this.nearest(event.offsetX) ? "ew-resize" : "default";
    });
    for (const end of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(end, () => {
        this.held = null;
      });
    }
  }

  nearest(px) {
    const movable = (this.rules ?? []).filter((rule) => rule.movesRate);
    const away = (rule) => Math.abs(this.x(rule.hyper.lr) - px) - (rule.isFocus ? 2 : 0);
    const [best] = movable.sort((a, b) => away(a) - away(b));
    return best && away(best) < HOLD ? best : (movable.find((rule) => rule.isFocus) ?? null);
  }

  drag(px) {
    const rate = this.x.invert(clamp(px, this.left, this.right));
    this.moves(this.held, Number(rate.toPrecision(3)));
  }

  draw({ land, rules, steps }) {
    if (!this.fit()) return;
    this.rules = rules.filter((rule) => rule.curve);
    const ends = this.rules.flatMap(({ curve }) => Array.from(curve.losses));
    const now = this.rules.flatMap(({ path }) => [path.end, path.loss[0]]);
    const shown = inSight(ends, land.fn, ...now);
    const height = new Height(land.fn, shown);
    const rates = this.rules.flatMap(({ curve }) => [curve.rates[0], curve.rates.at(-1)]);
    const reach = rates.length ? [Math.min(...rates), Math.max(...rates)] : [1e-5, 10];
    this.x = scaleLog(reach, [this.left, this.right - 8]).clamp(true);
    const y = height.scale(shown, [this.bottom, this.top + 4]);
    this.clear(`Loss after ${steps} steps at each rate`);
    this.axes(this.x, y, "learning rate η (log)", height.words);
    this.inside(() => {
      for (const { curve, color, dash, isFocus } of this.rules) {
        const points = Array.from(curve.losses, (loss, i) => [
          this.x(curve.rates[i]),
          y(height.of(loss)),
        ]);
        line(this.pen, points, color, dash, isFocus ? 2.6 : 2);
        // where it begins to diverge
        const lost = points.findIndex(([, py], i) => i > 0 && Number.isNaN(py));
        if (lost > 0 && curve.isDone) cross(this.pen, [points[lost][0], this.top + 9], color, 3.5);
      }
    });
    for (const { hyper, path, color, isFocus, movesRate } of this.rules) {
      const at = this.x(hyper.lr);
      if (movesRate) {
        this.pen.setLineDash(isFocus ? [] : [3, 3]);
        this.pen.lineWidth = isFocus ? 2 : 1.2;
        this.pen.strokeStyle = color;
        this.stroke([at, this.top], [at, this.bottom]);
        this.pen.setLineDash([]);
      }
      const end = height.of(path.end);
      if (Number.isFinite(end)) ball(this.pen, [at, y(end)], color, isFocus ? 6 : 4.5);
      else cross(this.pen, [at, this.top + 8], color);
    }
  }
}

export class StatePanel extends Panel {
  constructor(parent, signs) {
    super(parent, "state", "What the rule has in mind");
    this.signs = signs;
  }

  draw({ rules, step, steps }) {
    if (!this.fit()) return;
    const focus = rules.find((rule) => rule.isFocus) ?? rules[0];
    const { path, color, rule, label } = focus;
    const groups = rule.panels.map((names) => [].concat(names));
    const shown = groups.slice(0, this.height > 300 ? 3 : 2);
    this.clear(`${label}: what it has in mind`);
    const whole = [this.top, this.bottom];
    const share = (whole[1] - whole[0]) / shown.length;
    for (const [i, names] of shown.entries()) {
      const isLast = i === shown.length - 1;
      this.room.top = whole[0] + i * share + (i ? 5 : 0);
      this.room.bottom = this.height - (whole[0] + (i + 1) * share) + (isLast ? 0 : 5);
      const series = names.map((name) => this.series(name, focus));
      this.subplot(series, names, { color, step, steps, last: path.last, isLast });
    }
    this.room.top = whole[0];
    this.room.bottom = this.height - whole[1];
  }

  /** One array a coordinate. */
  series(name, { path, hyper, runner }) {
    const from = path.kept[name === "effective" ? "v_hat" : name];
    const length = from.length / path.loss.length;
    const epsilon = settingOf("epsilon", hyper);
    return Array.from({ length }, (_, i) => {
      const values = [];
      for (let t = 0; t <= path.last; t++) {
        const value = from[t * length + i];
        const rate = name === "effective" ? runner.rateAt(Math.max(0, t - 1), hyper) : 1;
        values.push(name === "effective" ? rate / (Math.sqrt(value) + epsilon) : value);
      }
      return values;
    });
  }

  subplot(series, names, { color, step, steps, last, isLast }) {
    const seen = series.flat(2).filter(Number.isFinite);
    const isPositive = names.every((name) => POSITIVE.has(name));
    this.room.right = 34; // for the names
    const x = scaleLinear([0, steps], [this.left, this.right]);
    const y = stateScale(seen, isPositive, [this.bottom, this.top]);
    const what = names.map((name) => this.signs[name] ?? name);
    this.axes(x, y, isLast ? "step" : "", "", isLast);
    const places = [];
    this.inside(() => {
      for (const [n, coordinates] of series.entries()) {
        const kept = series.length > 1 ? coordinates.slice(0, 1) : coordinates;
        for (const [i, values] of kept.entries()) {
          const points = values.map((value, t) => [x(t), y(value)]);
          const ink = series.length > 1 && n === 0 ? INK : color;
          line(this.pen, points, ink, DASHES[series.length > 1 ? n : i], 1.8);
          const now = Math.min(step, last);
          if (Number.isFinite(values[now])) ball(this.pen, [x(now), y(values[now])], ink, 4);
          const words = series.length > 1 ? what[n] : kept.length > 1 ? `θ${"₁₂"[i]}` : "";
          const [px, py] = points.at(-1);
          if (words) places.push({ x: px - 4, y: py, words, color: ink });
        }
      }
      this.pen.lineWidth = 1;
      this.pen.strokeStyle = SOFT;
      this.stroke([x(step), this.top], [x(step), this.bottom]);
    });
    this.names(places);
    this.haloed(what.join(", "), this.left + 6, this.top + 12);
  }
}

function stateScale(all, isPositive, range) {
  const sizes = Float64Array.from(all, Math.abs).sort();
  const most = sizes.length ? 1e6 * quantile(sizes, 0.5) : 0; // what explodes is not shown
  const seen = most > 0 ? all.filter((v) => Math.abs(v) <= most) : all;
  const positive = seen.filter((v) => v > 0);
  if (isPositive && positive.length) {
    const [low, high] = [Math.min(...positive), Math.max(...positive)];
    const top = Math.ceil(Math.log10(high));
    const under = Math.min(top - 1, Math.max(top - 12, Math.floor(Math.log10(low))));
    return scaleLog([10 ** under, 10 ** top], range);
  }
  const highest = Math.max(...seen.map(Math.abs), 0) || 1;
  const median = sizes.length ? quantile(sizes, 0.5) : 0;
  if (highest > 30 * median && median > 0) {
    const top = 10 ** Math.ceil(Math.log10(highest));
    return scaleSymlog([-top, top], range).constant(top / 1e3);
  }
  return scaleLinear([Math.min(0, ...seen), Math.max(0, ...seen)], range).nice();
}
