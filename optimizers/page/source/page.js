/** The page: what is chosen, what follows from it, and who draws it. */

import { LossPanel, RatePanel, StatePanel } from "./curves.js";
import { FINDINGS } from "./findings.js";
import { FormulaPanel } from "./formula.js";
import { lookEach } from "./looks.js";
import { MapPanel } from "./map.js";
import { decoded, quantile, told, toldAll } from "./numbers.js";
import { PlanePanel } from "./plane.js";
import { Player } from "./player.js";
import { bestRate, gentleRate, RateCurve } from "./rates.js";
import { Land, Recorded, Runner } from "./run.js";
import { Slider } from "./sliders.js";
import { copied, written } from "./state.js";

const BUDGET = 7; // milliseconds of a frame: what may come later has to fit in
const MOST_RULES = 6;
const TITLES = {
  loss: "loss",
  rate: "rates",
  state: "inner state",
  plane: "plane",
  formula: "formula",
};

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
    this.focus = given.focus ?? this.chosen[0];
    this.steps = given.steps;
    this.step = given.step ?? given.steps;
    this.shown = new Set(given.show);
    this.seed = 0;
    this.dirty = new Set();
    this.build();
    this.setFunction(given.functions[0], written(given));
    new ResizeObserver(() => this.redraw()).observe(root);
  }

  ruleOf(rule) {
    const hyper = Object.fromEntries(
      Object.entries(rule.hyper).map(([name, value]) => [name, Number(value)]),
    );
    const runner = new Runner(rule, this.given.functions[0].start.length);
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

  // ------------------------------------------------------------------------- how it is built

  build() {
    this.root.classList.add("optimizers-page");
    this.root.classList.toggle("one-idea", this.given.move !== null);
    this.root.replaceChildren();
    this.head = this.part("header");
    this.board = this.part("main");
    this.left = this.part("section", this.board);
    this.left.className = "left";
    this.left.setAttribute("aria-label", "Map");
    this.right = this.part("section", this.board);
    this.right.className = "right";
    this.right.setAttribute("aria-label", "Rules and curves");
    this.board.classList.toggle(
      "alone",
      this.given.show.every((name) => name === "map"),
    );
    this.buildHead();
    this.map = new MapPanel(this.left, {
      start: (theta) => this.setStart(theta),
      moved: () => this.redraw(),
    });
    this.map.box.hidden = !this.shown.has("map");
    this.board.classList.toggle("mapless", !this.shown.has("map"));
    this.player = new Player(this.left, (step) => {
      this.step = step;
      this.redraw();
    });
    this.buildRules();
    this.buildPanels();
    this.spoken = this.part("p", this.root);
    this.spoken.className = "spoken";
    this.spoken.setAttribute("role", "status");
  }

  part(tag, parent = this.root) {
    const made = document.createElement(tag);
    parent.append(made);
    return made;
  }

  button(parent, words, says, does) {
    const button = this.part("button", parent);
    button.type = "button";
    button.textContent = words;
    button.title = says;
    button.addEventListener("click", does);
    return button;
  }

  buildHead() {
    const { given, head } = this;
    if (given.functions.length > 1 && this.may("function")) {
      const label = this.part("label", head);
      label.append("function ");
      this.menu = this.part("select", label);
      this.menu.name = "function";
      for (const [i, fn] of given.functions.entries()) this.menu.add(new Option(fn.name, i));
      this.menu.addEventListener("change", () =>
        this.setFunction(given.functions[this.menu.value]),
      );
    } else if (this.isRace) {
      const name = this.part("strong", head);
      name.textContent = given.title;
    }
    if (given.seeds.length > 1) this.buildSeeds();
    if (given.move === null) {
      const label = this.part("label", head);
      label.append("start ");
      this.field = this.part("input", label);
      this.field.name = "start";
      this.field.size = 14;
      this.field.addEventListener("change", () => this.typed());
    }
    if (this.may("steps")) {
      const label = this.part("label", head);
      label.append("steps ");
      this.count = this.part("input", label);
      Object.assign(this.count, {
        type: "range",
        name: "steps",
        min: 10,
        max: given.most,
        step: 10,
      });
      this.counted = this.part("output", label);
      this.count.addEventListener("input", () => this.setSteps(Number(this.count.value)));
    }
    if (given.move === null) {
      const rates = this.part("span", head);
      rates.className = "buttons";
      this.button(rates, "Gentle rates", "For each rule, a rate with a smooth path", () =>
        this.rate("gentle"),
      );
      this.button(rates, "Tuned rates", "For each rule, the best rate of a grid", () =>
        this.rate("tuned"),
      );
      const share = this.part("span", head);
      share.className = "buttons";
      if (location.protocol !== "about:") {
        this.button(share, "Copy link", "The address of what is shown now", () =>
          copied(this, "link"),
        );
      }
      this.button(share, "Copy Python", "The call that shows this in a notebook", () =>
        copied(this, "python"),
      );
    }
    this.note = this.part("span", head);
    this.note.className = "note";
    if (head.children.length === 1) head.hidden = true;
  }

  buildSeeds() {
    const label = this.part("label", this.head);
    label.append("seed ");
    const menu = this.part("select", label);
    menu.name = "seed";
    for (const [i, seed] of this.given.seeds.entries()) menu.add(new Option(seed, i));
    menu.addEventListener("change", () => {
      this.seed = Number(menu.value);
      this.changed(new Set(this.chosen));
    });
  }

  buildRules() {
    if (this.may("rules") && this.given.rules.length > 1) {
      const chips = this.part("fieldset", this.right);
      chips.className = "chips";
      const legend = this.part("legend", chips);
      legend.textContent = "Rules";
      for (const label of this.rules.keys()) {
        const chip = this.part("label", chips);
        const box = this.part("input", chip);
        Object.assign(box, { type: "checkbox", name: label, checked: this.chosen.includes(label) });
        chip.append(label);
        box.addEventListener("change", () => this.choose(label, box));
      }
    }
    this.cards = this.part("div", this.right);
    this.cards.className = "cards";
    this.knobs = this.part("div", this.cards);
    this.knobs.className = "card focus";
    for (const one of this.rules.values()) {
      one.card = this.part("div", this.cards);
      one.card.className = "card";
      one.name = this.button(one.card, one.label, `Look at ${one.label}`, () => {
        this.focus = one.label;
        this.changed(new Set([one.label]));
      });
      one.name.className = "name";
      one.more = this.part("div", one.card);
      one.more.className = "more";
      one.sliders = one.rule.sliders
        .filter(({ name }) => this.may(name))
        .map((slider) => {
          const made = new Slider(slider, one.label, (value) => {
            this.note.textContent = "";
            this.setHyper(one.label, { [slider.name]: value });
          });
          if (slider.name === "lr") one.more.before(made.row);
          else one.more.append(made.row);
          return made;
        });
      one.told = document.createElement("output");
      one.told.className = "told";
      one.more.before(one.rule.told ?? "", one.told);
    }
  }

  buildPanels() {
    this.tabs = new Map();
    const names = Object.keys(TITLES).filter((name) => this.given.panels.includes(name));
    if (this.given.move === null && names.length > 1) {
      const tabs = this.part("div", this.right);
      tabs.className = "tabs";
      tabs.setAttribute("role", "group");
      tabs.setAttribute("aria-label", "Panels");
      for (const name of names) {
        const tab = this.button(tabs, TITLES[name], `Show or hide: ${TITLES[name]}`, () => {
          if (this.shown.has(name)) this.shown.delete(name);
          else this.shown.add(name);
          this.changed(new Set(this.chosen));
        });
        this.tabs.set(name, tab);
      }
    }
    this.grid = this.part("div", this.right);
    this.grid.className = "panels";
    const makes = {
      loss: () => new LossPanel(this.grid),
      rate: () => new RatePanel(this.grid, (label, lr) => this.setHyper(label, { lr })),
      state: () => new StatePanel(this.grid, this.given.signs),
      plane: () => new PlanePanel(this.grid, (label, values) => this.setHyper(label, values)),
      formula: () => new FormulaPanel(this.grid, this.given.signs),
    };
    this.panels = Object.fromEntries(names.map((name) => [name, makes[name]()]));
  }

  // ------------------------------------------------------------------------- what can be moved

  setFunction(fn, state = null) {
    const isFirst = this.fn === undefined;
    this.fn = fn;
    if (this.menu) this.menu.value = String(this.given.functions.indexOf(fn));
    this.start = Float64Array.from(fn.start);
    this.land = new Land(fn);
    if (isFirst) this.buildKnobs();
    this.map.look(this.land, true);
    if (state) state.restore(this);
    if (!(state?.hasRates ?? false)) {
      this.rate(this.given.rates ?? "gentle", isFirst || this.given.move !== null);
    }
    this.changed(new Set(this.chosen));
  }

  buildKnobs() {
    this.knobs.hidden = this.fn.knobs.length === 0;
    for (const [i, knob] of this.fn.knobs.entries()) {
      const slider = new Slider(knob, "", (value) => {
        this.land.knobs[i] = value;
        if (knob.name === this.given.turns) this.start = turned(this.fn.start, value);
        this.map.look(this.land, false);
        this.changed(new Set(this.chosen));
      });
      slider.set(knob.value);
      this.knobs.append(slider.row);
    }
  }

  setStart(theta) {
    if (theta.some((x) => !Number.isFinite(x))) return;
    this.start = Float64Array.from(theta);
    this.note.textContent = "";
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
      this.note.textContent = `The start must be ${such}.`;
      this.redraw();
    }
  }

  setSteps(steps) {
    const isAtEnd = this.step >= this.steps;
    this.steps = steps;
    this.step = isAtEnd ? steps : Math.min(this.step, steps);
    this.note.textContent = "";
    this.changed(new Set(this.chosen));
  }

  setHyper(label, values) {
    Object.assign(this.rules.get(label).hyper, values);
    this.focus = label;
    const isRate = Object.keys(values).every((name) => name === "lr");
    this.changed(new Set([label]), !isRate);
  }

  choose(label, box) {
    const others = this.chosen.filter((one) => one !== label);
    const chosen = box.checked ? [...others, label] : others;
    if (chosen.length < 1 || chosen.length > MOST_RULES) {
      box.checked = !box.checked;
      this.note.textContent = `One to ${MOST_RULES} rules can run side by side.`;
      return;
    }
    this.note.textContent = "";
    this.chosen = this.given.rules.map((rule) => rule.label).filter((one) => chosen.includes(one));
    this.focus = box.checked
      ? label
      : this.chosen.includes(this.focus)
        ? this.focus
        : this.chosen[0];
    if (box.checked && !this.rules.get(label).isMet) this.rateOf(this.rules.get(label), "gentle");
    this.changed(new Set([label]));
  }

  /** Give the rules gentle rates, or tuned ones; a rate that was given stays at first. */
  rate(how, keepsGiven = false) {
    for (const label of this.chosen) {
      const one = this.rules.get(label);
      if (!(keepsGiven && one.rule.given)) this.rateOf(one, how);
    }
    const from = `${this.fn.name} from ${toldAll(this.start)}, ${this.steps} steps`;
    this.note.textContent =
      how === "tuned"
        ? `Tuned: each with the best of ${this.given.grid.length} rates for ${from}.`
        : "";
    if (this.paths) this.changed(new Set(this.chosen));
  }

  rateOf(one, how) {
    one.isMet = true;
    if (!one.isRated || how === "given" || !this.runs(one)) return;
    const find = how === "tuned" ? bestRate : gentleRate;
    one.hyper.lr = find(one.runner, this.land, one.hyper, this.start, this.steps, this.given.grid);
  }

  /** Whether the rule can go down this function: some ask for second derivatives. */
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
    const scene = this.scene;
    this.settle(scene);
    this.draw(scene);
    this.say(scene);
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
    } else if (this.runs(one)) {
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
    if (this.shown.has("rate") && this.panels.rate) {
      for (const label of this.chosen) {
        const one = this.rules.get(label);
        if (!(one.isRated && this.runs(one))) continue;
        if (!one.curve || this.dirty.has(label)) {
          one.curve ??= new RateCurve(this.given.grid);
          const { runner, land, start, steps } = { ...this, runner: one.runner };
          const hyper = { ...one.hyper };
          one.curve.begin((lr) => {
            hyper.lr = lr;
            return runner.run(land, hyper, start, steps);
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
    if (axes.length < 2 || axes.some((axis) => axis === undefined)) return;
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

  get scene() {
    const runnable = this.chosen.filter((label) => this.runs(this.rules.get(label)));
    const focus = runnable.includes(this.focus) ? this.focus : runnable[0];
    const rules = runnable.map((label) => ({
      ...this.rules.get(label),
      path: this.paths.get(label),
      isFocus: label === focus,
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
      says: this.finding(rules),
    };
  }

  /** What is to be seen on the map, no more than the numbers say. */
  finding(rules) {
    const own = FINDINGS[this.given.finding];
    if (own) return own({ rules, land: this.land });
    const name = this.fn.name;
    const [now, all] = [this.time(this.step), this.time(this.steps)];
    if (this.isRace) {
      const seed = this.given.seeds.length > 1 ? `, seed ${this.given.seeds[this.seed]}` : "";
      return `${name}${seed}, step ${now} of ${all}`;
    }
    if (this.step < this.steps) return `${name}, step ${now} of ${all}`;
    if (!this.fn.bounded) return `${name} has no lowest point: nobody wins`;
    const ends = rules
      .filter(({ path }) => Number.isFinite(path.end))
      .sort((a, b) => a.path.end - b.path.end);
    if (ends.length === 0) return `${name}: all diverged`;
    const after = `after ${this.steps} steps`;
    if (rules.length === 1) return `${name}: ${this.fn.noun} ${told(ends[0].path.end)} ${after}`;
    // what looks the same is level
    const height = ({ path }) => told(path.end - (this.fn.minimum ?? 0));
    const [best, none] = [height(ends[0]), 1e-15 * Math.max(1, Math.abs(this.fn.minimum ?? 0))];
    const level = ends.filter((one) => {
      const rounding = this.fn.minimum !== null && one.path.end - this.fn.minimum <= none;
      return rounding || height(one) === best;
    });
    const who = level.map(({ label }) => label).join(" and ");
    return `${name}: ${who} ${level.length > 1 ? "are level" : "is lowest"} ${after}`;
  }

  settle(scene) {
    this.player.set(this.step, this.steps, this.time);
    if (this.field && document.activeElement !== this.field) {
      this.field.value = Array.from(this.start, (x) => told(x, 4)).join(", ");
    }
    if (this.count) {
      this.count.value = String(this.steps);
      this.counted.textContent = String(this.steps);
    }
    for (const one of this.rules.values()) {
      one.card.hidden = !this.chosen.includes(one.label);
      if (one.card.hidden) continue;
      one.card.style.setProperty("--ink", one.color);
      const isFocus = scene.rules.some((rule) => rule.isFocus && rule.label === one.label);
      one.card.classList.toggle("focus", isFocus);
      one.name.setAttribute("aria-pressed", String(isFocus));
      for (const slider of one.sliders) slider.set(one.hyper[slider.slider.name]);
      const path = this.paths.get(one.label);
      if (!this.runs(one))
        one.told.textContent = "needs second derivatives, which this loss has not";
      else if (path.diverged && this.step >= path.last) {
        one.told.textContent = `diverged at step ${this.time(path.last)}`;
      } else
        one.told.textContent = `${this.fn.noun} ${told(path.loss[Math.min(this.step, path.last)])}`;
    }
    for (const [name, panel] of Object.entries(this.panels)) {
      panel.box.hidden = !this.shown.has(name);
      this.tabs.get(name)?.setAttribute("aria-pressed", String(this.shown.has(name)));
    }
    this.grid.dataset.count = Object.keys(this.panels).filter((name) =>
      this.shown.has(name),
    ).length;
  }

  draw(scene) {
    if (this.shown.has("map")) this.map.draw(scene);
    for (const name of ["loss", "state", "formula"]) {
      if (this.shown.has(name)) this.panels[name]?.draw(scene);
    }
  }

  /** Tell those who cannot see the pictures, once things stand still. */
  say(scene) {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      const each = scene.rules.map(({ label, path }) => {
        const loss = path.loss[Math.min(this.step, path.last)];
        return path.diverged ? `${label} diverged` : `${label} ${told(loss)}`;
      });
      const words = `${scene.says}. Step ${this.step}: ${each.join(", ")}.`;
      if (words !== this.spoken.textContent) this.spoken.textContent = words;
    }, 600);
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
