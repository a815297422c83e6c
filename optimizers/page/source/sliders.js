/** Sliders, boxes and switches for hyper-parameters and for the knobs of a loss. */

import { clamp, told } from "./numbers.js";

const STOPS = 300;

/** Where a value stands between the ends of its slider, from 0 to 1, and the way back. */
export function scaleOf(slider) {
  const { kind, low, high, values } = slider;
  if (kind === "grid") {
    const last = values.length - 1;
    return {
      stops: last,
      at: (value) => {
        const above = values.findIndex((v) => v >= value);
        return (above < 0 ? last : above) / last;
      },
      value: (share) => values[Math.round(clamp(share, 0, 1) * last)],
    };
  }
  if (kind === "log") {
    const span = Math.log(high / low);
    return {
      stops: STOPS,
      at: (value) => clamp(Math.log(value / low) / span, 0, 1),
      value: (share) => Number((low * Math.exp(span * clamp(share, 0, 1))).toPrecision(3)),
    };
  }
  const stops = kind === "whole" ? high - low : STOPS;
  return {
    stops,
    at: (value) => clamp((value - low) / (high - low), 0, 1),
    value: (share) => {
      const value = low + (high - low) * clamp(share, 0, 1);
      return kind === "whole" ? Math.round(value) : Number(value.toPrecision(4));
    },
  };
}

/** A row with a name, something to drag, and the value. */
export class Slider {
  /**
   * @param {object} slider what Python says of it
   * @param {string} owner whose it is, for screen readers
   * @param {(value: number) => void} moves
   */
  constructor(slider, owner, moves) {
    this.slider = slider;
    this.row = document.createElement("label");
    this.row.className = `slider ${slider.kind}`;
    const sign = document.createElement("span");
    sign.className = "sign";
    sign.textContent = slider.sign;
    sign.title = slider.words;
    this.input = document.createElement("input");
    this.input.name = slider.name;
    this.input.setAttribute("aria-label", [owner, slider.words].filter(Boolean).join(", "));
    this.value = document.createElement("span");
    this.value.className = "value";
    if (slider.kind === "switch") {
      this.input.type = "checkbox";
      this.input.addEventListener("change", () => moves(Number(this.input.checked)));
      this.row.append(this.input, sign);
      return;
    }
    this.scale = scaleOf(slider);
    this.input.type = "range";
    this.input.min = "0";
    this.input.max = String(this.scale.stops);
    this.input.addEventListener("input", () => {
      const value = this.scale.value(Number(this.input.value) / this.scale.stops);
      this.tell(value);
      moves(value);
    });
    this.row.append(sign, this.input, this.value);
  }

  /** Let a slider of a rate go from one value to another, and as far as it went. */
  reach(low, high) {
    const { slider } = this;
    this.scale = scaleOf({
      ...slider,
      low: Math.min(low, slider.low),
      high: Math.max(high, slider.high),
    });
  }

  /** Show a value, which may lie between two stops. */
  set(value) {
    if (this.slider.kind === "switch") {
      this.input.checked = Boolean(value);
      return;
    }
    this.input.value = String(Math.round(this.scale.at(value) * this.scale.stops));
    this.tell(value);
  }

  tell(value) {
    this.value.textContent = told(value, 4);
    this.input.setAttribute("aria-valuetext", this.value.textContent);
  }
}
