/** What a page shows, as a link that shows it again, or as the Python that does. */

const MARK = "#shows=";

/** What the address, or Python, says that the page is to show at first; null if nothing. */
export function written(given) {
  const found = location.hash.startsWith(MARK) ? location.hash.slice(MARK.length) : "";
  let state = null;
  try {
    state = found ? JSON.parse(decodeURIComponent(found)) : null;
  } catch {
    return null; // a link that was cut off
  }
  if (state === null || !given.functions.some(({ name }) => name === state.function)) return null;
  return { hasRates: true, restore: (page) => restore(page, state) };
}

function restore(page, state) {
  const fn = page.given.functions.find(({ name }) => name === state.function);
  if (fn !== page.fn) {
    page.setFunction(fn, { hasRates: true, restore: () => restore(page, state) });
    return;
  }
  page.start = Float64Array.from(state.start);
  page.steps = Math.min(state.steps, page.given.most);
  page.step = Math.min(state.step, page.steps);
  page.chosen = state.rules.map(([label]) => label).filter((label) => page.rules.has(label));
  if (page.chosen.length === 0) page.chosen = [...page.given.chosen];
  page.focus = page.chosen.includes(state.focus) ? state.focus : page.chosen[0];
  page.shown = new Set(["map", ...state.show]);
  for (const [label, hyper] of state.rules) {
    const one = page.rules.get(label);
    if (!one) continue;
    one.isMet = true;
    for (const [name, value] of Object.entries(hyper)) {
      if (name in one.hyper && Number.isFinite(value)) one.hyper[name] = value;
    }
  }
  page.map.view = state.view;
}

/** The address with all that can be moved. */
function linkTo(page) {
  const state = {
    function: page.fn.name,
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

/** The call of `explore` that shows the same. */
function pythonFor(page) {
  const rules = page.chosen.map((label) => {
    const { rule, hyper } = page.rules.get(label);
    const said = Object.entries(hyper)
      .filter(([name, value]) => name === "lr" || value !== Number(rule.hyper[name]))
      .filter(([name]) => rule.sliders.some((slider) => slider.name === name && !slider.inner))
      .map(([name, value]) => {
        const isSwitch = typeof rule.hyper[name] === "boolean";
        return `${name}=${isSwitch ? (value ? "True" : "False") : value}`;
      });
    return said.length ? `partial(${[rule.python, ...said].join(", ")})` : rule.python;
  });
  const start = Array.from(page.start).join(", ");
  return [
    "from functools import partial",
    `explore(${page.fn.python}, [${rules.join(", ")}], start=[${start}], steps=${page.steps})`,
  ].join("\n");
}

/** Put it where it can be pasted from; if the browser does not allow that, show it. */
export async function copied(page, what) {
  const words = what === "link" ? linkTo(page) : pythonFor(page);
  try {
    // a frame that may not is told so, without a line on the console
    if (document.featurePolicy?.allowsFeature("clipboard-write") === false) throw new Error();
    await navigator.clipboard.writeText(words);
    page.words = what === "link" ? "The link is copied." : "The Python is copied.";
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
