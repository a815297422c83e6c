/** The map: the land, the paths on it, the start that can be dragged, and arrows at the ball. */

import { scaleLinear } from "d3-scale";
import { inked } from "../looks.js";
import { clamp } from "../numbers.js";
import { arrow, ball, cross, line, outside, ring, star } from "./marks.js";
import { INK, Panel, SOFT, tickTold } from "./panel.js";
import { paint } from "./relief.js";

const NARROW = 420; // pixels: a narrower map has shorter titles
const NEAR = 24; // pixels within which the start is taken hold of
const CLICK = 5; // pixels that a click may wander
const QUICK = 72; // points of the grid along the map while something moves
const FINE = 220; // and once it stands
const REST = 120; // milliseconds until then
const REACH = 56; // pixels that the arrow of a gradient has
const LEAST = 16; // pixels that the arrow of a step has at least
const MOST_DOTS = 200; // steps, of which each has its dot
const DOTTED = 7; // pixels between steps from which on each has a dot
const SLOPE = "#555555";

export class MapPanel extends Panel {
  /** @param {{start: (theta) => void, now: () => theta, moved: () => void}} does what is asked */
  constructor(parent, does) {
    super(parent, "map", "Map of the loss");
    this.does = does;
    this.view = null; // the frame after zooming; null for the whole domain
    this.land = null;
    this.sheet = document.createElement("canvas");
    this.sheetKey = "";
    this.isQuick = false;
    this.pointers = new Map();
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application"); // it takes keys
    this.canvas.setAttribute("aria-roledescription", "map");
    this.listen();
  }

  get isCurve() {
    return this.land.size === 1;
  }

  /** Lowest and highest value of each axis that is shown. */
  get frame() {
    if (this.view) return this.view;
    const domain = this.land.fn.domain;
    if (this.isCurve) return domain;
    const [[x0, x1], [y0, y1]] = domain;
    const [w, h] = [x1 - x0, y1 - y0];
    const wide = (this.right - this.left) / (this.bottom - this.top);
    const tooLong = w / h / wide;
    if (tooLong > 4 || tooLong < 0.25) return domain; // a strip is stretched
    // one unit is as long along both axes: slopes stand upright on the lines
    const grow = [Math.max(1, 1 / tooLong), Math.max(1, tooLong)];
    return domain.map(([low, high], i) => {
      const more = ((high - low) * (grow[i] - 1)) / 2;
      return [low - more, high + more];
    });
  }

  /** Look at another land, or at the same as it has become. */
  look(land, isOther) {
    this.land = land;
    this.sheetKey = "";
    if (isOther) this.view = null;
    this.canvas.setAttribute(
      "aria-label",
      `Map of ${land.fn.name}. Arrow keys move the start, plus and minus zoom, 0 shows all.`,
    );
  }

  draw(scene) {
    if (!this.fit()) return;
    this.scene = scene;
    this.clear(this.width < NARROW ? scene.says.replace(" from this start", "") : scene.says);
    if (this.isCurve) this.setCurve();
    const frame = this.frame;
    this.x = scaleLinear(frame[0], [this.left, this.right]);
    this.y = scaleLinear(this.isCurve ? this.heights : frame[1], [this.bottom, this.top]);
    if (this.isCurve) {
      this.axes(this.x, this.y, "θ", this.land.fn.noun);
      this.inside(() => line(this.pen, this.curve.map(this.place), "#8a939b", [], 2));
    } else {
      this.drawLand(frame);
      this.coordinates();
    }
    this.inside(() => {
      if (scene.origin) this.drawOrigin();
      for (const at of this.land.fn.minima) star(this.pen, this.placeOf(at), INK);
      for (const rule of scene.rules) this.drawPath(rule, scene.step);
      const start = this.placeOf(scene.start);
      if (this.isInside(start)) ring(this.pen, start, INK);
      else outside(this.pen, start, this, INK);
    });
    const focus = scene.rules.find((rule) => rule.isFocus);
    if (focus && scene.arrows) this.drawArrows(focus, scene.step);
    this.names(this.ends(scene));
  }

