"use strict";
// The theme makes boxes that scroll (tables, code, menus) without a way to them by keyboard, and landmarks of buttons.
(() => {
  const BOXES = [".md-typeset__scrollwrap", ".md-sidebar__scrollwrap", "pre > code"].map((box) => `${box}:not([tabindex])`);
  function reach() {
    for (const box of document.querySelectorAll(BOXES.join())) box.tabIndex = 0;
    for (const buttons of document.querySelectorAll("nav.md-code__nav:not([role])")) buttons.setAttribute("role", "none");
  }
  new MutationObserver(reach).observe(document.documentElement, { childList: true, subtree: true });
  reach();
})();
