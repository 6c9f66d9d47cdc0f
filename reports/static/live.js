"use strict";
// A page that is served: while it is open it asks whether what it shows is still true.
(() => {
  const EVERY_MS = 2000;
  const line = Object.assign(document.createElement("p"), { className: "live" });
  line.setAttribute("role", "status");
  document.querySelector("header").append(line);
  let known;

  // What is chosen survives the page that is loaded again.
  const place = `choices ${location.pathname}`;
  const inputs = () => [...document.querySelectorAll(".filters select, .filters input")];
  const label = (input) => [...input.closest("label").childNodes].find((each) => each !== input).textContent;
  const key = (input) => (input.type === "checkbox" ? "checked" : "value");
  const shownTabs = () => [...document.querySelectorAll("[role=tab][aria-selected=true]")].map((each) => each.id);
  const remembered = JSON.parse(sessionStorage.getItem(place) ?? "{}");
  for (const id of remembered.tabs ?? []) document.getElementById(id)?.click();
  for (const input of inputs()) {
    if (!(label(input) in (remembered.chosen ?? {}))) continue;
    input[key(input)] = remembered.chosen[label(input)];
    for (const kind of ["input", "change"]) input.dispatchEvent(new Event(kind, { bubbles: true }));
  }
  const remember = () => sessionStorage.setItem(place, JSON.stringify({
    tabs: shownTabs(),
    chosen: Object.fromEntries(inputs().map((input) => [label(input), input[key(input)]])),
  }));

  function fill(rows) {
    for (const [anchor, ...texts] of rows) {
      const cells = [...(document.getElementById(anchor)?.cells ?? [])].slice(-texts.length);
      cells.forEach((cell, index) => {
        if (cell.textContent !== texts[index]) cell.textContent = texts[index];
      });
    }
  }

  async function ask() {
    try {
      const answer = await fetch("stamp", { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      const { stamp, rows, said } = await answer.json();
      fill(rows);
      if (line.textContent !== said) line.textContent = said;
      if (known !== undefined && known !== stamp) {
        remember();
        location.reload();
      }
      known = stamp;
    } catch {
      line.textContent = "The server does not answer; what is shown may be old.";
    }
    setTimeout(ask, EVERY_MS);
  }
  ask();
})();
