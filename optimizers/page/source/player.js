/** Play, stop, one step on or back, and where one is. The first steps are played slowly. */

const FIRST = 20; // steps that matter most
const SLOWLY = 250; // milliseconds each of them takes
const REST = 5000; // milliseconds that all others take together
const STILLS = 12; // pictures in the place of a film, for who does not want things to move
const STILL = 1000; // milliseconds each

export class Player {
  /** @param {(step: number) => void} moves */
  constructor(parent, moves) {
    this.moves = moves;
    this.step = 0;
    this.last = 0;
    this.box = document.createElement("div");
    this.box.className = "player";
    this.button = this.add("▶", "Play", () => (this.isPlaying ? this.stop() : this.play()));
    this.add("|◀", "To the start", () => this.go(0));
    this.add("◀", "One step back", () => this.go(this.step - 1));
    this.add("▶|", "One step forward", () => this.go(this.step + 1));
    this.slider = document.createElement("input");
    this.slider.type = "range";
    this.slider.min = "0";
    this.slider.name = "step";
    this.slider.setAttribute("aria-label", "Step");
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    this.told = document.createElement("span");
    this.told.className = "value";
    this.box.append(this.slider, this.told);
    parent.append(this.box);
  }

  add(words, says, does) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words;
    button.title = says;
    button.setAttribute("aria-label", says);
    button.addEventListener("click", does);
    this.box.append(button);
    return button;
  }

  /** So many steps, and this one; `time` tells how they are counted. */
  set(step, last, time) {
    this.last = last;
    this.step = Math.min(step, last);
    this.slider.max = String(last);
    this.slider.value = String(this.step);
    this.told.textContent = `${time(this.step)} of ${time(last)}`;
    this.slider.setAttribute("aria-valuetext", `step ${this.told.textContent}`);
  }

  go(step) {
    this.stop();
    this.step = Math.min(Math.max(step, 0), this.last);
    this.moves(this.step);
  }

  get isPlaying() {
    return this.playing !== undefined;
  }

  play() {
    const begin = this.step < this.last ? this.step : 0;
    const isCalm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const since = performance.now();
    const show = (moment) => {
      const time = Math.max(0, moment - since); // a frame may have begun before the button was pressed
      const step = isCalm
        ? begin + this.stills(time, begin)
        : this.stepAfter(this.timeOf(begin) + time);
      this.moves(Math.min(step, this.last));
      this.playing = step < this.last ? requestAnimationFrame(show) : undefined;
      this.label();
    };
    this.playing = requestAnimationFrame(show);
    this.label();
  }

  stills(time, begin) {
    return Math.round(((this.last - begin) * Math.min(STILLS, Math.floor(time / STILL))) / STILLS);
  }

  get rest() {
    return Math.min(SLOWLY, REST / Math.max(1, this.last - FIRST));
  }

  timeOf(step) {
    return Math.min(step, FIRST) * SLOWLY + Math.max(0, step - FIRST) * this.rest;
  }

  stepAfter(time) {
    const slow = FIRST * SLOWLY;
    return Math.floor(time < slow ? time / SLOWLY : FIRST + (time - slow) / this.rest);
  }

  stop() {
    if (this.isPlaying) cancelAnimationFrame(this.playing);
    this.playing = undefined;
    this.label();
  }

  label() {
    const [words, says] = this.isPlaying ? ["■", "Stop"] : ["▶", "Play"];
    this.button.textContent = words;
    this.button.title = says;
    this.button.setAttribute("aria-label", says);
  }
}
