/** What a page shows, as a link that shows it again, or as the Python that does. */

const MARK = "#shows=";
export const MOST_RULES = 6; // side by side

/** What the address, or Python, says that the page is to show at first; null if nothing. */
export function written(given) {
  const found = location.hash.startsWith(MARK) ? location.hash.slice(MARK.length) : "";
  let state = null;
  try {
    state = found ? JSON.parse(decodeURIComponent(found)) : null;
  } catch {
    return null; // a link that was cut off
  }
  return isState(state, given) ? { hasRates: true, restore: (page) => restore(page, state) } : null;
}

/** Whether a link holds what a page of this kind can show. */
function isState(state, given) {
  const fn = given.functions[state?.function];
  const areNumbers = (values, count) =>
    Array.isArray(values) && values.length === count && values.every(Number.isFinite);
  return (
    fn !== undefined &&
    areNumbers(state.start, fn.start.length) &&
    areNumbers(state.knobs, fn.knobs.length) &&
    areNumbers([state.steps, state.step], 2) &&
    Number.isInteger(state.steps) &&
    Number.isInteger(state.step) &&
    state.steps >= 1 &&
    state.step >= 0 &&
    (state.view === null ||
      (Array.isArray(state.view) && state.view.every((pair) => areNumbers(pair, 2)))) &&
    Array.isArray(state.show) &&
    Array.isArray(state.rules) &&
    state.rules.length <= MOST_RULES &&
    state.rules.every((pair) => Array.isArray(pair) && typeof pair[1] === "object")
  );
}

function restore(page, state) {
  const fn = page.given.functions[state.function];
  if (fn !== page.fn) {
    page.setFunction(fn, { hasRates: true, restore: () => restore(page, state) });
    return;
  }
  page.start = Float64Array.from(state.start);
  page.land.knobs.set(state.knobs);
  page.steps = Math.min(state.steps, page.given.most);
  page.step = Math.min(state.step, page.steps);
  page.chosen = state.rules.map(([label]) => label).filter((label) => page.rules.has(label));
  if (page.chosen.length === 0) page.chosen = [...page.given.chosen];
  page.focus = page.chosen.includes(state.focus) ? state.focus : page.chosen[0];
  page.shown = new Set(["map", ...state.show.filter((name) => page.given.panels.includes(name))]);
  for (const [label, hyper] of state.rules) {
    const one = page.rules.get(label);
    if (!one) continue;
    one.isMet = true;
    for (const { slider } of one.sliders) {
      const value = hyper?.[slider.name];
      const isRate = slider.name === "lr" && value >= 0;
      if (Number.isFinite(value) && (isRate || isOn(slider, value))) one.hyper[slider.name] = value;
    }
  }
  page.map.view = state.view;
}

/** Whether a slider can stand there. */
function isOn(slider, value) {
  if (slider.kind === "switch") return value === 0 || value === 1;
  if (slider.kind === "grid") return slider.values.includes(value);
  return value >= slider.low && value <= slider.high;
}

/** The address with all that can be moved. */
function linkTo(page) {
  const state = {
    function: page.given.functions.indexOf(page.fn),
    knobs: Array.from(page.land.knobs),
    start: Array.from(page.start),
    steps: page.steps,
    step: page.step,
    focus: page.focus,
    show: [...page.shown],
    view: page.map.view,
    rules: page.chosen.map((label) => [label, page.rules.get(label).hyper]),
  };
  return location.href.split("#")[0] + MARK + encodeURIComponent(JSON.stringify(state));
}

/** The lines of Python that show the same. */
export function pythonFor(page) {
  const rules = page.chosen.map((label) => {
    const { rule, hyper } = page.rules.get(label);
    const numbers = (of) =>
      rule.sliders
        .filter(({ inner }) => inner === of)
        .filter(({ name }) => name === "lr" || hyper[name] !== Number(rule.hyper[name]))
        .map(({ name, kind }) => {
          const value = kind === "switch" ? (hyper[name] ? "True" : "False") : hyper[name];
          return `${of ? name.slice(of.length + 1) : name}=${value}`;
        });
    const said = numbers("");
    for (const inner of new Set(rule.sliders.map((slider) => slider.inner).filter(Boolean))) {
      const inside = numbers(inner);
      if (inside.length > 0) said.push(`inner=partial(${[inner, ...inside].join(", ")})`);
    }
    const code = said.length ? `partial(${[rule.python, ...said].join(", ")})` : rule.python;
    return `${JSON.stringify(label)}: ${code}`;
  });
  const more = [`start=[${Array.from(page.start).join(", ")}]`, `steps=${page.steps}`];
  const knobs = page.fn.knobs.map(
    ({ name, low, high }, i) => `"${name}": (${low}, ${high}, ${page.land.knobs[i]})`,
  );
  if (knobs.length > 0) more.push(`vary={${knobs.join(", ")}}`);
  more.push(`show=[${[...page.shown].map((name) => `"${name}"`).join(", ")}]`);
  const call = `explore(${[page.fn.python, `{${rules.join(", ")}}`, ...more].join(", ")})`;
  return [...imports(call, page.given.imports), call].join("\n");
}

/** What a call needs: from where its names come, and which are the reader's own. */
function imports(call, known) {
  const words = new Set(call.replaceAll(/"[^"]*"/g, "").match(/[A-Za-z_]\w*(?!\w*\s*=[^=])/g));
  const lines = Object.entries(known).flatMap(([from, names]) => {
    const used = names.filter((name) => words.has(name));
    return used.length ? [`from ${from} import ${used.join(", ")}`] : [];
  });
  const all = new Set([...Object.values(known).flat(), "True", "False", "None"]);
  const own = [...words].filter((word) => !all.has(word));
  return own.length ? [...lines, `# of your own: ${own.join(", ")}`] : lines;
}

/** Put it where it can be pasted from; if the browser does not allow that, show it. */
export async function copied(page, what) {
  const words = what === "link" ? linkTo(page) : pythonFor(page);
  try {
    // a frame that may not is told so, without a line on the console
    if (document.featurePolicy?.allowsFeature("clipboard-write") === false) throw new Error();
    await navigator.clipboard.writeText(words);
    page.words = what === "link" ? "Link copied." : "Python copied.";
    page.redraw();
  } catch {
    const field = document.createElement("textarea");
    field.value = words;
    field.readOnly = true;
    field.rows = 3;
    field.setAttribute("aria-label", what === "link" ? "The link" : "The Python");
    page.note.replaceChildren(field);
    field.select();
  }
}
