/** The lines of a rule, as its Python has them, and below each the numbers of the step. */

import { told, toldAll } from "./numbers.js";

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
    const { rule, path, label, color, hyper } = focus;
    const t = Math.min(step, path.last - 1);
    const head = document.createElement("h3");
    head.textContent = `${label}, step ${t + 1}`;
    head.style.color = color;
    const list = document.createElement("dl");
    const values = t >= 0 ? new Numbers(rule, path, hyper, t) : null;
    for (const line of rule.lines.filter((one) => holds(one, hyper))) {
      const [symbols, numbers] = [document.createElement("dt"), document.createElement("dd")];
      symbols.textContent = `${line.set} = ${line.to.replace(MARK, (_, name) => this.signs[name] ?? name.replaceAll("_", " "))}`;
      if (values !== null) numbers.textContent = values.in(line);
      list.append(symbols, numbers);
    }
    this.box.replaceChildren(head, list);
  }
}

/** Whether a line is gone through with these switches. */
function holds(line, hyper) {
  return line.when.every(([name, is]) => Boolean(hyper[name]) === is);
}

/** What stands in the place of each name at a step: before it, or after. */
class Numbers {
  constructor(rule, path, hyper, t) {
    Object.assign(this, { rule, path, hyper, t });
  }

  of(name, isNew) {
    const { path, hyper, t } = this;
    if (name === "theta") return toldAll(path.at(isNew ? t + 1 : t));
    if (name === "g") return toldAll(path.gradient(t));
    if (name === "t") return String(t + 1);
    if (name === "eta") return told(hyper.eta ?? hyper.lr);
    const setting =
      name in hyper ? name : Object.keys(hyper).find((one) => one.endsWith(`_${name}`));
    if (setting) return told(hyper[setting], 5);
    if (name in path.kept) return toldAll(path.of(name, isNew ? t + 1 : t));
    return null;
  }

  /** "0.9 · 2 + (1 − 0.9) · 3 = 2.1": what is not known stays a name. */
  in({ name, to }) {
    const filled = to.replace(MARK, (_, inner, isNew) => {
      const known = this.of(inner, isNew !== "") ?? inner;
      return known.startsWith("−") ? `(${known})` : known;
    });
    const made = name === "θ" ? this.of("theta", true) : this.of(name, true);
    return made === null ? filled : `${filled} = ${made}`;
  }
}
