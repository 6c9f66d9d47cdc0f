"use strict";
// The viewer of pairs: slider, blinking, difference, overlay. Every page that shows pairs has this one.
// Makes one of a figure that shows its pictures without a script too, and gives its button for blinking.
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
    // The same part of every picture, under the pointer; from a keyboard the middle.
    const look = (x, y) => {
      stage.style.setProperty("--x", `${x}%`);
      stage.style.setProperty("--y", `${y}%`);
    };
    tool("Zoom × 3", (on) => { look(50, 50); stage.classList.toggle("zoom", on); });
    stage.addEventListener("pointermove", (event) => {
      const box = stage.getBoundingClientRect();
      if (stage.classList.contains("zoom")) look(
        (100 * (event.clientX - box.left)) / box.width, (100 * (event.clientY - box.top)) / box.height);
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
    return blink;
  };
})();
