/** How high the loss lies over a plane, and the lines of equal height. */

import { contours } from "d3-contour";
import { quantile } from "../numbers.js";

const LEVELS = 12;
const PALE = ["#ffffff", "#eceef0", "#d0d5da"];
const CONTOUR = "#9aa3ab";

/** Losses on a grid of points over a frame, row by row from its lower edge. */
export function heightsOf(land, [[x0, x1], [y0, y1]], columns, rows) {
  const values = new Float64Array(columns * rows);
  const at = new Float64Array(2);
  for (let j = 0, k = 0; j < rows; j++) {
    at[1] = y0 + ((y1 - y0) * j) / (rows - 1);
    for (let i = 0; i < columns; i++, k++) {
      at[0] = x0 + ((x1 - x0) * i) / (columns - 1);
      values[k] = land.loss(at);
    }
  }
  return values;
}

/** Heights for the lines of a map, above the minimum or above the lowest value in sight. */
export function levelsOf(values, minimum) {
  const finite = Float64Array.from(values.filter(Number.isFinite)).sort();
  if (finite.length === 0) return { base: 0, levels: [] };
  const [lowest, highest] = [finite[0], finite[finite.length - 1]];
  const isRefuted = minimum !== null && lowest < minimum - 1e-9 * Math.max(1, Math.abs(minimum));
  const isFar = minimum !== null && lowest - minimum > (highest - minimum) / 2;
  const base = minimum === null || isRefuted || isFar ? lowest : minimum;
  const positive = finite.map((x) => x - base).filter((x) => x > 0);
  if (positive.length === 0) return { base, levels: [] };
  const top = positive[positive.length - 1];
  if (top / 10 > quantile(positive, 0.5)) {
    return { base, levels: logLevels(quantile(positive, 0.005), top) };
  }
  // even steps of the square root: a bowl gets rings at even distances
  return { base, levels: Array.from({ length: LEVELS }, (_, i) => top * ((i + 1) / LEVELS) ** 2) };
}

/** Powers of ten, and as many between them as there is room. */
function logLevels(lowest, highest) {
  const [low, high] = [Math.log10(lowest), Math.log10(highest)];
  const per = [4, 3, 2, 1].find((n) => (high - low) * n <= LEVELS) ?? 1;
  const every = Math.max(1, Math.floor((high - low) / LEVELS));
  const first = every * Math.floor((low * per) / every);
  const levels = [];
  for (let k = first; k <= Math.ceil(high * per); k += every) levels.push(10 ** (k / per));
  return levels;
}

/** Paint the land into a rectangle [left, top, width, height]: pale areas, lines, holes hatched. */
export function paint(pen, land, frame, [left, top, width, height], points) {
  const columns = points;
  const rows = Math.max(24, Math.round((points * height) / width));
  const values = heightsOf(land, frame, columns, rows);
  const { base, levels } = levelsOf(values, land.fn.minimum);
  pen.save();
  pen.beginPath();
  pen.rect(left, top, width, height);
  pen.clip();
  const isWhole = values.every(Number.isFinite);
  if (!isWhole) hatch(pen, left, top, width, height);
  const lines = contours().size([columns, rows]);
  const shapeAt = (level) => {
    const shape = new Path2D();
    for (const polygon of lines.contour(values, level).coordinates) {
      for (const ring of polygon) {
        for (const [k, [x, y]] of ring.entries()) {
          const px = left + ((x - 0.5) / (columns - 1)) * width;
          const py = top + height - ((y - 0.5) / (rows - 1)) * height;
          if (k === 0) shape.moveTo(px, py);
          else shape.lineTo(px, py);
        }
        shape.closePath();
      }
    }
    return shape;
  };
  const all = isWhole ? null : shapeAt(-Number.MAX_VALUE);
  pen.fillStyle = PALE[0];
  if (all) pen.fill(all);
  else pen.fillRect(left, top, width, height);
  pen.lineWidth = 0.7;
  pen.strokeStyle = CONTOUR;
  for (const [i, level] of levels.entries()) {
    const shape = shapeAt(base + level);
    pen.fillStyle = shade((i + 1) / levels.length);
    pen.fill(shape);
    pen.stroke(shape);
  }
  pen.restore();
}

function shade(share) {
  const [from, to, along] =
    share < 0.5 ? [PALE[0], PALE[1], 2 * share] : [PALE[1], PALE[2], 2 * share - 1];
  const mixed = [1, 3, 5].map((at) => {
    const [a, b] = [from, to].map((color) => Number.parseInt(color.slice(at, at + 2), 16));
    return Math.round(a + (b - a) * along);
  });
  return `rgb(${mixed.join(",")})`;
}

function hatch(pen, left, top, width, height) {
  pen.fillStyle = "#f1f1f1";
  pen.fillRect(left, top, width, height);
  pen.strokeStyle = "#b0b0b0";
  pen.lineWidth = 0.8;
  pen.beginPath();
  for (let x = left - height; x < left + width; x += 8) {
    pen.moveTo(x, top + height);
    pen.lineTo(x + height, top);
  }
  pen.stroke();
}