  /** Where decay pulls to. */
  drawOrigin() {
    const [x, y] = this.place([0, 0]);
    this.pen.lineWidth = 1;
    this.pen.strokeStyle = SOFT;
    this.stroke([x, this.top], [x, this.bottom]);
    this.stroke([this.left, y], [this.right, y]);
    this.text("0", x + 5, y + 15, { color: SOFT });
  }

  coordinates() {
    const { pen, left, right, top, bottom } = this;
    pen.font = "11px system-ui, sans-serif";
    for (const tick of this.y.ticks(6)) {
      this.text(tickTold(this.y, tick), left - 5, this.y(tick) + 4, {
        color: SOFT,
        align: "right",
      });
    }
    for (const tick of this.x.ticks(7)) {
      this.text(tickTold(this.x, tick), this.x(tick), bottom + 14, {
        color: SOFT,
        align: "center",
      });
    }
    pen.lineWidth = 1;
    pen.strokeStyle = "#c4c8cc";
    pen.strokeRect(left + 0.5, top + 0.5, right - left - 1, bottom - top - 1);
    pen.font = "12px system-ui, sans-serif";
    this.text("θ₁", (left + right) / 2, this.height - 6, { align: "center" });
    this.text("θ₂", 8, (top + bottom) / 2);
  }

  /** The land as it was painted last, or painted anew: roughly while something moves. */
  drawLand(frame) {
    const { left, top, right, bottom, sharp } = this;
    const box = [0, 0, right - left, bottom - top];
    const key = JSON.stringify([frame, box, sharp, Array.from(this.land.knobs)]);
    if (key !== this.sheetKey) {
      this.isQuick = this.sheetKey !== "";
      this.paintLand(frame, box, this.isQuick ? QUICK : FINE);
      this.sheetKey = key;
      if (this.isQuick) {
        clearTimeout(this.waiting);
        this.waiting = setTimeout(() => {
          this.paintLand(frame, box, FINE);
          this.does.moved();
        }, REST);
      }
    }
    this.pen.drawImage(this.sheet, left, top, box[2], box[3]);
  }

  paintLand(frame, box, points) {
    this.sheet.width = Math.round(box[2] * this.sharp);
    this.sheet.height = Math.round(box[3] * this.sharp);
    const pen = this.sheet.getContext("2d");
    pen.setTransform(this.sharp, 0, 0, this.sharp, 0, 0);
    paint(pen, this.land, frame, box, points);
    pen.translate(-this.left, -this.top);
    for (const { path, color } of this.scene.others) {
      line(pen, this.points(path), color, [], 1, 0.28);
    }
  }

  /** Of one weight: the loss along the line, and how high the picture is. */
  setCurve() {
    const [[low, high]] = this.frame;
    const count = 400;
    this.curve = Array.from({ length: count + 1 }, (_, i) => {
      const x = low + ((high - low) * i) / count;
      return [x, this.land.loss([x])];
    });
    const seen = this.curve.map(([, y]) => y).filter(Number.isFinite);
    const [least, most] = [Math.min(...seen), Math.max(...seen)];
    const margin = (most - least) * 0.06 || 1;
    this.heights = [least - margin, most + margin];
  }

  place = ([x, y]) => [this.x(x), this.y(y)];

  placeOf(theta) {
    return this.place(this.isCurve ? [theta[0], this.land.loss(theta)] : theta);
  }

  /** Where a path is at a step; what lies far outside is as far as a canvas can tell. */
  pointOf(path, t) {
    const at = path.at(t);
    const y = this.isCurve ? path.loss[t] : at[1];
    return [clamp(this.x(at[0]), -1e5, 1e5), clamp(this.y(y), -1e5, 1e5)];
  }

  /** The points of a path between two steps. */
  points(path, first = 0, last = path.last) {
    const points = [];
    for (let t = first; t <= last; t++) points.push(this.pointOf(path, t));
    return points;
  }

