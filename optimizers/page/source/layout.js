/** What the page is made of: the line above, the map, a card for each rule, the panels. */

import { LossPanel, RatePanel, StatePanel } from "./draw/curves.js";
import { MapPanel } from "./draw/map.js";
import { PlanePanel } from "./draw/plane.js";
import { FormulaPanel } from "./formula.js";
import { inked } from "./looks.js";
import { told } from "./numbers.js";
import { Player } from "./player.js";
import { Slider } from "./sliders.js";
import { copied } from "./state.js";

const LEGEND =
  "Drag any number, or the start ○. ● now · ★ minimum · ✕ diverged · ▲ outside · thin: steps to come.";
const QUIET = 600; // milliseconds that things stand still before they are told
const TITLES = {
  loss: "loss",
  rate: "rates",
  state: "inner state",
  plane: "plane",
  formula: "formula",
};

/** Put everything in its place. */
export function build(page) {
  page.root.classList.add("optimizers-page");
  page.root.classList.toggle("one-idea", page.given.move !== null);
  page.root.replaceChildren();
  page.head = part("header", page.root);
  page.board = part("main", page.root);
  page.left = part("section", page.board);
  page.left.className = "left";
  page.left.setAttribute("aria-label", "Map");
  page.right = part("section", page.board);
  page.right.className = "right";
  page.right.setAttribute("aria-label", "Rules and curves");
  page.board.classList.toggle(
    "alone",
    page.given.show.every((name) => name === "map"),
  );
  buildHead(page);
  page.map = new MapPanel(page.left, {
    start: (theta) => page.setStart(theta),
    now: () => page.start,
    moved: () => page.redraw(),
  });
  page.map.box.hidden = !page.shown.has("map");
  page.board.classList.toggle("mapless", !page.shown.has("map"));
  page.player = new Player(page.left, (step) => page.setStep(step));
  page.map.addButtons(page.player.box);
  buildRules(page);
  buildPanels(page);
  page.spoken = part("p", page.root);
  page.spoken.className = "spoken";
  page.spoken.setAttribute("role", "status");
}

function part(tag, parent) {
  const made = document.createElement(tag);
  parent.append(made);
  return made;
}

function button(parent, words, says, does) {
  const button = part("button", parent);
  button.type = "button";
  button.textContent = words;
  button.title = says;
  button.addEventListener("click", does);
  return button;
}

function buildHead(page) {
  const { given, head } = page;
  if (given.functions.length > 1 && page.may("function")) {
    const label = part("label", head);
    label.append("function ");
    page.menu = part("select", label);
    page.menu.name = "function";
    for (const [i, fn] of given.functions.entries()) page.menu.add(new Option(fn.name, i));
    page.menu.addEventListener("change", () => page.setFunction(given.functions[page.menu.value]));
  } else if (page.isRace) {
    const name = part("strong", head);
    name.textContent = given.title;
  }
  if (given.seeds.length > 1) buildSeeds(page);
  if (given.move === null) {
    const label = part("label", head);
    label.append("start ");
    page.field = part("input", label);
    page.field.name = "start";
    page.field.size = 14;
    page.field.addEventListener("change", () => page.typed());
  }
  if (page.may("steps")) {
    const label = part("label", head);
    label.append("steps ");
    page.count = part("input", label);
    Object.assign(page.count, {
      type: "range",
      name: "steps",
      min: 10,
      max: given.most,
      step: 10,
    });
    page.counted = part("span", label);
    page.count.addEventListener("input", () => page.setSteps(Number(page.count.value)));
  }
  if (given.move === null) {
    const rates = part("span", head);
    rates.className = "buttons";
    button(rates, "Gentle rates", "For each rule, a rate with a smooth path", () =>
      page.rate("gentle"),
    );
    button(rates, "Tuned rates", "For each rule, the best rate of a grid", () =>
      page.rate("tuned"),
    );
    const share = part("span", head);
    share.className = "buttons";
    if (location.protocol !== "about:") {
      button(share, "Copy link", "A link to what is shown now", () => copied(page, "link"));
    }
    button(share, "Copy Python", "The call that shows this in a notebook", () =>
      copied(page, "python"),
    );
  }
  page.note = part("span", head);
  page.note.className = "note";
  if (head.children.length === 1 && !given.note) head.hidden = true;
}

function buildSeeds(page) {
  const label = part("label", page.head);
  label.append("seed ");
  const menu = part("select", label);
  menu.name = "seed";
  for (const [i, seed] of page.given.seeds.entries()) menu.add(new Option(seed, i));
  menu.addEventListener("change", () => {
    page.seed = Number(menu.value);
    page.changed(new Set(page.chosen));
  });
}

function buildRules(page) {
  if (page.may("rules") && page.given.rules.length > 1) {
    const chips = part("fieldset", page.right);
    chips.className = "chips";
    const legend = part("legend", chips);
    legend.textContent = "Rules";
    for (const label of page.rules.keys()) {
      const chip = part("label", chips);
      const box = part("input", chip);
      Object.assign(box, { type: "checkbox", name: label, checked: page.chosen.includes(label) });
      chip.append(label);
      box.addEventListener("change", () => page.choose(label, box));
    }
  }
  page.cards = part("div", page.right);
  page.cards.className = "cards";
  page.knobs = part("div", page.cards);
  page.knobs.className = "card focus";
  for (const one of page.rules.values()) {
    one.card = part("div", page.cards);
    one.card.className = "card";
    one.name = button(one.card, one.label, `Look at ${one.label}`, () => {
      page.focus = one.label;
      page.changed(new Set([one.label]));
    });
    one.name.className = "name";
    one.more = part("div", one.card);
    one.more.className = "more";
    one.sliders = one.rule.sliders
      .filter(({ name }) => page.may(name))
      .map((slider) => {
        const made = new Slider(slider, one.label, (value) => {
          page.setHyper(one.label, { [slider.name]: value });
        });
        if (slider.name === "lr") one.more.before(made.row);
        else one.more.append(made.row);
        return made;
      });
    one.told = document.createElement("span");
    one.told.className = "told";
    one.more.before(one.rule.told ?? "", one.told);
  }
}

