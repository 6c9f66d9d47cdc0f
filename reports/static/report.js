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
  const facetsOf = (figure) => JSON.parse(figure.dataset.facets ?? "[]");
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
      closeDetails(table);
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
      for (const [name, choice] of facetsOf(figure)) add("facet", name, choice);
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

  function filterable(figures, tabs) {
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
    form.append(...controls.map(({ label }) => label), reset);
    if (!tabs) form.append(status);
    form.addEventListener("submit", (event) => event.preventDefault());

    const chosen = (kind) => controls.filter((each) => each.kind === kind && each.input.value !== "");

    function fits(row, titles) {
      const cell = (name) => row.cells[titles.indexOf(name)];
      if (row.classList.contains("reference")) return true;
      return chosen("value").every(({ name, input }) => !cell(name) || cell(name).textContent === input.value)
        && chosen("limit").every(({ name, input }) =>
          !cell(name) || Number(cell(name).dataset.value ?? Infinity) <= Number(input.value));
    }

    function update() {
      let shown = 0, total = 0, tables = 0, shownInTab = 0, inTab = 0;
      for (const figure of figures) {
        const facets = new Map(facetsOf(figure));
        const table = figure.querySelector("table");
        closeDetails(table);
        const titles = heads(table).map(headName);
        const wanted = chosen("facet").every(({ name, input }) => facets.get(name) === input.value);
        const [metric] = chosen("column");
        let here = 0, rows = 0, any = false;
        for (const row of table.tBodies[0].rows) {
          row.hidden = !fits(row, titles);
          any ||= !row.hidden;
          if (row.classList.contains("reference")) continue; // nobody competes there
          here += row.hidden ? 0 : 1;
          rows += 1;
        }
        total += rows;
        heads(table).forEach((head, column) => {
          const hidden = Boolean(metric) && head.dataset.choose === "column" && titles[column] !== metric.input.value;
          for (const row of table.rows) row.cells[column].hidden = hidden;
        });
        figure.hidden = !wanted || !any;
        shown += figure.hidden ? 0 : here;
        tables += figure.hidden ? 0 : 1;
        if (figure.closest(".tab:not([hidden])")) {
          shownInTab += here;
          inTab += rows;
        }
      }
      const things = `${headName(heads(figures[0].querySelector("table"))[0]).toLowerCase()}s`;
      status.value = tabs ? `${shownInTab} of ${inTab} ${things}` : `${shown} of ${total} rows, in ${tables} of ${figures.length} tables`;
    }

    for (const kind of ["input", "change"]) form.addEventListener(kind, update);
    form.addEventListener("reset", () => setTimeout(update));
    if (tabs) {
      const all = make("input", { type: "checkbox" });
      const label = make("label", { className: "check" });
      label.append(all, "All columns");
      all.addEventListener("change", () => tabs.classList.toggle("all", all.checked));
      form.addEventListener("reset", () => tabs.classList.remove("all"));
      form.prepend(label);
      const choose = make("details", { className: "choose" });
      const summary = make("summary", { textContent: "Filter rows, show all columns" });
      summary.append(status);
      choose.append(summary, form);
      tabs.querySelector(".tab").before(choose);
      tabs.addEventListener("tab", update);
    } else figures[0].before(form);
    update();
    return () => { form.reset(); update(); };
  }

  // ---- One tab of several; the arrow keys move between them
  function tabbed(group) {
    const panels = [...group.children];
    const list = make("div", { className: "tablist" });
    const names = panels.map((panel) => panel.querySelector(".tab-name"));
    const buttons = panels.map((panel, index) => {
      const button = make("button", { type: "button", textContent: names[index].textContent, id: `${panel.id}-button` });
      button.setAttribute("role", "tab");
      button.setAttribute("aria-controls", panel.id);
      button.addEventListener("click", () => show(index));
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", button.id);
      names[index].remove();
      return button;
    });
    function show(chosen) {
      panels.forEach((panel, index) => {
        panel.hidden = index !== chosen;
        buttons[index].setAttribute("aria-selected", String(index === chosen));
        buttons[index].tabIndex = index === chosen ? 0 : -1;
      });
      group.dispatchEvent(new Event("tab"));
    }
    const label = make("span", { textContent: `${group.dataset.label}:` });
    const inner = make("div", {});
    label.setAttribute("aria-hidden", "true");
    list.append(label, inner);
    inner.append(...buttons);
    inner.setAttribute("role", "tablist");
    inner.setAttribute("aria-label", group.dataset.label);
    inner.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
      show(next);
      buttons[next].focus();
    });
    group.prepend(list);
    panels.forEach((panel, index) => panel.addEventListener("reveal", () => show(index)));
    show(0);
  }

  // ---- What lies behind a row opens below it, and the pictures beside show its system
  const homes = new Map();
  function putBack(row) {
    const folded = row.querySelector(".folded");
    homes.get(folded).replaceWith(folded);
    homes.delete(folded);
    folded.open = false;
    row.previousElementSibling?.querySelector("th a").setAttribute("aria-expanded", "false");
    row.remove();
  }
  function closeDetails(table) {
    table.querySelectorAll("tr.detail").forEach(putBack);
  }
  function expandable(table) {
    for (const link of table.querySelectorAll("tbody th > a:first-child")) {
      const folded = document.getElementById(link.hash.slice(1));
      if (folded?.tagName !== "DETAILS") continue;
      link.setAttribute("aria-expanded", "false");
      link.addEventListener("click", (event) => {
        event.preventDefault();
        const row = link.closest("tr");
        const open = link.getAttribute("aria-expanded") === "true";
        const elsewhere = folded.closest("tr.detail");
        if (elsewhere) putBack(elsewhere);
        if (open) return;
        const detail = make("tr", { className: "detail" });
        const cell = make("td", { colSpan: row.cells.length });
        const hold = make("div", { className: "hold" });
        const home = document.createComment("");
        folded.replaceWith(home);
        homes.set(folded, home);
        folded.open = true;
        hold.append(folded);
        cell.append(hold);
        detail.append(cell);
        row.after(detail);
        link.setAttribute("aria-expanded", "true");
        showInPictures(table, link.textContent);
      });
    }
  }
  function showInPictures(table, name) {
    const selects = table.closest(".beside")?.querySelectorAll(".aside .choices label + label select") ?? [];
    for (const select of selects) {
      const option = [...select.options].find((each) => each.textContent === name);
      if (!option) continue;
      select.value = option.value;
      select.dispatchEvent(new Event("change"));
    }
  }

  // ---- Links to a place open what hides it
  function reveal(showAll) {
    const place = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!place) return;
    for (let each = place; each; each = each.parentElement) {
      if (each.tagName === "DETAILS") each.open = true;
      if (each.classList.contains("tab")) each.dispatchEvent(new Event("reveal"));
    }
    if (place.closest("[hidden]")) showAll();
    if (place.tagName === "TR") place.tabIndex = -1;
    place.scrollIntoView();
    if (place.tagName === "TR") place.focus({ preventScroll: true });
  }

  document.querySelectorAll("table").forEach(sortable);
  document.querySelectorAll(".comparison").forEach(comparePair);
  const groups = [...document.querySelectorAll(".tabs")];
  groups.forEach(tabbed);
  document.querySelectorAll(".tabs table").forEach(expandable);
  const resets = groups.filter((tabs) => tabs.querySelector("[data-choose]"))
    .map((tabs) => filterable([...tabs.querySelectorAll(".table")], tabs));
  const figures = [...document.querySelectorAll(".table[data-facets]")];
  if (figures.length > 0) resets.push(filterable(figures));
  const showAll = () => resets.forEach((reset) => reset());
  addEventListener("hashchange", () => reveal(showAll));
  reveal(showAll);
})();
