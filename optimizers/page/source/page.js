/** The page: what is chosen, what follows from it, and who draws it. */

import { finding } from "./findings.js";
import { build, buildKnobs, say, settle } from "./layout.js";
import { lookEach } from "./looks.js";
import { decoded, quantile, toldAll } from "./numbers.js";
import { bestRate, endsAt, fittingRates, gentleRate, gridOf, lowest, RateCurve } from "./rates.js";
import { Land, Recorded, Runner } from "./run.js";
import { MOST_RULES, written } from "./state.js";

const BUDGET = 5; // milliseconds of a frame: what may come later has to fit in

/** Make a page of what Python has written: `given` says what, `root` is where. */
export function mount(root, given) {
  return new Page(root, given);
}

class Page {
  constructor(root, given) {
    Object.assign(this, { root, given });
    root.page = this;
    this.rules = new Map(given.rules.map((rule) => [rule.label, this.ruleOf(rule)]));
    this.chosen = [...given.chosen];
    this.focus = this.chosen[0];
    this.steps = given.steps;
    this.step = given.steps;
    this.shown = new Set(given.show);
    this.seed = 0;
    this.rates = given.rates?.value; // how many, where that is what is moved
    this.words = ""; // what is to be said beside the buttons
    this.dirty = new Set();
    build(this);
    this.setFunction(given.functions[0], written(given));
    new ResizeObserver(() => this.redraw()).observe(root);
  }

  ruleOf(rule) {
    const hyper = Object.fromEntries(
      Object.entries(rule.hyper).map(([name, value]) => [name, Number(value)]),
    );
    const runner = rule.step ? new Runner(rule, this.given.functions[0].start.length) : null;
    const isRated = rule.sliders.some(({ name }) => name === "lr");
    return { rule, label: rule.label, color: rule.color, dash: rule.dash, hyper, runner, isRated };
  }

  /** Whether runs that were recorded are shown, and none are made. */
  get isRace() {
    return this.given.seeds.length > 0;
  }

  /** The step that a row of the paths belongs to. */
  time = (row) => this.given.times?.[row] ?? row;

  may(name) {
    return this.given.move === null || this.given.move.includes(name);
  }

  // ------------------------------------------------------------------------- what can be moved

  setFunction(fn, state = null) {
    const isFirst = this.fn === undefined;
    this.fn = fn;
    if (this.menu) this.menu.value = String(this.given.functions.indexOf(fn));
    this.start = Float64Array.from(fn.start);
    this.land = new Land(fn);
    if (isFirst) buildKnobs(this);
    this.map.look(this.land, true);
    if (state) state.restore(this);
    if (!this.isRace) this.chooseRunning();
    if (this.rates) this.tune();
    else if (!(state?.hasRates ?? false)) {
      this.rate("gentle", isFirst || this.given.move !== null);
    }
    this.changed(new Set(this.chosen));
  }

  setKnob(i, value) {
    this.land.knobs[i] = value;
    if (this.fn.knobs[i].name === this.given.turns) this.start = turned(this.fn.start, value);
    this.map.look(this.land, false);
    this.changed(new Set(this.chosen));
  }

  setStart(theta) {
    if (theta.some((x) => !Number.isFinite(x))) return;
    this.start = Float64Array.from(theta);
    this.words = "";
    if (this.rates) this.tune();
    this.changed(new Set(this.chosen));
  }

  typed() {
    const numbers = this.field.value
      .replaceAll("−", "-")
      .split(/[\s,;()]+/)
      .filter(Boolean);
    const theta = numbers.map(Number);
    if (theta.length === this.land.size && theta.every(Number.isFinite)) this.setStart(theta);
    else {
      const such =
        this.land.size === 1 ? "one number, such as −1.5" : "two numbers, such as −1.5, 2";
      this.words = `The start must be ${such}.`;
      this.redraw();
    }
  }

  setSteps(steps) {
    const isAtEnd = this.step >= this.steps;
    this.steps = steps;
    this.step = isAtEnd ? steps : Math.min(this.step, steps);
    this.words = "";
    this.changed(new Set(this.chosen));
  }

  setStep(step) {
    this.step = step;
    this.redraw();
  }

  setHyper(label, values) {
    this.words = "";
    Object.assign(this.rules.get(label).hyper, values);
    this.focus = label;
    const isRate = Object.keys(values).every((name) => name === "lr");
    this.changed(new Set([label]), !isRate);
  }