function buildPanels(page) {
  page.tabs = new Map();
  const names = Object.keys(TITLES).filter((name) => page.given.panels.includes(name));
  if (page.given.move === null && names.length > 1) {
    const tabs = part("div", page.right);
    tabs.className = "tabs";
    tabs.setAttribute("role", "group");
    tabs.setAttribute("aria-label", "Panels");
    for (const name of names) {
      const tab = button(tabs, TITLES[name], `Show or hide: ${TITLES[name]}`, () => {
        if (page.shown.has(name)) page.shown.delete(name);
        else page.shown.add(name);
        page.changed(new Set(page.chosen));
      });
      page.tabs.set(name, tab);
    }
  }
  page.grid = part("div", page.right);
  page.grid.className = "panels";
  const makes = {
    loss: () => new LossPanel(page.grid, (step) => page.setStep(step)),
    rate: () => new RatePanel(page.grid, (label, lr) => page.setHyper(label, { lr })),
    state: () => new StatePanel(page.grid, page.given.signs),
    plane: () => new PlanePanel(page.grid, (label, values) => page.setHyper(label, values)),
    formula: () => new FormulaPanel(page.grid, page.given.signs),
  };
  page.panels = Object.fromEntries(names.map((name) => [name, makes[name]()]));
}

/** The knobs of the loss. */
export function buildKnobs(page) {
  page.knobs.hidden = page.fn.knobs.length === 0 && !page.given.rates;
  page.knobSliders = [];
  for (const [i, knob] of page.fn.knobs.entries()) {
    const slider = new Slider(knob, "", (value) => page.setKnob(i, value));
    page.knobs.append(slider.row);
    page.knobSliders.push(slider);
  }
  if (page.given.rates) {
    page.counts = new Slider(page.given.rates, "", (count) => page.setRates(count));
    page.knobs.append(page.counts.row);
  }
}

/** Let every word and every slider say what holds now. */
export function settle(page, scene) {
  const legend = page.given.move === null ? LEGEND : "";
  const always = [page.given.note ?? legend, page.fn.chance].filter(Boolean).join(" ");
  const words = page.words || always;
  if (words !== page.noted) page.note.textContent = words;
  page.noted = words;
  page.player.set(page.step, page.steps, page.time);
  if (page.field && document.activeElement !== page.field) {
    page.field.value = Array.from(page.start, (x) => told(x, 4)).join(", ");
  }
  if (page.count) {
    page.count.value = String(page.steps);
    page.counted.textContent = String(page.steps);
  }
  for (const box of page.root.querySelectorAll(".chips input")) {
    box.checked = page.chosen.includes(box.name);
  }
  for (const [i, slider] of page.knobSliders.entries()) slider.set(page.land.knobs[i]);
  page.counts?.set(page.rates);
  for (const one of page.rules.values()) {
    one.card.hidden = !page.chosen.includes(one.label);
    if (one.card.hidden) continue;
    one.card.style.setProperty("--ink", one.color);
    one.card.style.setProperty("--letters", inked(one.color));
    const isFocus = scene.rules.some((rule) => rule.isFocus && rule.label === one.label);
    one.card.classList.toggle("focus", isFocus);
    one.name.setAttribute("aria-pressed", String(isFocus));
    for (const slider of one.sliders) slider.set(one.hyper[slider.slider.name]);
    const path = page.paths.get(one.label);
    one.told.textContent = [...changedNumbers(one, isFocus), stateOf(page, one, path)].join(" · ");
  }
  for (const [name, panel] of Object.entries(page.panels)) {
    panel.box.hidden = !page.shown.has(name);
    page.tabs.get(name)?.setAttribute("aria-pressed", String(page.shown.has(name)));
  }
  page.grid.dataset.count = Object.keys(page.panels).filter((name) => page.shown.has(name)).length;
}

/** What a closed card would hide: numbers that are not what they were. */
function changedNumbers({ hyper, rule, sliders }, isOpen) {
  const moved = sliders.filter(
    ({ slider: { name } }) => name !== "lr" && hyper[name] !== Number(rule.hyper[name]),
  );
  return isOpen ? [] : moved.map(({ slider }) => `${slider.sign} ${told(hyper[slider.name], 4)}`);
}

/** Its loss at this step, of a race the median; or that it diverged. */
function stateOf(page, { label, runner, hyper }, path) {
  const median = page.bands?.of[label].middle[page.step];
  if (median !== undefined) return `median ${page.fn.noun} ${told(median)}`;
  if (path.diverged && page.step >= path.last) return `diverged at step ${page.time(path.last)}`;
  const rate = runner?.etas
    ? `η ${told(runner.rateAt(Math.min(page.step, page.steps - 1), hyper))} · `
    : "";
  return `${rate}${page.fn.noun} ${told(path.loss[Math.min(page.step, path.last)])}`;
}

/** Tell those who cannot see the pictures, once things stand still. */
export function say(page, scene) {
  clearTimeout(page.waiting);
  page.waiting = setTimeout(() => {
    const each = scene.rules.map((one) => `${one.label}: ${stateOf(page, one, one.path)}`);
    const words = `${scene.says}. Step ${page.time(page.step)}: ${each.join(", ")}.`;
    if (words !== page.spoken.textContent) page.spoken.textContent = words;
  }, QUIET);
}
