/** Colours and lines of the rules that run side by side: no two alike, also in grey. */

const READABLE = 47; // of 100: letters that are lighter are hard to read on white
const GREY = 12; // of 100: colours nearer in lightness look alike in grey

/** Give each rule its usual look, or one that nobody before it has. */
export function lookEach(rules, palette, lines) {
  const given = [];
  for (const one of rules) {
    const { color: usual, dash } = one.rule;
    const isTaken = given.some((other) => other.color === usual && other.rule !== one.rule.rule);
    const color = isTaken ? (free(palette, given) ?? usual) : usual;
    const alike = given.filter(
      (other) => Math.abs(lightness(other.color) - lightness(color)) < GREY,
    );
    const isFree = (line) => !alike.some((other) => String(other.dash) === String(line));
    const line = isFree(dash) ? dash : (lines.find(isFree) ?? dash);
    Object.assign(one, { color, dash: line });
    given.push({ color, dash: line, rule: one.rule.rule });
  }
}

/** A colour dark enough for letters on white. */
export function inked(color) {
  const dark = lightness(color);
  if (dark <= READABLE) return color;
  const share = (READABLE / dark) ** 1.5;
  const parts = [1, 3, 5].map((at) =>
    Math.round(Number.parseInt(color.slice(at, at + 2), 16) * share),
  );
  return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

function free(palette, given) {
  return palette.find((color) => !given.some((other) => other.color === color));
}

/** From 0 for black to 100 for white, as the eye sees it (CIE L*). */
function lightness(color) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 116 * Math.cbrt(0.2126 * r + 0.7152 * g + 0.0722 * b) - 16;
}