  drawPath({ path, color, dash, isFocus }, step) {
    const now = Math.min(step, path.last);
    const points = this.points(path, 0, now);
    if (now < path.last) line(this.pen, this.points(path, now), color, [], 1.2, 0.3);
    line(this.pen, points, color, dash, isFocus ? 2.6 : 2);
    let length = 0;
    for (let i = 1; i < points.length; i++) {
      length += Math.hypot(points[i][0] - points[i - 1][0], points[i][1] - points[i - 1][1]);
    }
    if (now <= MOST_DOTS && (this.isCurve || length > DOTTED * now)) {
      for (const at of points.slice(1, -1)) ball(this.pen, at, color, isFocus ? 3.2 : 2.6);
    }
    const end = points.at(-1);
    if (path.diverged && step >= path.last) {
      cross(this.pen, this.pointOf(path, Math.max(0, now - 1)), color);
    } else if (this.isInside(end)) ball(this.pen, end, color, isFocus ? 6.5 : 5.5);
    else outside(this.pen, end, this, color);
  }

  isInside([x, y]) {
    return x >= this.left && x <= this.right && y >= this.top && y <= this.bottom;
  }

  ends({ rules, step, arrows }) {
    if (rules.length < 2) return [];
    // whose arrows are drawn is named there
    const named = rules.filter(({ isFocus, path }) => !(arrows && isFocus && step < path.last));
    return named.map(({ path, color, label }) => {
      const [x, y] = this.pointOf(path, Math.min(step, path.last));
      return {
        x: clamp(x, this.left, this.right),
        y: clamp(y, this.top + 8, this.bottom - 4),
        words: label,
        color,
      };
    });
  }

  /** Downhill, the momentum, and the step that comes of them. */
  drawArrows({ path, color, rule }, step) {
    if (step >= path.last) return;
    const at = this.placeOf(path.at(step));
    if (!this.isInside(at)) return;
    const along = (vector) => {
      const from = this.place([0, 0]);
      const to = this.place(this.isCurve ? [vector[0], 0] : vector);
      return [to[0] - from[0], to[1] - from[1]];
    };
    const scaled = ([x, y], length) => {
      const now = Math.hypot(x, y);
      return now > 0 ? [(x / now) * length, (y / now) * length] : [0, 0];
    };
    const minus = (vector) => Array.from(vector, (x) => -x);
    const memory = ["m_hat", "m", "p"].find((name) => name in path.kept);
    if (memory) {
      const m = scaled(along(minus(path.of(memory, step + 1))), REACH);
      arrow(this.pen, at, m, color, memory === "m_hat" ? "−m̂" : `−${memory}`, 1.6);
    }
    const downhill = scaled(along(minus(path.gradient(step))), REACH);
    arrow(this.pen, at, downhill, SLOPE, "−g", 1.6);
    const moved = along(path.at(step + 1).map((x, i) => x - path.at(step)[i]));
    const length = Math.hypot(...moved);
    const seen = scaled(moved, clamp(length, LEAST, 2 * this.width));
    arrow(this.pen, at, seen, inked(color), `${rule.label}'s step`, 4);
  }

  // ------------------------------------------------------------------------------- by hand

