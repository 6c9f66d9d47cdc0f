"use strict";
// Without this script the page shows everything: tables in their own order, all pictures side by side.
(() => {
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

  // Large tables say their numbers only as they show them.
  const shownNumber = (cell) => {
    const text = cell.textContent.replace("−", "-").replace("∞", "Infinity");
    return text.trim() !== "" && !Number.isNaN(Number(text)) ? text : undefined;
  };
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value ?? (cell.closest("table").classList.contains("large") ? shownNumber(cell) : undefined);
  };
  const headName = (head) => head.querySelector(".name").textContent;
  const heads = (table) => [...table.tHead.rows[0].cells];
  const missing = (cell) => cell.textContent === "n/a";

  // Numbers first, then text in natural order, then what is missing, whichever way one sorts.
  function compare(first, second, column, sign) {
    const numbers = [value(first, column), value(second, column)];
    if (numbers[0] !== undefined && numbers[1] !== undefined) {
      const [a, b] = numbers.map(Number);
      return a === b ? 0 : sign * (a < b ? -1 : 1);
    }
    const rank = (row, number) =>
      number !== undefined ? 0 : missing(row.cells[column]) ? 2 : 1;
    const ranks = [rank(first, numbers[0]), rank(second, numbers[1])];
    if (ranks[0] !== ranks[1]) return ranks[0] - ranks[1];
    const texts = [first, second].map((row) => row.cells[column].textContent);
    return sign * texts[0].localeCompare(texts[1], "en", { numeric: true });
  }

  function sortable(table) {
    const body = table.tBodies[0];
    const original = [...body.rows];
    const titles = heads(table);
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
      titles.forEach((each) => each.removeAttribute("aria-sort"));
      if (way) head.setAttribute("aria-sort", way);
      const column = titles.indexOf(head);
      const sign = way === "descending" ? -1 : 1;
      const rows = way ? [...original].sort((a, b) => compare(a, b, column, sign)) : original;
      body.append(...rows);
    }

    for (const head of titles) {
      const button = make("button", { type: "button", title: "Sort by this column" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(head));
    }
  }

  // ---- Choosing among the tables, rows and columns of a leaderboard
  function choices(figures) {
    const found = new Map();
    const add = (kind, name, choice) => {
      const key = `${kind} ${name}`;
      if (!found.has(key)) found.set(key, { kind, name, labels: new Set() });
      if (choice !== undefined) found.get(key).labels.add(choice);
    };
    for (const figure of figures) {
      for (const [name, choice] of JSON.parse(figure.dataset.facets)) add("facet", name, choice);
      const table = figure.querySelector("table");
      heads(table).forEach((head, column) => {
        const kind = head.dataset.choose;
        if (kind === "value") {
          for (const row of table.tBodies[0].rows) add(kind, headName(head), row.cells[column].textContent);
        } else if (kind === "column") add(kind, "Metric", headName(head));
        else if (kind === "limit") add(kind, headName(head));
      });
    }
    return [...found.values()].filter(({ kind, labels }) => kind === "limit" || labels.size > 1);
  }

  function filterable(figures) {
    const controls = choices(figures).map((choice) => {
      const label = make("label", { textContent: choice.kind === "limit" ? `${choice.name} at most` : choice.name });
      const input = choice.kind === "limit"
        ? make("input", { type: "number", min: 0, step: "any", inputMode: "decimal" })
        : make("select", {});
      if (choice.kind !== "limit") {
        input.append(make("option", { value: "", textContent: "all" }));
        for (const each of choice.labels) input.append(make("option", { value: each, textContent: each }));
      }
      label.append(input);
      return { ...choice, label, input };
    });
    const form = make("form", { className: "filters" });
    form.setAttribute("aria-label", "Choose what the tables show");
    const status = make("output", {});
    const reset = make("button", { type: "reset", textContent: "Show all" });
    form.append(...controls.map(({ label }) => label), reset, status);
    form.addEventListener("submit", (event) => event.preventDefault());

    const chosen = (kind) => controls.filter((each) => each.kind === kind && each.input.value !== "");

    function fits(row, titles) {
      const cell = (name) => row.cells[titles.indexOf(name)];
      return chosen("value").every(({ name, input }) => !cell(name) || cell(name).textContent === input.value)
        && chosen("limit").every(({ name, input }) =>
          !cell(name) || Number(cell(name).dataset.value ?? Infinity) <= Number(input.value));
    }

    function update() {
      let shown = 0, total = 0, tables = 0;
      for (const figure of figures) {
        const facets = new Map(JSON.parse(figure.dataset.facets));
        const table = figure.querySelector("table");
        const titles = heads(table).map(headName);
        const wanted = chosen("facet").every(({ name, input }) => facets.get(name) === input.value);
        const [metric] = chosen("column");
        let here = 0;
        for (const row of table.tBodies[0].rows) {
          row.hidden = !fits(row, titles);
          here += row.hidden ? 0 : 1;
          total += 1;
        }
        heads(table).forEach((head, column) => {
          const hidden = Boolean(metric) && head.dataset.choose === "column" && titles[column] !== metric.input.value;
          for (const row of table.rows) row.cells[column].hidden = hidden;
        });
        figure.hidden = !wanted || here === 0;
        shown += figure.hidden ? 0 : here;
        tables += figure.hidden ? 0 : 1;
      }
      status.value = `${shown} of ${total} rows, in ${tables} of ${figures.length} tables`;
    }

    for (const kind of ["input", "change"]) form.addEventListener(kind, update);
    form.addEventListener("reset", () => setTimeout(update));
    figures[0].before(form);
    update();
    return () => { form.reset(); update(); };
  }

  // ---- Links to a place open what hides it
  function reveal(showAll) {
    const place = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!place) return;
    const hidden = place.closest("[hidden]");
    if (hidden) showAll();
    for (let each = place; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
    if (place.tagName === "TR") place.tabIndex = -1;
    place.scrollIntoView();
    if (place.tagName === "TR") place.focus({ preventScroll: true });
  }

  document.querySelectorAll("table").forEach(sortable);
  document.querySelectorAll(".comparison").forEach(comparePair);
  const figures = [...document.querySelectorAll(".table[data-facets]")];
  const showAll = figures.length > 0 ? filterable(figures) : () => {};
  addEventListener("hashchange", () => reveal(showAll));
  reveal(showAll);
})();
