/** Numbers as people write them, and arrays as Python hands them over. */

/** Three significant digits, with a true minus: "−1.5", "2e−5". */
export function told(value, digits = 3) {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const rounded = Number(value.toPrecision(digits));
  const size = Math.abs(rounded);
  const text =
    rounded !== 0 && (size < 1e-3 || size >= 1e5)
      ? rounded.toExponential().replace("e+", "e")
      : String(rounded);
  return text.replaceAll("-", "−");
}

/** A point, or a lone number: "(−1.5, 2)". */
export function toldAll(values, digits = 3) {
  const each = Array.from(values, (value) => told(value, digits));
  return each.length === 1 ? each[0] : `(${each.join(", ")})`;
}

/** Floats from their letters: of 64 bits, if nothing else is said. */
export function decoded(letters, Kind = Float64Array) {
  return new Kind(Uint8Array.from(atob(letters), (c) => c.charCodeAt(0)).buffer);
}

/** The value below which this share of the sorted numbers lies, between two of them if need be. */
export function quantile(sorted, share) {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.ceil(at);
  // of two that are the same, infinite perhaps, no difference is taken
  if (sorted[below] === sorted[above]) return sorted[below];
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** A hyper-parameter by its plain name; one of an inner rule has the rule's name before it. */
export function settingOf(name, hyper) {
  const key = name in hyper ? name : Object.keys(hyper).find((one) => one.endsWith(`_${name}`));
  return key === undefined ? undefined : hyper[key];
}
