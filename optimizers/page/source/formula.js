/** The lines of a rule, as its Python has them, and below each the numbers of the step. */

import { settingOf, told, toldAll } from "./numbers.js";

const MARK = /⟨(\w+)('?)⟩/g;
export class FormulaPanel {
  constructor(parent, signs) {
    this.signs = signs;
    this.box = document.createElement("div");
    this.box.className = "panel formula";
    parent.append(this.box);
    this.shown = "";
  }

  draw({ rules, step }) {
    const focus = rules.find((rule) => rule.isFocus) ?? rules[0];
    const { rule, path, label, color, hyper, runner } = focus;
    const t = Math.min(step, path.last - 1);
    const head = document.createElement("h3");
    head.textContent = t < 0 ? label : `${label}, from step ${t} to ${t + 1}`;
    head.style.color = color;
    const list = document.createElement("dl");
    const lines = rule.lines.filter((line) => holds(line, hyper));
    const values =
      t >= 0
        ? new Numbers(lines, path, { ...hyper, eta: runner.rateAt(t, hyper) }, t, this.signs)
        : null;
    for (const [i, line] of lines.entries()) {
      const [symbols, numbers] = [document.createElement("dt"), document.createElement("dd")];
      const to = line.to.replace(MARK, (_, name) => signOf(name, this.signs));
      symbols.textContent = `${line.set} = ${to}`;
      if (values !== null) numbers.textContent = values.in(line, i);
      list.append(symbols, numbers);
    }
    this.box.replaceChildren(head, list);
  }
}

/** Whether a line is gone through with these switches. */
function holds(line, hyper) {
  return line.when.every(([name, is]) => Boolean(hyper[name]) === is);
}

function signOf(name, signs) {
  return signs[name] ?? name.replaceAll("_", " ");
}

/** What stands in the place of each name at a step: before it, or after. */
class Numbers {
  constructor(lines, path, hyper, t, signs) {
    Object.assign(this, { lines, path, hyper, t, signs });
  }

  /** The line before this one that gives a name its value; -1 if there is none. */
  setter(name, before = this.lines.length) {
    return this.lines.slice(0, before).findLastIndex((line) => line.name === name);
  }

  of(name, isNew) {
    const { path, hyper, t } = this;
    if (name === "theta") return toldAll(path.at(isNew ? t + 1 : t), 5);
    if (name === "g") return toldAll(path.gradient(t));
    if (name === "t") return String(t + 1);
    if (name === "eta") return told(hyper.eta);
    const setting = settingOf(name, hyper);
    if (setting !== undefined) return told(setting, 5);
    if (name in path.kept) return toldAll(path.of(name, isNew ? t + 1 : t));
    return null;
  }

  /** "0.9 · 2 + (1 − 0.9) · 3 = 2.1": what is not known stays a name, also what is set again. */
  in({ name, to }, i) {
    const filled = to.replace(MARK, (_, inner, isNew) => {
      const set = isNew ? this.setter(inner, i) : -1;
      const isOver = set >= 0 && (inner === "g" || set !== this.setter(inner));
      const known = (isOver ? null : this.of(inner, isNew !== "")) ?? signOf(inner, this.signs);
      return known.startsWith("−") ? `(${known})` : known;
    });
    if (name === "θ") return `${filled} = ${this.of("theta", true)}`;
    const isLast = this.setter(name) === i && name !== "g";
    const made = isLast ? this.of(name, true) : null;
    return made === null ? filled : `${filled} = ${made}`;
  }
}
