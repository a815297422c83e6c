/** A picture on a canvas: its size, its axes, and what stands at their edges. */

import { inked } from "../looks.js";
import { clamp, told } from "../numbers.js";

export const INK = "#222222";
export const SOFT = "#666666";
export const LINE = "#e6e6e6";
const FONT = "12px system-ui, sans-serif";
const ROOM = { left: 58, right: 12, top: 24, bottom: 36 };
const APART = 16; // pixels between two names

export class Panel {
  /**
   * @param {HTMLElement} parent where it goes
   * @param {string} name of the panel, for style sheets
   * @param {string} says what is in it, for those who cannot see it
   */
  constructor(parent, name, says) {
    this.box = document.createElement("div");
    this.box.className = `panel ${name}`;
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", says);
    this.box.append(this.canvas);
    parent.append(this.box);
    this.pen = this.canvas.getContext("2d", { alpha: false });
    this.room = { ...ROOM };
    this.width = 0;
    this.height = 0;
  }

  /** Take the size that the page gives it. Returns whether it can be seen. */
  fit() {
    const { clientWidth: width, clientHeight: height } = this.box;
    const sharp = window.devicePixelRatio || 1;
    if (width !== this.width || height !== this.height || sharp !== this.sharp) {
      Object.assign(this, { width, height, sharp });
      this.canvas.width = Math.round(width * sharp);
      this.canvas.height = Math.round(height * sharp);
    }
    return width > 80 && height > 60;
  }

  get left() {
    return this.room.left;
  }

  get right() {
    return this.width - this.room.right;
  }

  get top() {
    return this.room.top;
  }

  get bottom() {
    return this.height - this.room.bottom;
  }

  /** A clean sheet with a title. */
  clear(title = "") {
    const { pen } = this;
    pen.setTransform(this.sharp, 0, 0, this.sharp, 0, 0);
    pen.globalAlpha = 1;
    pen.setLineDash([]);
    pen.fillStyle = "white";
    pen.fillRect(0, 0, this.width, this.height);
    pen.font = `bold ${FONT}`;
    this.text(title, 8, 15, { room: this.width - 12 });
    pen.font = FONT;
  }

  text(words, x, y, { color = INK, align = "left", room = undefined } = {}) {
    this.pen.fillStyle = color;
    this.pen.textAlign = align;
    this.pen.fillText(words, x, y, room);
  }

  /** Words with a white edge, to stand on lines. */
  haloed(words, x, y, color = INK) {
    this.pen.lineWidth = 3;
    this.pen.strokeStyle = "white";
    this.pen.textAlign = "left";
    this.pen.strokeText(words, x, y);
    this.text(words, x, y, { color });
  }

  /** Both axes, with lines behind the curves; without numbers where another picture follows. */
  axes(x, y, across, up, isLowest = true) {
    const { pen, left, right, top, bottom } = this;
    pen.lineWidth = 1;
    pen.strokeStyle = LINE;
    pen.font = "11px system-ui, sans-serif";
    for (const tick of ticksOf(y, Math.max(2, (bottom - top) / 40))) {
      const at = Math.round(y(tick)) + 0.5;
      this.stroke([left, at], [right, at]);
      // of two pictures one above the other, the numbers at the edges would meet
      const words = clamp(at + 4, top + 9, bottom);
      this.text(tickTold(y, tick), left - 5, words, { color: SOFT, align: "right" });
    }
    for (const tick of ticksOf(x, Math.max(2, (right - left) / 60))) {
      const at = Math.round(x(tick)) + 0.5;
      this.stroke([at, top], [at, bottom]);
      if (isLowest) this.text(tickTold(x, tick), at, bottom + 14, { color: SOFT, align: "center" });
    }
    pen.font = FONT;
    this.text(across, (left + right) / 2, this.height - 6, { color: INK, align: "center" });
    const words = pen.measureText(up).width > bottom - top ? up.replace(" (log)", "") : up;
    pen.save();
    pen.translate(12, (top + bottom) / 2);
    pen.rotate(-Math.PI / 2);
    this.text(words, 0, 0, { align: "center", room: bottom - top });
    pen.restore();
  }

  stroke(...points) {
    const { pen } = this;
    pen.beginPath();
    for (const [i, [x, y]] of points.entries()) {
      if (i === 0) pen.moveTo(x, y);
      else pen.lineTo(x, y);
    }
    pen.stroke();
  }

  /** Draw with all that lies outside the axes cut off. */
  inside(draw) {
    const { pen, left, right, top, bottom } = this;
    pen.save();
    pen.beginPath();
    pen.rect(left, top, right - left, bottom - top);
    pen.clip();
    draw();
    pen.restore();
  }

  /** Names beside the places that they belong to, (x, y, words, color), none over another. */
  names(places) {
    const { pen, top, bottom } = this;
    const sorted = places.filter(({ y }) => Number.isFinite(y)).sort((a, b) => a.y - b.y);
    let free = top + 8;
    for (const place of sorted) {
      place.at = Math.max(free, Math.min(place.y, bottom));
      free = place.at + APART;
    }
    let last = bottom + APART;
    for (const place of sorted.reverse()) {
      place.at = Math.min(place.at, last - APART);
      last = place.at;
    }
    pen.font = `bold ${FONT}`;
    for (const { x, at, words, color } of sorted) {
      const width = pen.measureText(words).width;
      const begin = Math.min(x + 6, this.width - width - 2);
      this.haloed(words, begin, at + 4, inked(color));
    }
    pen.font = FONT;
  }
}

/** About so many numbers on an axis; of a logarithmic one, powers of ten, if there are two. */
function ticksOf(scale, count) {
  if (scale.constant) {
    const top = scale.domain()[1];
    return [-top, -top / 100, 0, top / 100, top];
  }
  const ticks = scale.ticks(count);
  if (!scale.base) return ticks;
  const powers = ticks.filter((x) => Math.abs(Math.log10(x) - Math.round(Math.log10(x))) < 1e-9);
  const every = Math.max(1, Math.ceil(powers.length / count));
  const even = powers.filter((x) => Math.round(Math.log10(x)) % every === 0);
  return even.length > 1 ? even : ticks.filter((_, i) => i % Math.ceil(ticks.length / count) === 0);
}

/** The number at a tick, in as many digits as tell it from the next. */
export function tickTold(scale, tick) {
  const [low, high] = scale.domain();
  const size = Math.max(Math.abs(low), Math.abs(high));
  const more = scale.base ? 0 : Math.ceil(Math.log10(size / Math.abs(high - low) || 1));
  return told(tick, Math.min(3 + Math.max(0, more), 15));
}
