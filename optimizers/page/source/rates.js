/** The loss after all steps at each of many learning rates, found a few milliseconds at a time. */

// on a path that is called smooth:
const ZIGZAG = 0.25; // of the steps may turn back,
const UNSEEN = 1 / 400; // of the domain's width is a step whose turn nobody sees;
const STRIDE = 1 / 20; // of it is the longest step,
const SHIFTS = [0, -3, -6, -9, -12, 3, 6, 9, 12]; // powers of ten
const LENGTH = 2; // times as long as it is the whole path

/** The ends, the middle, what lies halfway between these, and so on: it is seen at once. */
export function coarseFirst(count) {
  const order = [];
  const known = new Set();
  for (let gap = 1 << Math.ceil(Math.log2(Math.max(count, 2))); gap >= 1; gap /= 2) {
    for (let i = 0; i < count; i += gap) {
      if (!known.has(i)) {
        known.add(i);
        order.push(i);
      }
    }
  }
  return order;
}

/** What becomes of a rule at each rate. Its rate on the page plays no part. */
export class RateCurve {
  constructor(rates) {
    this.rates = rates;
    this.order = coarseFirst(rates.length);
    this.losses = new Float64Array(rates.length).fill(Number.NaN);
    this.begin(null);
  }

  /** Go over all rates anew; `work(rate)` is the loss after a run. Old losses stay until then. */
  begin(work) {
    this.work = work;
    this.next = work === null ? this.order.length : 0;
  }

  /** Take the losses, which somebody else has found. */
  know(losses) {
    this.losses.set(losses);
    return this;
  }

  get isDone() {
    return this.next >= this.order.length;
  }

  /** Go on until a moment (performance.now()). */
  goOn(until) {
    while (!this.isDone && performance.now() < until) {
      const i = this.order[this.next++];
      this.losses[i] = this.work(this.rates[i]);
    }
  }
}

/**
 * These rates, so many powers of ten lower or higher that the best of them is not at the edge: a
 * loss that is 1e8 times as steep wants rates 1e8 times as low.
 */
export function fittingRates(runner, land, hyper, start, steps, rates) {
  for (const power of SHIFTS) {
    const shifted = rates.map((rate) => rate * 10 ** power);
    const best = lowest(endsAt(runner, land, hyper, start, steps, shifted));
    const isInside = best > 0 && best < rates.length - 1;
    if (isInside || !land.fn.bounded) return shifted;
  }
  return rates;
}

/** The rate with the lowest loss after all steps. */
export function bestRate(runner, land, hyper, start, steps, rates) {
  return rates[lowest(endsAt(runner, land, hyper, start, steps, rates))] ?? hyper.lr;
}

/** The loss after all steps at each rate. */
export function endsAt(runner, land, hyper, start, steps, rates) {
  return rates.map((lr) => runner.run(land, { ...hyper, lr }, start, steps));
}

/** So many rates, as evenly between the ends of these as powers are. */
export function gridOf(rates, count) {
  const [low, span] = [rates[0], rates.at(-1) / rates[0]];
  return Array.from({ length: count }, (_, i) => low * span ** (i / (count - 1)));
}

/**
 * The rate with the lowest loss among those with a smooth path, to look at: no long step, few that
 * turn back. On a function without a bottom, the highest at which it stays in the domain.
 */
export function gentleRate(runner, land, hyper, start, steps, rates) {
  const { bounded, domain } = land.fn;
  const ends = rates.map((lr) => {
    const path = runner.path(land.calm, { ...hyper, lr }, start, steps);
    if (path.diverged || !isSmooth(path, domain)) return Number.NaN;
    return bounded ? path.end : staysIn(path, domain) ? -lr : Number.NaN;
  });
  return rates[lowest(ends)] ?? bestRate(runner, land, hyper, start, steps, rates) / 3;
}

export function lowest(numbers) {
  let at = -1;
  for (const [i, x] of numbers.entries()) {
    if (Number.isFinite(x) && (at < 0 || x < numbers[at])) at = i;
  }
  return at;
}

function isSmooth(path, domain) {
  let [turns, length, before] = [0, 0, null];
  for (let t = 1; t <= path.last; t++) {
    // in widths of the domain
    const step = domain.map(([low, high], i) => (path.at(t)[i] - path.at(t - 1)[i]) / (high - low));
    const size = Math.hypot(...step);
    length += size;
    if (size > STRIDE || length > LENGTH) return false;
    if (before && size > UNSEEN && dot(step, before) < 0) turns++;
    before = step;
  }
  return turns <= ZIGZAG * path.last;
}

function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function staysIn(path, domain) {
  return domain.every(([low, high], i) => {
    for (let t = 0; t <= path.last; t++) {
      const x = path.at(t)[i];
      if (x < low || x > high) return false;
    }
    return true;
  });
}
