// Reloads the page when its certificate or the steps to it changed.
"use strict";
const shown = document.body.dataset;
async function look() {
  try {
    const state = await (await fetch("/state.json", { cache: "no-store" })).json();
    const same = state.serial === shown.serial && String(state.round) === shown.round && String(state.lines) === shown.lines;
    if (!same) { location.reload(); return; }
  } catch { /* the lab is gone or busy: look again */ }
  setTimeout(look, 1500);
}
setTimeout(look, 1500);
