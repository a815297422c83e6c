/** Runs, step by step as Python makes them: the same formulas in the same order. */

import { decoded } from "./numbers.js";

/** What the rules go down: a function with its noise, or with its knobs as they stand. */
export class Land {
  constructor(fn, noise = fn.noise) {
    this.fn = fn;
    this.size = fn.start.length;
    this.knobs = Float64Array.from(fn.knobs, (knob) => knob.value);
    this.isNoisy = noise !== "";
    this.batches = this.isNoisy ? rowsOf(decoded(noise), this.size) : [];
  }

  /** What the loss takes beside the weights at the step after t. */
  batch(t) {
    return this.isNoisy ? this.batches[t] : this.knobs;
  }

  /** The loss without noise. */
  loss(theta) {
    return this.fn.loss(theta, this.knobs);
  }

  /** The same without noise, whose steps tell how smooth a rule goes. */
  get calm() {
    if (!this.isNoisy) return this;
    const calm = Object.create(this);
    const none = new Float64Array(this.size);
    calm.batch = () => none;
    return calm;
  }
}

function areFinite(numbers) {
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false;
  return true;
}

function rowsOf(numbers, size) {
  const count = numbers.length / size;
  return Array.from({ length: count }, (_, i) => numbers.subarray(i * size, (i + 1) * size));
}

/** What a run met: weights, losses without noise, gradients, and what the rule had in mind. */
export class Path {
  constructor(size, steps, names = {}) {
    this.size = size;
    this.last = 0; // the step that it ends at
    this.diverged = false;
    this.theta = new Float64Array(size * (steps + 1));
    this.g = new Float64Array(size * (steps + 1));
    this.loss = new Float64Array(steps + 1);
    this.kept = {};
    for (const [name, length] of Object.entries(names)) {
      this.kept[name] = new Float64Array(length * (steps + 1)).fill(Number.NaN);
    }
  }

  at(step) {
    return this.theta.subarray(step * this.size, (step + 1) * this.size);
  }

  gradient(step) {
    return this.g.subarray(step * this.size, (step + 1) * this.size);
  }

  of(name, step) {
    const length = this.kept[name].length / this.loss.length;
    return this.kept[name].subarray(step * length, (step + 1) * length);
  }

  get end() {
    return this.diverged ? Number.NaN : this.loss[this.last];
  }
}

/** A run that was recorded: the rows of one seed among those of all. */
export class Recorded {
  constructor(theta, losses, seed, seeds, size, diverged) {
    const rows = losses.length / seeds;
    Object.assign(this, { theta, seed, seeds, size, diverged, kept: {} });
    this.loss = Float64Array.from({ length: rows }, (_, t) => losses[t * seeds + seed]);
    const broken = this.loss.findIndex((loss) => !Number.isFinite(loss));
    this.last = diverged && broken >= 0 ? broken : rows - 1;
  }

  at(row) {
    const begin = (row * this.seeds + this.seed) * this.size;
    return this.theta.subarray(begin, begin + this.size);
  }

  get end() {
    return this.diverged ? Number.NaN : this.loss[this.last];
  }
}

/** A rule, with the arrays that its step works on. */
export class Runner {
  constructor(rule, size) {
    this.rule = rule;
    this.theta = new Float64Array(size);
    this.g = new Float64Array(size);
    this.out = rule.handedOut === undefined ? this.theta : new Float64Array(size);
    this.unused = new Float64Array(size);
    this.hessian = new Float64Array(size * size);
    this.etas = rule.etas === "" ? null : decoded(rule.etas);
    this.state = {};
    this.seen = {};
    this.lengths = { ...rule.seen };
    for (const [name, first] of Object.entries(rule.state)) {
      this.lengths[name] = first === "theta" ? size : first.length;
      this.state[name] = new Float64Array(this.lengths[name]);
    }
    for (const [name, length] of Object.entries(rule.seen)) {
      this.seen[name] = new Float64Array(length);
    }
  }

  /** Make steps, into `path` if there is one. Returns the last loss without noise, NaN at worst. */
  run(land, hyper, start, steps, path = null) {
    const { theta, g, out, unused, state, seen, hessian, etas } = this;
    const { step, handedOut, curved } = this.rule;
    const { gradient, curvature } = land.fn;
    theta.set(start);
    for (const [name, first] of Object.entries(this.rule.state)) {
      state[name].set(first === "theta" ? start : first);
    }
    for (let t = 0; ; t++) {
      const batch = land.batch(t);
      let loss = gradient(theta, g, batch);
      if (handedOut !== undefined) {
        handedOut(theta, state, out, hyper);
        loss = gradient(out, unused, batch);
      }
      if (path !== null) this.note(path, t, land.isNoisy ? land.loss(out) : loss);
      if (!Number.isFinite(loss) || !areFinite(theta)) {
        if (path !== null) path.diverged = true;
        return Number.NaN;
      }
      if (t === steps) return land.isNoisy ? land.loss(out) : loss;
      if (etas !== null) hyper.eta = etas[t];
      if (curved) curvature(theta, hessian, batch);
      step(theta, g, state, t + 1, hyper, hessian, seen);
    }
  }

  /** The learning rate of the step that is made at t. */
  rateAt(t, hyper) {
    return this.etas === null ? hyper.lr : this.etas[t];
  }

  path(land, hyper, start, steps, keeps = false) {
    const path = new Path(this.theta.length, steps, keeps ? this.lengths : {});
    this.run(land, hyper, start, steps, path);
    return path;
  }

  note(path, t, loss) {
    path.last = t;
    path.loss[t] = loss;
    path.theta.set(this.out, t * path.size);
    path.g.set(this.g, t * path.size);
    for (const [name, numbers] of Object.entries(path.kept)) {
      if (t > 0 || name in this.state) {
        const now = this.state[name] ?? this.seen[name];
        numbers.set(now, t * now.length);
      }
    }
  }
}
