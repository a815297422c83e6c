export { mount } from "./page.js";
