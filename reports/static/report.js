"use strict";
// Without this script the page shows everything: tables in their own order, all pictures side by side.
(() => {
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

  const value = (row, column) => row.cells[column].dataset.value;

  // Numbers first, then text in natural order, then what is missing, whichever way one sorts.
  function compare(first, second, column, sign) {
    const numbers = [value(first, column), value(second, column)];
    if (numbers[0] !== undefined && numbers[1] !== undefined) {
      const [a, b] = numbers.map(Number);
      return a === b ? 0 : sign * (a < b ? -1 : 1);
    }
    const rank = (row, number) =>
      number !== undefined ? 0 : row.cells[column].classList.contains("missing") ? 2 : 1;
    const ranks = [rank(first, numbers[0]), rank(second, numbers[1])];
    if (ranks[0] !== ranks[1]) return ranks[0] - ranks[1];
    const texts = [first, second].map((row) => row.cells[column].textContent);
    return sign * texts[0].localeCompare(texts[1], "en", { numeric: true });
  }

  function sortable(table) {
    const body = table.tBodies[0];
    const original = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    const firstWay = (head) =>
      head.dataset.better === "higher" || (!head.dataset.better && head.classList.contains("number"))
        ? "descending"
        : "ascending";

    // First click: best or largest first; second: the other way round; third: the order of the report.
    function sort(head) {
      const first = firstWay(head);
      const other = first === "ascending" ? "descending" : "ascending";
      const next = { [first]: other, [other]: null }[head.getAttribute("aria-sort")];
      const way = next === undefined ? first : next;
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      if (way) head.setAttribute("aria-sort", way);
      const column = heads.indexOf(head);
      const sign = way === "descending" ? -1 : 1;
      const rows = way ? [...original].sort((a, b) => compare(a, b, column, sign)) : original;
      body.append(...rows);
    }

    for (const head of heads) {
      const button = make("button", { type: "button", title: "Sort by this column" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(head));
    }
  }

  function selection(name, labels, chosen) {
    const select = make("select", {});
    labels.forEach((label, index) => select.append(make("option", { value: index, textContent: label })));
    select.value = chosen;
    const label = make("label", { textContent: name });
    label.append(select);
    return { label, select };
  }

  function comparison(figure) {
    const list = figure.querySelector(".states");
    const images = [...list.querySelectorAll("img")];
    const labels = images.map((image) => image.alt);
    const caption = figure.querySelector(".caption").textContent;
    const stage = make("div", { className: "stage" });
    const tags = ["left", "right"].map((side) => make("span", { className: `tag ${side}` }));
    const range = make("input", { type: "range", min: 0, max: 100, step: 1, value: 50 });
    const sides = [selection("Left", labels, 0), selection("Right", labels, 1)];
    const slider = make("div", { className: "slider" });
    slider.style.setProperty("--width", `${images[0].getAttribute("width")}px`);
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

    stage.append(...images, ...tags, range);
    range.addEventListener("input", update);
    if (images.length > 2) {
      const choices = make("div", { className: "choices" });
      choices.append(...sides.map(({ label }) => label));
      sides.forEach(({ select }) => select.addEventListener("change", update));
      slider.append(choices);
    }
    slider.append(stage);
    list.replaceWith(slider);
    update();
  }

  document.querySelectorAll("table").forEach(sortable);
  document.querySelectorAll(".comparison").forEach(comparison);
})();
