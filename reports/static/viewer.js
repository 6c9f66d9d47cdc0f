"use strict";
// The viewer of pairs: slider, blinking, difference, overlay. Every page that shows pairs has this one.
// Makes one of a figure that shows its pictures without a script too. Gives its buttons for blinking and
// for the zoom, and the place that is zoomed, which another viewer can take over.
const comparePair = (() => {
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

  function selection(name, labels, chosen) {
    const select = make("select", {});
    labels.forEach((label, index) => select.append(make("option", { value: index, textContent: label })));
    select.value = chosen;
    const label = make("label", { textContent: name });
    label.append(select);
    return { label, select };
  }

  const BLINK_MS = 600;

  return (figure) => {
    const list = figure.querySelector(".states");
    const overlay = list.querySelector(".overlay img");
    const images = [...list.querySelectorAll("li:not(.overlay) img")];
    const labels = images.map((image) => image.alt);
    const caption = figure.querySelector(".caption").textContent;
    const stage = make("div", { className: "stage" });
    const tags = ["left", "right"].map((side) => make("span", { className: `tag ${side}` }));
    const range = make("input", { type: "range", min: 0, max: 100, step: 1, value: 50 });
    const sides = [selection("Left", labels, 0), selection("Right", labels, labels.length > 2 ? 1 : labels.length - 1)];
    const slider = make("div", { className: "slider" });
    let blinking = 0;
    const width = images[0].getAttribute("width");
    if (width) slider.style.setProperty("--width", `${width}px`);
    tags.forEach((tag) => tag.setAttribute("aria-hidden", "true"));
    range.setAttribute("aria-label", `Share of the left picture: ${caption}`);

    function update() {
      const [left, right] = sides.map(({ select }) => Number(select.value));
      images.forEach((image, index) => {
        image.hidden = index !== left && index !== right;
        image.className = index === left && left !== right ? "left" : "right";
      });
      tags[0].textContent = labels[left];
      tags[1].textContent = labels[right];
      stage.style.setProperty("--share", `${range.value}%`);
      range.setAttribute("aria-valuetext",
        `${range.value} % ${labels[left]}, ${100 - range.value} % ${labels[right]}`);
    }

    // With reduced motion a click turns once, and nothing moves by itself.
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    const turn = () => {
      range.value = Number(range.value) > 50 ? 0 : 100;
      update();
    };
    const tools = make("div", { className: "tools" });
    tools.setAttribute("role", "group");
    tools.setAttribute("aria-label", `View: ${caption}`);
    function tool(name, act) {
      const button = make("button", { type: "button", textContent: name });
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(on));
        act(on);
      });
      tools.append(button);
      return button;
    }
    const blink = tool("Blink", (on) => {
      clearInterval(blinking);
      turn();
      if (on && !still.matches) blinking = setInterval(() => (stage.isConnected ? turn() : clearInterval(blinking)), BLINK_MS);
    });
    // Zoom: the same part of every picture. It is one pixel of the original for one of the screen where the
    // page has the whole pictures (data-whole), be they larger than the stage or smaller, and three times the
    // shown ones elsewhere.
    const whole = images.every((image) => image.dataset.whole);
    const place = { x: 50, y: 50, times: 0 };
    function look() {
      const shown = images.find((image) => !image.hidden);
      const pixels = shown.naturalWidth / (stage.getBoundingClientRect().width || 1) / devicePixelRatio;
      const same = whole ? pixels : 3;
      const scale = Math.max(Math.min(1, same), 2 ** place.times * same);
      for (const side of ["x", "y"]) {
        place[side] = Math.min(100, Math.max(0, place[side]));
        stage.style.setProperty(`--${side}`, `${scale > 1 ? place[side] : 50}%`);
      }
      stage.style.setProperty("--z", scale);
      const come = images.every((image) => image.dataset.come === image.dataset.whole);
      tags[1].dataset.percent = whole ? ` · ${come ? `${Math.round((100 * scale) / pixels)} %` : "loading…"}` : "";
    }
    const pointed = (event) => {
      const box = stage.getBoundingClientRect();
      return [(100 * (event.clientX - box.left)) / box.width, (100 * (event.clientY - box.top)) / box.height];
    };
    let under = [50, 50];
    const zoom = tool(whole ? "1:1" : "Zoom × 3", (on) => {
      if (on && whole) for (const image of images) image.src = image.dataset.whole;
      [place.x, place.y] = under;
      place.times = 0;
      stage.classList.toggle("zoom", on);
      look();
    });
    const zoomed = () => stage.classList.contains("zoom");
    // Moves what is seen by a share of the stage.
    function pan(right, down) {
      const scale = Number(stage.style.getPropertyValue("--z")) || 1;
      if (!zoomed() || scale <= 1) return;
      place.x += (100 * right) / (scale - 1);
      place.y += (100 * down) / (scale - 1);
      look();
    }
    for (const image of images) image.addEventListener("load", () => { image.dataset.come = image.getAttribute("src"); look(); });
    new ResizeObserver(look).observe(stage);
    stage.addEventListener("pointermove", (event) => {
      if (!zoomed()) under = pointed(event);
      if (zoomed() && event.buttons === 1 && event.target !== range) pan(-event.movementX / stage.clientWidth, -event.movementY / stage.clientHeight);
    });
    stage.addEventListener("pointerleave", () => { if (!zoomed()) under = [50, 50]; });
    stage.addEventListener("pointerdown", (event) => { if (zoomed() && event.target !== range) stage.setPointerCapture(event.pointerId); });
    stage.addEventListener("dragstart", (event) => event.preventDefault());
    stage.addEventListener("wheel", (event) => {
      if (!zoomed()) return;
      event.preventDefault();
      place.times = Math.min(3, Math.max(-3, place.times - Math.sign(event.deltaY) / 2));
      look();
    }, { passive: false });
    stage.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: [-0.25, 0], ArrowRight: [0.25, 0], ArrowUp: [0, -0.25], ArrowDown: [0, 0.25] }[event.key];
      if (!zoomed() || !event.shiftKey || !by) return;
      event.preventDefault();
      pan(...by);
    });
    tool("Difference × 4", (on) => stage.classList.toggle("difference", on));
    if (overlay) {
      overlay.className = "over";
      overlay.hidden = true;
      tool(overlay.alt, (on) => { overlay.hidden = !on; });
    }

    stage.append(...images, ...(overlay ? [overlay] : []), ...tags, range);
    range.addEventListener("input", update);
    if (images.length > 2) {
      const choices = make("div", { className: "choices" });
      choices.append(...sides.map(({ label }) => label));
      sides.forEach(({ select }) => select.addEventListener("change", update));
      slider.append(choices);
    }
    slider.append(stage, tools);
    list.replaceWith(slider);
    update();
    return { blink, zoom, place, pan, look };
  };
})();