  listen() {
    const { canvas } = this;
    // one finger scrolls the page, unless it takes hold of the start; two belong to the map
    canvas.addEventListener(
      "touchstart",
      (event) => {
        if (event.touches.length > 1 || this.holds) event.preventDefault();
      },
      { passive: false },
    );
    canvas.addEventListener("pointerdown", (event) => {
      const [x, y] = this.here(event);
      this.pointers.set(event.pointerId, [x, y]);
      canvas.setPointerCapture(event.pointerId);
      const near = this.placeOf(this.scene.start);
      this.holds = this.scene.movesStart && Math.hypot(x - near[0], y - near[1]) < NEAR;
      this.wandered = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const [x, y] = this.here(event);
      const before = this.pointers.get(event.pointerId);
      if (!before) {
        const near = this.scene ? this.placeOf(this.scene.start) : [0, 0];
        const isNear = this.scene?.movesStart && Math.hypot(x - near[0], y - near[1]) < NEAR;
        canvas.style.cursor = isNear ? "grab" : "crosshair";
        return;
      }
      this.wandered += Math.hypot(x - before[0], y - before[1]);
      const others = [...this.pointers].filter(([id]) => id !== event.pointerId);
      this.pointers.set(event.pointerId, [x, y]);
      if (others.length > 0) this.pinch(before, [x, y], others[0][1]);
      else if (this.holds) this.startAt(x, y);
      else if (this.wandered > CLICK && event.pointerType !== "touch") {
        this.pan(x - before[0], y - before[1]);
      }
    });
    const up = (event) => {
      const isClick = this.pointers.size === 1 && this.wandered <= CLICK && !this.holds;
      this.pointers.delete(event.pointerId);
      if (isClick && event.type === "pointerup" && this.scene.movesStart) {
        const [x, y] = this.here(event);
        if (this.isInside([x, y])) this.startAt(x, y);
      }
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener(
      "wheel",
      (event) => {
        // a page that is scrolled past does not zoom
        const isAlone = window === window.parent && document.body.scrollHeight <= innerHeight;
        const isMeant = event.ctrlKey || event.metaKey || document.activeElement === canvas;
        if (!(isAlone || isMeant)) return;
        event.preventDefault();
        this.zoom(2 ** (event.deltaY / 240), this.here(event));
      },
      { passive: false },
    );
    canvas.addEventListener("keydown", (event) => this.keyed(event));
  }

  here(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  startAt(x, y) {
    const [u, v] = [clamp(x, this.left, this.right), clamp(y, this.top, this.bottom)];
    const theta = this.isCurve ? [this.x.invert(u)] : [this.x.invert(u), this.y.invert(v)];
    this.does.start(theta.map((value) => Number(value.toPrecision(4))));
  }

  keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return; // the browser's own
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (event.key in ways && this.scene.movesStart) {
      const frame = this.frame;
      const theta = Array.from(this.does.now(), (value, i) => {
        const [low, high] = frame[i];
        const step = ((high - low) / 100) * (event.shiftKey ? 10 : 1);
        return Number((value + ways[event.key][i] * step).toPrecision(4));
      });
      this.does.start(theta);
    } else if (event.key === "+" || event.key === "=") this.zoom(0.8);
    else if (event.key === "-") this.zoom(1.25);
    else if (event.key === "0") this.whole();
    else return;
    event.preventDefault();
  }

  get middle() {
    return [(this.left + this.right) / 2, (this.top + this.bottom) / 2];
  }

  zoom(by, [x, y] = this.middle) {
    const at = [this.x.invert(x), this.isCurve ? 0 : this.y.invert(y)];
    this.view = this.frame.map(([low, high], i) => {
      const width = clamp((high - low) * by, 1e-9 * Math.max(1, Math.abs(at[i])), 1e9);
      const share = (at[i] - low) / (high - low);
      return [at[i] - share * width, at[i] + (1 - share) * width];
    });
    this.does.moved();
  }

  pan(dx, dy) {
    const by = [this.x.invert(0) - this.x.invert(dx), this.y.invert(0) - this.y.invert(dy)];
    this.view = this.frame.map(([low, high], i) => [low + by[i], high + by[i]]);
    this.does.moved();
  }

  pinch(before, now, other) {
    const [was, is] = [before, now].map(([x, y]) => Math.hypot(x - other[0], y - other[1]));
    if (was > 0 && is > 0) {
      this.zoom(was / is, [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
    }
  }

  whole() {
    this.view = null;
    this.does.moved();
  }

  /** Buttons for who has no wheel. */
  addButtons(parent) {
    const box = document.createElement("span");
    box.className = "buttons";
    for (const [words, says, does] of [
      ["+", "Zoom in", () => this.zoom(0.7)],
      ["−", "Zoom out", () => this.zoom(1 / 0.7)],
      ["⤢", "Show the whole domain", () => this.whole()],
    ]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = words;
      button.title = says;
      button.setAttribute("aria-label", says);
      button.addEventListener("click", does);
      box.append(button);
    }
    parent.append(box);
  }
}
