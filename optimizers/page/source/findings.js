/** What can be seen on the map, in a line, no more than the numbers say. */

import { told } from "./numbers.js";

const EQUAL = 1e-9; // what differs by less is rounding

const OWN = {
  /** Gradient descent on hθ²/2: each step multiplies θ by 1 − ηh. */
  parabola({ rules, land }) {
    const product = rules[0].hyper.lr * land.knobs[0];
    return `η·h = ${told(product)}: ${regime(product)}`;
  },

  /** A heavy ball on θ²/2: the roots of z² − (1 + μ − η)z + μ say what becomes of it. */
  oscillator({ rules }) {
    const { lr, momentum } = rules[0].hyper;
    const half = (1 + momentum - lr) / 2;
    const inside = half * half - momentum;
    const keeps = inside < 0 ? Math.sqrt(momentum) : Math.abs(half) + Math.sqrt(inside);
    const how = inside < 0 ? "swings" : half < 0 ? "jumps back and forth" : "creeps";
    if (keeps < EQUAL) return "lands in one step";
    const isEven = Math.abs(keeps - 1) < EQUAL;
    const ends = isEven ? "forever" : keeps > 1 ? "and diverges" : "and settles";
    return `${how} ${ends}: in the long run each step keeps ${told(keeps)} of the distance`;
  },

  /** What each rule ends at in a valley that is turned. */
  turned({ rules, land }) {
    const each = rules.map(({ label, path }) => `${label} ${told(path.end, 2)}`);
    return `Turned by ${told(land.knobs[0])}°: ${each.join(", ")}`;
  },

  /** How much of the true mean a mean that began at zero holds. */
  correction({ rules, step }) {
    const { beta1, beta2 } = rules[0].hyper;
    if (step === 0) return "Both means begin at zero";
    const shares = [beta1, beta2].map((beta) => told(100 * (1 - beta ** step), 3));
    return `Step ${step}: m is ${shares[0]}% of m̂, v is ${shares[1]}% of v̂`;
  },

  /** How much of its length each layer is moved by the step. */
  layers({ rules, step }) {
    const each = rules.map(({ label, path }) => {
      const t = Math.min(step, path.last - 1);
      const [from, to] = [path.at(t), path.at(t + 1)];
      const shares = Array.from(from, (x, i) => `${told(100 * Math.abs(to[i] / x - 1), 2)}%`);
      return `${label} ${shares.join(" and ")}`;
    });
    return `A step moves θ₁ and θ₂ by: ${each.join(", ")}`;
  },

  /** Who is first when each rule has the best of so many rates. */
  luck({ rules, count }) {
    const ranked = [...rules].sort((a, b) => a.path.end - b.path.end);
    const each = ranked.map(({ label, path }) => `${label} ${told(path.end, 1)}`);
    return `The best of ${count} rates: ${each.join(", ")}`;
  },

  /** How far from the minimum decay holds the weights. */
  decay({ rules, land, step }) {
    const [at] = land.fn.minima;
    const each = rules.map(({ label, path }) => {
      const theta = path.at(Math.min(step, path.last));
      return `${label} ${told(Math.hypot(...at.map((x, i) => x - theta[i])), 2)}`;
    });
    return `Distance to the minimum: ${each.join(", ")}`;
  },
};

function regime(product) {
  if (product < EQUAL) return "stays where it is";
  if (Math.abs(product - 1) < EQUAL) return "lands in one step";
  if (Math.abs(product - 2) < EQUAL) return "jumps back and forth forever";
  if (product < 1) return "creeps down one side";
  return product < 2 ? "jumps across, and comes nearer" : "each jump is longer: it diverges";
}

/** What the map shows at this step. */
export function finding(page, rules) {
  const own = OWN[page.given.finding];
  if (own) return own({ rules, land: page.land, step: page.step, count: page.rates });
  const name = page.fn.name;
  const [now, all] = [page.time(page.step), page.time(page.steps)];
  if (page.isRace) {
    const seed = page.given.seeds.length > 1 ? `, seed ${page.given.seeds[page.seed]}` : "";
    return `${name}${seed}, step ${now} of ${all}`;
  }
  if (page.step < page.steps) return `${name}, step ${now} of ${all}`;
  if (!page.fn.bounded) return `${name} has no lowest point: there is no winner`;
  const ends = rules
    .filter(({ path }) => Number.isFinite(path.end))
    .sort((a, b) => a.path.end - b.path.end);
  if (rules.every(({ path }) => path.diverged && path.last === 0)) {
    return `${name}: the ${page.fn.noun} at this start is not a number`;
  }
  if (ends.length === 0) return `${name}: all diverged`;
  const after = `after ${page.steps} step${page.steps === 1 ? "" : "s"} from this start`;
  if (rules.length === 1) return `${name}: ${page.fn.noun} ${told(ends[0].path.end)} ${after}`;
  // what looks the same is level
  const none = 1e-15 * Math.max(1, Math.abs(page.fn.minimum ?? 0));
  const level = ends.filter(({ path }) => {
    const isRounding = page.fn.minimum !== null && path.end - page.fn.minimum <= none;
    return isRounding || told(path.end) === told(ends[0].path.end);
  });
  const who = new Intl.ListFormat("en").format(level.map(({ label }) => label));
  return `${name}: ${who} ${level.length > 1 ? "are level" : "is lowest"} ${after}`;
}