  choose(label, box) {
    const others = this.chosen.filter((one) => one !== label);
    const chosen = box.checked ? [...others, label] : others;
    const cannot = box.checked && !this.runs(this.rules.get(label));
    if (cannot || chosen.length < 1 || chosen.length > MOST_RULES) {
      box.checked = !box.checked;
      this.words = cannot
        ? `${label} needs the second derivatives, which could not be written for ${this.fn.name}.`
        : `One to ${MOST_RULES} rules can run side by side.`;
      this.redraw();
      return;
    }
    this.words = "";
    this.chosen = this.given.rules.map((rule) => rule.label).filter((one) => chosen.includes(one));
    if (box.checked) this.focus = label;
    else if (!this.chosen.includes(this.focus)) this.focus = this.chosen[0];
    if (box.checked && !this.rules.get(label).isMet) this.rateOf(this.rules.get(label), "gentle");
    this.changed(new Set([label]));
  }

  /** Let go of the rules that cannot go down this function. */
  chooseRunning() {
    const running = [...this.rules.values()].filter((one) => this.runs(one));
    const labels = running.map(({ label }) => label);
    this.chosen = this.chosen.filter((label) => labels.includes(label));
    if (this.chosen.length === 0) this.chosen = labels.slice(0, 1);
    if (!this.chosen.includes(this.focus)) this.focus = this.chosen[0];
  }

  /** Give the rules gentle rates, or tuned ones; a rate that was given stays at first. */
  rate(how, keepsGiven = false) {
    for (const label of this.chosen) {
      const one = this.rules.get(label);
      if (keepsGiven && one.rule.given) one.isMet = true;
      else this.rateOf(one, how);
    }
    const from = `${this.fn.name} from ${toldAll(this.start)}, ${this.steps} steps`;
    this.words =
      how === "tuned"
        ? `Tuned: each has the best of ${this.given.grid.length} rates for ${from}.`
        : "";
    if (this.paths) this.changed(new Set(this.chosen));
  }

  rateOf(one, how) {
    one.isMet = true;
    if (!one.isRated) return;
    const found = [one.runner, this.land, one.hyper, this.start, this.steps];
    one.grid = fittingRates(...found, this.given.grid);
    one.hyper.lr = (how === "tuned" ? bestRate : gentleRate)(...found, one.grid);
    one.curve = null;
    const slider = one.sliders.find(({ slider }) => slider.name === "lr");
    if (slider?.slider.kind === "log") slider.reach(one.grid[0], one.grid.at(-1));
  }

  /** Give every rule the best of so many rates, and keep what became of it at each. */
  tune() {
    const grid = gridOf(this.given.grid, this.rates);
    for (const label of this.chosen) {
      const one = this.rules.get(label);
      const ends = endsAt(one.runner, this.land, one.hyper, this.start, this.steps, grid);
      one.hyper.lr = grid[lowest(ends)] ?? one.hyper.lr;
      one.curve = new RateCurve(grid).know(ends);
    }
  }

  setRates(count) {
    this.rates = count;
    this.tune();
    this.changed(new Set(this.chosen), false);
  }

  /** Whether the rule can go down this function: not all have the second derivatives some need. */
  runs({ rule }) {
    return !rule.curved || this.fn.curvature !== undefined;
  }

  // ------------------------------------------------------------------------ what follows from it

  /** Run these rules again; with `curves`, all that hangs on more than their rates. */
  changed(labels, curves = true) {
    if (curves) for (const label of labels) this.dirty.add(label);
    this.stale = new Set([...(this.stale ?? []), ...labels]);
    this.redraw();
  }

  redraw() {
    this.isStale = true;
    this.nextFrame();
  }

