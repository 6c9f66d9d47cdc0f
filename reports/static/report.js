"use strict";
// Without this script a page shows its tables in their own order and all pictures side by side. A large page
// lacks what is behind its rows, pictures and tabs then, and says so.
(() => {
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

  // The number of a cell as it is shown, without what is beside it; undefined for words.
  const value = (cell) => {
    if (!cell) return undefined;
    const parts = [...cell.childNodes].filter((node) => node.nodeType === 3 || /^[BU]$/.test(node.tagName));
    const text = parts.map((node) => node.textContent).join("").replace("−", "-").replace("∞", "Infinity").trim();
    return text !== "" && !Number.isNaN(Number(text)) ? text : undefined;
  };
  // A leaderboard has a body for each class, which may begin with its heading.
  const rowsOf = (body) => [...body.rows].filter((row) => !/heading|detail/.test(row.className));
  const allRows = (table) => [...table.tBodies].flatMap(rowsOf);
  const headName = (head) => head.querySelector(".name").textContent;
  const heads = (table) => [...table.tHead.rows[0].cells];
  const facetsOf = (figure) => JSON.parse(figure.dataset.facets ?? "[]");
  const missing = (cell) => cell.textContent === "n/a";

  // Numbers first, then text in natural order, then what is missing, whichever way one sorts.
  function compare(first, second, column, sign) {
    const numbers = [value(first.cells[column]), value(second.cells[column])];
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
    const original = [...table.tBodies].map((body) => [body, rowsOf(body)]);
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
      for (const [body, rows] of original)
        body.append(...(way ? [...rows].sort((a, b) => compare(a, b, column, sign)) : rows));
    }

    for (const head of titles) {
      const button = make("button", { type: "button", title: "Sort by this column" });
      const notes = head.querySelector("sup"); // links are not part of a button
      button.append(...[...head.childNodes].filter((node) => node !== notes));
      head.prepend(button);
      button.addEventListener("click", () => sort(head));
    }
  }

  // ---- What is behind rows, pictures and tabs of a large page is made when it is opened, from one block
  const TOO_OLD = "This browser is too old to show what is here.";
  let contents; // markup by key, in which all names are escaped
  async function unpack(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(plain).json();
  }
  const block = document.getElementById("behind");
  const unpacked = (block ? unpack(block.textContent) : Promise.resolve({}))
    .catch(() => ({}))
    .then((all) => { contents = all; });

  function fill(holder, then = () => {}) {
    const place = holder.querySelector(":scope > template[data-behind]");
    if (!place) return;
    if (!contents) {
      unpacked.then(() => fill(holder, then));
      return;
    }
    place.innerHTML = contents[place.dataset.behind] ?? `<p class="prose">${TOO_OLD}</p>`;
    place.replaceWith(place.content);
    setUp(holder);
    then();
  }

  // Makes the part of the page whose markup has some text.
  function bring(text) {
    const key = Object.keys(contents).find((each) => contents[each].includes(text));
    if (!key) return;
    const mark = `data-behind="${key}"`;
    if (!document.querySelector(`[${mark}]`)) bring(mark);
    const place = document.querySelector(`[${mark}]`);
    if (place) fill(place.parentElement);
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
          for (const row of allRows(table)) add(kind, headName(head), row.cells[column].textContent);
        } else if (kind === "column") add(kind, "Metric", headName(head));
        else if (kind === "limit") add(kind, headName(head));
      });
    }
    return [...found.values()].filter(({ kind, labels }) => kind === "limit" || labels.size > 1);
  }

  // The tables of tabs that have not been opened are not there yet.
  function filterable(figuresNow, tabs) {
    const controls = choices(figuresNow()).map((choice) => {
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
          !cell(name) || Number(value(cell(name)) ?? Infinity) <= Number(input.value));
    }

    function update() {
      const figures = figuresNow();
      let shown = 0, total = 0, tables = 0, shownInTab = 0, inTab = 0;
      for (const figure of figures) {
        const facets = new Map(facetsOf(figure));
        const table = figure.querySelector("table");
        closeDetails(table);
        const titles = heads(table).map(headName);
        const wanted = chosen("facet").every(({ name, input }) => facets.get(name) === input.value);
        const [metric] = chosen("column");
        let here = 0, rows = 0, any = false;
        for (const row of allRows(table)) {
          row.hidden = !fits(row, titles);
          any ||= !row.hidden;
          if (row.classList.contains("reference")) continue; // nobody competes there
          here += row.hidden ? 0 : 1;
          rows += 1;
        }
        total += rows;
        heads(table).forEach((head, column) => {
          const hidden = Boolean(metric) && head.dataset.choose === "column" && titles[column] !== metric.input.value;
          for (const row of [...table.tHead.rows, ...allRows(table)]) row.cells[column].hidden = hidden;
        });
        for (const row of table.querySelectorAll("tr.heading"))
          row.hidden = rowsOf(row.parentElement).every((each) => each.hidden);
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
      const sets = setsOf(figuresNow(), tabs);
      const choose = make("details", { className: "choose" });
      const summary = make("summary", { textContent: "Filter rows, show all columns" });
      summary.append(status);
      choose.append(summary, form);
      tabs.querySelector(".tab").before(...sets, choose);
      tabs.addEventListener("tab", update);
    } else figuresNow()[0].before(form);
    update();
    return () => { form.reset(); update(); };
  }

  // ---- One set of columns of several: quality or cost
  function setsOf(figures, tabs) {
    const heads = figures.flatMap((figure) => [...figure.querySelectorAll("[data-among]")]);
    const gains = figures.some((figure) => figure.querySelector(".bar")) ? ["Gain"] : [];
    const names = [...new Set([...gains, ...heads.map((head) => head.dataset.among)])];
    if (names.length < 2) return [];
    const group = make("div", { className: "sets" });
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", "Columns");
    const show = (chosen) => {
      names.forEach((name) => tabs.classList.toggle(`shows-${name.toLowerCase()}`, name === chosen));
      for (const button of group.children) button.setAttribute("aria-pressed", String(button.textContent === chosen));
    };
    for (const name of names) {
      const button = make("button", { type: "button", textContent: name });
      button.addEventListener("click", () => show(name));
      group.append(button);
    }
    show(names[0]);
    return [group];
  }

  // ---- On a phone a leaderboard begins with ten rows
  const FIRST_ROWS = 10;
  function shortened(figure) {
    const rows = allRows(figure.querySelector("table"));
    if (rows.length <= FIRST_ROWS + 2) return;
    rows.slice(FIRST_ROWS).forEach((row) => row.classList.add("later"));
    for (const body of figure.querySelectorAll("tbody"))
      if (rowsOf(body).every((row) => row.classList.contains("later"))) body.classList.add("later");
    figure.classList.add("short-list");
    const button = make("button", { type: "button", className: "all-rows", textContent: `All ${rows.length} rows` });
    button.addEventListener("click", () => figure.classList.remove("short-list"));
    figure.querySelector(".scroll").after(button);
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
      const changed = () => group.dispatchEvent(new Event("tab"));
      fill(panels[chosen], changed);
      changed();
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
        fill(folded);
        hold.append(folded);
        cell.append(hold);
        detail.append(cell);
        row.after(detail);
        link.setAttribute("aria-expanded", "true");
        const beside = table.closest(".beside");
        if (!beside) return;
        beside.dataset.system = link.textContent;
        showSystem(beside);
      });
    }
  }
  function showSystem(beside) {
    for (const select of beside.querySelectorAll(".aside .choices label + label select")) {
      const option = [...select.options].find((each) => each.textContent === beside.dataset.system);
      if (!option) continue;
      select.value = option.value;
      select.dispatchEvent(new Event("change"));
    }
  }

  // ---- A note opens beside its number
  const noteBox = make("div", { className: "note-box", popover: "auto" });
  noteBox.setAttribute("role", "note");
  function openNote(link) {
    const note = document.getElementById(link.hash.slice(1));
    noteBox.textContent = note.textContent;
    link.after(noteBox); // the next thing that a screen reader says
    noteBox.showPopover();
    const number = link.getBoundingClientRect();
    const most = document.documentElement.clientWidth - noteBox.offsetWidth - 8;
    noteBox.style.setProperty("left", `${Math.max(8, Math.min(number.left, most))}px`);
    noteBox.style.setProperty("top", `${number.bottom + 4}px`);
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#note-"]');
    if (!link || !noteBox.showPopover) return; // an older browser goes to the list
    event.preventDefault();
    openNote(link);
  });

  // ---- Links to a place open what hides it
  function reveal(showAll) {
    const name = location.hash.slice(1);
    if (!name) return;
    if (!document.getElementById(name)) bring(` id="${name}"`);
    const place = document.getElementById(name);
    if (!place) return;
    for (let each = place; each; each = each.parentElement) {
      if (each.tagName === "DETAILS") {
        each.open = true;
        fill(each);
      }
      if (each.classList.contains("tab")) each.dispatchEvent(new Event("reveal"));
    }
    if (place.closest("[hidden]")) showAll();
    place.closest(".short-list")?.classList.remove("short-list");
    if (place.tagName === "TR") place.tabIndex = -1;
    place.scrollIntoView();
    if (place.tagName === "TR") place.focus({ preventScroll: true });
  }

  const resets = [];
  function setUp(root) {
    const all = (name) => [...root.querySelectorAll(name)];
    all("table").forEach(sortable);
    all(".comparison").forEach(comparePair);
    all(".board").forEach(shortened);
    const groups = all(".tabs");
    groups.forEach(tabbed);
    all(".tab > .table table").filter((table) => !table.closest(".detail")).forEach(expandable);
    for (const tabs of groups)
      if (tabs.querySelector("[data-choose]"))
        resets.push(filterable(() => [...tabs.querySelectorAll(":scope > .tab > .table")], tabs));
    const figures = all(".table[data-facets]");
    if (figures.length > 0) resets.push(filterable(() => figures));
    const beside = root === document ? null : root.closest(".beside");
    if (beside?.dataset.system) showSystem(beside);
  }
  setUp(document);
  document.addEventListener("toggle", (event) => fill(event.target), true);
  const showAll = () => resets.forEach((reset) => reset());
  const revealed = () => unpacked.then(() => reveal(showAll));
  addEventListener("hashchange", revealed);
  revealed();
})();
