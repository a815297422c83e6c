/** What stands on a picture: lines with a white edge, balls, crosses, arrows. */

const CASING = 2;
const UNSEEN = 0.12; // pixels that a line may be off
const MOST_LEFT_OUT = 16; // points in a row

/** A line through points, with a thin white edge that keeps it apart from what it crosses. */
export function line(pen, points, color, dash = [], width = 2, faint = 1) {
  const shape = new Path2D();
  for (const run of finiteRuns(points)) {
    for (const [i, [x, y]] of thinned(run).entries()) {
      if (i === 0) shape.moveTo(x, y);
      else shape.lineTo(x, y);
    }
  }
  pen.save();
  pen.lineJoin = "bevel";
  if (faint === 1) {
    pen.lineWidth = width + CASING;
    pen.strokeStyle = "white";
    pen.stroke(shape);
  }
  pen.globalAlpha = faint;
  pen.setLineDash(dash.map((part) => part * width));
  pen.lineWidth = width;
  pen.strokeStyle = color;
  pen.stroke(shape);
  pen.restore();
}

/** The stretches of points between which there is no hole. */
function finiteRuns(points) {
  const runs = [[]];
  for (const point of points) {
    if (Number.isFinite(point[0]) && Number.isFinite(point[1])) runs.at(-1).push(point);
    else if (runs.at(-1).length > 0) runs.push([]);
  }
  return runs.filter((run) => run.length > 1);
}

/** The points without those on the way between others, as far as one can see: they cost time. */
function thinned(run) {
  const kept = [run[0]];
  let from = 0;
  for (let to = 2; to < run.length; to++) {
    if (to - from > MOST_LEFT_OUT || !isStraight(run, from, to)) {
      from = to - 1;
      kept.push(run[from]);
    }
  }
  kept.push(run.at(-1));
  return kept;
}

/** Whether all points between two lie on the way from one to the other. */
function isStraight(run, from, to) {
  const [[ax, ay], [bx, by]] = [run[from], run[to]];
  const [dx, dy] = [bx - ax, by - ay];
  const square = dx * dx + dy * dy || 1;
  for (let i = from + 1; i < to; i++) {
    const [px, py] = [run[i][0] - ax, run[i][1] - ay];
    const along = Math.min(Math.max((px * dx + py * dy) / square, 0), 1);
    const [ex, ey] = [px - along * dx, py - along * dy];
    if (ex * ex + ey * ey > UNSEEN * UNSEEN) return false;
  }
  return true;
}

export function ball(pen, [x, y], color, radius = 5.5) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fillStyle = color;
  pen.fill();
  pen.lineWidth = 1.2;
  pen.strokeStyle = "white";
  pen.stroke();
}

export function ring(pen, [x, y], color, radius = 6.5) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fillStyle = "white";
  pen.fill();
  pen.lineWidth = 2;
  pen.strokeStyle = color;
  pen.stroke();
}

export function cross(pen, [x, y], color, reach = 5) {
  for (const [width, ink] of [
    [5, "white"],
    [3, color],
  ]) {
    pen.lineWidth = width;
    pen.strokeStyle = ink;
    pen.beginPath();
    pen.moveTo(x - reach, y - reach);
    pen.lineTo(x + reach, y + reach);
    pen.moveTo(x + reach, y - reach);
    pen.lineTo(x - reach, y + reach);
    pen.stroke();
  }
}

export function star(pen, [x, y], color, reach = 9) {
  pen.beginPath();
  for (let i = 0; i < 10; i++) {
    const angle = (i * Math.PI) / 5 - Math.PI / 2;
    const r = i % 2 ? reach * 0.42 : reach;
    pen.lineTo(x + r * Math.cos(angle), y + r * Math.sin(angle));
  }
  pen.closePath();
  pen.fillStyle = color;
  pen.fill();
  pen.lineWidth = 1;
  pen.strokeStyle = "white";
  pen.stroke();
}

/** From one point to another, with a name at its tip. */
export function arrow(pen, [x, y], [dx, dy], color, words = "", width = 2.5) {
  const length = Math.hypot(dx, dy);
  if (!(length > 3)) return;
  const [ux, uy] = [dx / length, dy / length];
  const [tx, ty] = [x + dx, y + dy];
  const head = Math.min(9, length / 2);
  for (const [extra, ink] of [
    [2.5, "white"],
    [0, color],
  ]) {
    pen.strokeStyle = ink;
    pen.fillStyle = ink;
    pen.lineWidth = width + extra;
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(tx - ux * head * 0.8, ty - uy * head * 0.8);
    pen.stroke();
    pen.beginPath();
    pen.moveTo(tx + ux * (extra / 2), ty + uy * (extra / 2));
    pen.lineTo(tx - ux * head - uy * head * 0.55, ty - uy * head + ux * head * 0.55);
    pen.lineTo(tx - ux * head + uy * head * 0.55, ty - uy * head - ux * head * 0.55);
    pen.closePath();
    pen.fill();
    if (extra) pen.stroke();
  }
  if (!words) return;
  pen.font = "bold 12px system-ui, sans-serif";
  pen.textAlign = ux < -0.3 ? "right" : ux > 0.3 ? "left" : "center";
  const [wx, wy] = [tx + ux * 8, ty + uy * 10 + 4];
  pen.lineWidth = 3;
  pen.strokeStyle = "white";
  pen.strokeText(words, wx, wy);
  pen.fillStyle = color;
  pen.fillText(words, wx, wy);
}

/** At the edge of a picture, towards what lies outside. */
export function outside(pen, [x, y], panel, color) {
  const px = Math.min(Math.max(x, panel.left + 7), panel.right - 7);
  const py = Math.min(Math.max(y, panel.top + 7), panel.bottom - 7);
  const angle = Math.atan2(y - py, x - px);
  pen.beginPath();
  for (const [turn, reach] of [
    [0, 8],
    [2.4, 7],
    [-2.4, 7],
  ]) {
    pen.lineTo(px + reach * Math.cos(angle + turn), py + reach * Math.sin(angle + turn));
  }
  pen.closePath();
  pen.fillStyle = color;
  pen.fill();
  pen.lineWidth = 1;
  pen.strokeStyle = "white";
  pen.stroke();
}