  nextFrame() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      const since = performance.now();
      if (this.isStale) this.update();
      this.goOn(since);
      this.spent = performance.now() - since;
    });
  }

  update() {
    this.isStale = false;
    this.paths ??= new Map();
    const chosen = this.chosen.map((label) => this.rules.get(label));
    lookEach(chosen, this.given.palette, this.given.lines);
    for (const label of this.stale ?? []) {
      if (this.chosen.includes(label)) this.follow(this.rules.get(label));
    }
    for (const label of this.chosen) {
      const one = this.rules.get(label);
      if (!this.paths.has(label) || this.needsMore(one)) this.follow(one);
    }
    this.stale = null;
    this.begins();
    this.scene = this.sceneNow();
    settle(this, this.scene);
    this.draw(this.scene);
    say(this, this.scene);
  }

  needsMore({ label }) {
    return label === this.focus && Object.keys(this.paths.get(label).kept).length === 0;
  }

  follow(one) {
    const keeps = one.label === this.focus;
    const { runner, hyper } = one;
    if (this.isRace) {
      this.readRace();
      this.paths.set(one.label, this.recorded.get(one.label)[this.seed]);
    } else {
      this.paths.set(one.label, runner.path(this.land, hyper, this.start, this.steps, keeps));
    }
  }

  /** All seeds of a race, once: their paths, and the median and the quartiles of their losses. */
  readRace() {
    if (this.recorded) return;
    this.recorded = new Map();
    const count = this.given.seeds.length;
    const of = {};
    for (const { label, rule } of this.rules.values()) {
      const [theta, losses] = [rule.theta, rule.losses].map((w) => decoded(w, Float32Array));
      const paths = rule.diverged.map(
        (diverged, seed) => new Recorded(theta, losses, seed, count, this.land.size, diverged),
      );
      this.recorded.set(label, paths);
      of[label] = bandOf(paths);
    }
    this.bands = count > 1 ? { count, of } : undefined;
  }

  get others() {
    if (!this.isRace || this.given.seeds.length < 2) return [];
    return [...this.recorded].flatMap(([label, paths]) =>
      paths.map((path) => ({ path, color: this.rules.get(label).color })),
    );
  }

  /** Let the curves that hang on what was changed begin anew. */
  begins() {
    const { land, start, steps } = this;
    if (this.shown.has("rate") && this.panels.rate) {
      for (const label of this.chosen) {
        const one = this.rules.get(label);
        if (!one.isRated) continue;
        if (!one.curve || this.dirty.has(label)) {
          one.curve ??= new RateCurve(one.grid ?? this.given.grid);
          const hyper = { ...one.hyper };
          one.curve.begin((lr) => {
            hyper.lr = lr;
            return one.runner.run(land, hyper, start, steps);
          });
          this.dirty.delete(label);
        }
      }
    }
    if (this.shown.has("plane") && this.panels.plane) this.beginPlane();
  }

  beginPlane() {
    const one = this.rules.get(this.focus);
    const names = this.given.plane ?? one.rule.sliders.slice(0, 2).map(({ name }) => name);
    const axes = names.map((name) => one.rule.sliders.find((slider) => slider.name === name));
    if (axes.length < 2 || axes.some((axis) => axis === undefined)) {
      this.panels.plane.axesOf = null;
      this.planeKey = "";
      return;
    }
    const others = Object.entries(one.hyper).filter(([name]) => !names.includes(name));
    const key = JSON.stringify([one.label, others, ...this.start, this.steps, ...this.land.knobs]);
    if (key === this.planeKey) return;
    this.planeKey = key;
    const { land, start, steps } = this;
    this.panels.plane.begin(one, axes, (values) =>
      one.runner.run(land, { ...one.hyper, ...values }, start, steps),
    );
  }

  /** Go on with the curves while there is time, and draw them with what is known by now. */
  goOn(since) {
    const open = [...this.curves()].filter((curve) => !curve.isDone);
    const until = Math.max(since + BUDGET, performance.now() + 1);
    for (const [i, curve] of open.entries()) {
      const now = performance.now();
      curve.goOn(now + Math.max(0.2, until - now) / (open.length - i));
    }
    for (const name of ["rate", "plane"]) {
      if (this.shown.has(name)) this.panels[name]?.draw(this.scene);
    }
    if (open.length > 0) this.nextFrame();
  }

  *curves() {
    if (this.shown.has("rate") && this.panels.rate) {
      for (const label of this.chosen)
        if (this.rules.get(label).curve) yield this.rules.get(label).curve;
    }
    if (this.shown.has("plane") && this.panels.plane?.axesOf) yield this.panels.plane;
  }

  /** All that is drawn. */
  sceneNow() {
    const rules = this.chosen.map((label) => ({
      ...this.rules.get(label),
      path: this.paths.get(label),
      isFocus: label === this.focus,
      movesRate: this.may("lr") && this.rules.get(label).isRated,
    }));
    return {
      land: this.land,
      rules,
      step: this.step,
      steps: this.steps,
      start: this.isRace ? rules[0].path.at(0) : this.start,
      movesStart: this.may("start"),
      arrows: this.given.arrows,
      origin: this.given.origin ?? false,
      others: this.others,
      time: this.time,
      bands: this.bands,
      says: finding(this, rules),
    };
  }

  draw(scene) {
    if (this.shown.has("map")) this.map.draw(scene);
    for (const name of ["loss", "state", "formula"]) {
      if (this.shown.has(name)) this.panels[name]?.draw(scene);
    }
  }
}

/** A point of the plane, turned around the origin by so many degrees. */
function turned([x, y], degrees) {
  const angle = (degrees * Math.PI) / 180;
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return Float64Array.of(c * x - s * y, s * x + c * y);
}

/** Median and quartiles over runs at each row; a run that diverged counts as infinite. */
function bandOf(paths) {
  const band = { middle: [], low: [], high: [] };
  for (let t = 0; t < paths[0].loss.length; t++) {
    const losses = Float64Array.from(paths, ({ loss, last, diverged }) =>
      diverged && t >= last ? Number.POSITIVE_INFINITY : loss[t],
    ).sort();
    band.middle.push(quantile(losses, 0.5));
    band.low.push(quantile(losses, 0.25));
    band.high.push(quantile(losses, 0.75));
  }
  return band;
}
