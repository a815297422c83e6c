/** What is to be seen on the pages that show one idea. */

import { told } from "./numbers.js";

const EQUAL = 0.01; // products that differ by less are called equal

export const FINDINGS = {
  /** Gradient descent on λθ²/2: each step multiplies θ by 1 − ηλ. */
  parabola({ rules, land }) {
    const product = rules[0].hyper.lr * land.knobs[0];
    return `η·λ = ${told(product)}: ${regime(product)}`;
  },

  /** A heavy ball on θ²/2: the roots of z² − (1 + μ − η)z + μ say what becomes of it. */
  oscillator({ rules }) {
    const { lr, momentum } = rules[0].hyper;
    const half = (1 + momentum - lr) / 2;
    const inside = half * half - momentum;
    const keeps = inside < 0 ? Math.sqrt(momentum) : Math.abs(half) + Math.sqrt(inside);
    const how = inside < 0 ? "swings" : half < 0 ? "jumps to and fro" : "creeps";
    const ends = keeps > 1 ? "and diverges" : "and settles";
    return `${how} ${ends}: in the long run × ${told(keeps)} a step`;
  },
};

function regime(product) {
  if (product < EQUAL) return "stays where it is";
  if (Math.abs(product - 1) < EQUAL) return "lands in one step";
  if (Math.abs(product - 2) < EQUAL) return "jumps to and fro for ever";
  if (product < 1) return "creeps down one side";
  return product < 2 ? "jumps across, and comes nearer" : "jumps farther each time: diverges";
}
