(() => {
  const byId = (id) => document.getElementById(id);
  const largest = Number(document.body.dataset.largestBytes);
  const system = byId("system");
  const pictures = new Map();  // by id: what the server says of it, and its runs by system
  let chosen = "";
  let problems = [];
  let connected = true;
  let reading = "";  // name of the file that is read, and which of how many
  let saving = false;
  let beyond = null;  // what was made when its strongest form was asked for
  let checking = false;
  let work = Promise.resolve();  // pictures are restored one after the other

  const view = beforeAfter(byId("look"), (scale, whole) => {
    const percent = 100 * scale;
    byId("zoom").textContent = `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
    byId("whole").setAttribute("aria-pressed", String(whole));
    byId("actual").setAttribute("aria-pressed", String(scale === 1));
  });

  // The server

  async function ask(address, settings) {
    let answer;
    try {
      answer = await fetch(address, settings);
    } catch {
      return { problem: "The command does not answer; is it still running?" };
    }
    const told = await answer.json().catch(() => ({}));
    if (answer.ok || told.problem || told.stopped) return told;
    return { problem: "The command failed; its terminal says why." };
  }

  const post = (address, fields) => ask(address, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fields || {}),
  });

  const events = new EventSource("/events");
  events.addEventListener("open", () => { connected = true; show(); });
  events.addEventListener("error", () => { connected = false; show(); });
  events.addEventListener("progress", (event) => {
    const news = JSON.parse(event.data);
    const run = pictures.get(news.picture)?.runs.get(system.value);
    if (!run || run.state !== "restoring") return;
    Object.assign(run, { done: news.done, tiles: news.tiles });
    show();
  });

  // What is dropped

  async function take(files) {
    problems = [];
    byId("told").textContent = "";
    for (const [number, file] of files.entries()) {
      reading = files.length > 1 ? `${file.name} (${number + 1} of ${files.length})` : file.name;
      show();
      const told = file.size > largest
        ? { problem: `${file.name}: larger than ${largest / 1e6} MB; restore it with the command` }
        : await ask("/pictures", { method: "POST", headers: { "X-Name": encodeURIComponent(file.name) }, body: file });
      reading = "";
      if (told.problem) problems.push(told.problem);
      else add(told);
      show();
    }
  }

  function add(told) {
    pictures.set(told.id, { ...told, runs: new Map(), gone: new AbortController() });
    if (!pictures.has(chosen)) choose(told.id);
    else begin(told.id);
  }

  // Restores a picture unless that was done, is hopeless, or was stopped.
  function begin(id, anyway = false) {
    const one = pictures.get(id);
    const wanted = system.value;
    if (one.made[wanted] || (!anyway && (one.too_blurred || one.runs.has(wanted)))) return;
    one.runs.set(wanted, { state: "waiting", step: "", done: 0, tiles: 0, stopping: false });
    if (id === chosen) lookFirst(one);
    work = work.then(() => proceed(id, wanted, anyway));
    show();
  }

  async function proceed(id, wanted, anyway) {
    const one = pictures.get(id);
    if (!one) return;
    const run = one.runs.get(wanted);
    if (run.state !== "waiting") return;
    run.state = "restoring";
    show();
    end(run, await steps(one, wanted, run, anyway));
    if (one.id === chosen && wanted === system.value) {
      if (one.made[wanted]) await showAfter(one);
      else view.restored(null);
    }
    show();
  }

  // The part that is seen first, the map of blur, the whole; what the server said last.
  async function steps(one, wanted, run, anyway) {
    if (run.look) {
      run.step = "look";
      show();
      await run.look;
    }
    if (run.stopping) return { stopped: true };
    if (!one.mapped) {
      run.step = "map";
      show();
      const told = await post(`/pictures/${one.id}/map`);
      if (told.stopped || told.problem) return told;
      Object.assign(one, told);
      if (one.id === chosen) showMaps(one);
    }
    if (run.stopping) return { stopped: true };
    if (one.too_blurred && !anyway) return {};
    run.step = "whole";
    show();
    const told = await post(`/pictures/${one.id}/restore`, { system: wanted });
    if (!told.stopped && !told.problem) Object.assign(one, told);
    return told;
  }

  function end(run, told) {
    if (told.stopped) run.state = "stopped";
    else if (told.problem) Object.assign(run, { state: "failed", problem: told.problem });
    else run.state = "ended";
  }

  // What is seen

  // A layer of a picture; null if the picture was removed meanwhile.
  async function bitmap(one, layer) {
    try {
      const answer = await fetch(`/pictures/${one.id}/${layer}`, { signal: one.gone.signal });
      return await createImageBitmap(await answer.blob());
    } catch (error) {
      if (one.gone.signal.aborted) return null;
      throw error;
    }
  }

  async function choose(id) {
    chosen = id;
    byId("told").textContent = "";
    const one = pictures.get(id);
    one.viewed = false;
    show();
    begin(id);
    lookFirst(one);
    const before = await bitmap(one, "shown/before");
    if (id !== chosen) return;
    view.show({ width: one.width, height: one.height, before });
    one.viewed = true;
    if (one.mapped) showMaps(one);
    if (one.made[system.value]) showAfter(one);
    else showLook(one);
  }

  // Asks for the part of a large picture that is seen first; it goes before whole pictures.
  function lookFirst(one) {
    const wanted = system.value;
    const run = one.runs.get(wanted);
    if (!one.look || run?.state !== "waiting" || run.look) return;
    run.look = (async () => {
      const answer = await fetch(`/pictures/${one.id}/look/${wanted}`, { signal: one.gone.signal });
      if (answer.ok) run.part = await answer.blob();
    })().catch(() => {});  // what is wrong is said of the whole
    run.look.then(() => showLook(one));
  }

  async function showLook(one) {
    const run = one.runs.get(system.value);
    if (!run?.part || !one.viewed || !underWay(run)) return;
    const picture = await createImageBitmap(run.part);
    if (one.id !== chosen || !one.viewed || run !== one.runs.get(system.value) || !underWay(run)) return picture.close();
    view.firstLook({ picture, ...one.look });
    if (view.untouched) view.actual(one.look.left + one.look.width / 2, one.look.top + one.look.height / 2);
    run.looked = true;
    show();
  }

  async function showMaps(one) {
    const [map, sharp] = await Promise.all(["map", "sharp"].map((layer) => bitmap(one, `shown/${layer}`)));
    if (one.id === chosen && one.viewed) view.maps({ map, sharp });
  }

  async function showAfter(one) {
    const made = one.made[system.value];
    if (!made || !one.viewed) return;
    const after = await bitmap(one, `after/${system.value}`);
    if (one.id !== chosen || made !== one.made[system.value]) return;
    const run = one.runs.get(system.value);
    view.restored(after);
    if (byId("told").textContent === NOT_YET) byId("told").textContent = "";
    beyond = null;
    goBeyond();
    // it opens at 1:1, where most has changed; who has moved the picture, or has had a first look, stays there
    if (view.untouched && !run?.looked) view.actual(made.changed_at[0] * one.width, made.changed_at[1] * one.height);
    if (run) run.looked = false;
    show();
  }

  // Gets the picture at strength 2, at which the guard looks when it is wanted.
  async function goBeyond() {
    const one = pictures.get(chosen);
    const made = one?.made[system.value];
    if (!made || !one.viewed || strength() <= 1 || beyond === made) return;
    beyond = made;
    checking = true;
    show();
    try {
      const strongest = await bitmap(one, `beyond/${system.value}`);
      if (beyond === made && one.id === chosen) view.beyond(strongest);
    } catch {
      problems = ["What goes beyond 1 could not be computed; is the command still running?"];
      beyond = null;
    }
    checking = false;
    show();
  }

  function show() {
    showProblems();
    byId("busy").textContent = reading ? `Reading ${reading}` : saving ? "Saving" : checking ? "Checking what goes beyond 1" : "";
    const one = pictures.get(chosen);
    byId("start").hidden = Boolean(one);
    byId("start-title").textContent = reading ? `Reading ${reading}` : DROP_HERE;
    for (const id of ["picture", "side"]) byId(id).hidden = !one;
    byId("buttons").hidden = !one && !reading;
    for (const id of ["add", "remove", "save"]) byId(id).hidden = !one;
    byId("strip").hidden = pictures.size < 2;
    showList();
    if (one) showResult(one);
  }

  const DROP_HERE = "Drop blurred pictures here";
  const LOST = "The connection to the command is lost; trying again. If it was started again, open the address that it printed.";
  let said = "";

  // Lines that are there already are not written again: a screen reader would say them again.
  function showProblems() {
    const lines = [...(connected ? [] : [LOST]), ...problems];
    byId("problems").hidden = !lines.length;
    byId("close-problem").hidden = !problems.length;
    if (said === lines.join("\n")) return;
    said = lines.join("\n");
    byId("problem").replaceChildren(...lines.map((line) => element("p", line)));
  }

  function closeProblems() {
    problems = [];
    show();
    byId(pictures.has(chosen) ? "add" : "choose").focus();
  }

  function element(kind, text, name) {
    const made = document.createElement(kind);
    made.textContent = text;
    if (name) made.className = name;
    return made;
  }

  const title = () => system.selectedOptions[0].textContent;
  const px = (length) => (length < 9.5 ? length.toFixed(1) : Math.round(length));

  // Chip, its kind, sentence, explanation and the word of the button that restores.
  function standing(one) {
    const made = one.made[system.value];
    const run = one.runs.get(system.value);
    if (made && made.checked && made.put_back === made.checked) {
      return ["Nothing changed", "warn", "", "The guard put every part back: no restored part agreed with your picture."];
    }
    if (made && one.too_blurred) return ["Restored, but too blurred to rescue", "warn", `in ${made.seconds} s`, "Coarse things may have come back, no details."];
    if (made) return ["Restored", "accept", `in ${made.seconds} s`, made.put_back ? "The guard put parts back that did not agree with your picture." : "Move the line over the picture to compare."];
    if (underWay(run)) return [run.looked ? "First look" : "", "none", doing(run), run.looked ? FIRST_LOOK : one.too_blurred ? TOO_BLURRED(one) : ""];
    if (run?.state === "failed") return ["Not restored", "reject", "", run.problem, "Try again"];
    if (one.too_blurred) return ["Too blurred to rescue", "warn", "", TOO_BLURRED(one), "Try anyway"];
    return ["Not restored", "none", "", "Stopped.", "Restore"];
  }

  const underWay = (run) => run?.state === "waiting" || run?.state === "restoring";

  const FIRST_LOOK = "Only a part is restored so far, where the view opened; the whole picture follows.";
  const TOO_BLURRED = (one) => `Even the sharpest parts have a circle of confusion of about ${px(one.sharpest_px)} px: coarse things may come back, details will not.`;

  function doing(run) {
    if (run.state === "waiting") return "Waiting for the picture before it";
    if (run.step === "look") return "Restoring a first look";
    if (run.step === "map") return "Estimating where it is blurred";
    if (!run.tiles) return `Loading ${title()}`;
    if (run.done === run.tiles) return "Checking the result";
    return run.tiles === 1 ? "Restoring" : `Restoring the whole, ${percent(run)} %`;
  }

  const percent = (run) => Math.round(100 * run.done / run.tiles);

  function showResult(one) {
    const [chip, kind, said, explained, again] = standing(one);
    const run = one.runs.get(system.value);
    const made = one.made[system.value];
    const busy = !made && underWay(run);
    byId("picture-name").textContent = one.name;
    Object.assign(byId("chip"), { textContent: chip }).dataset.verdict = kind;
    byId("said").textContent = said;
    byId("explained").textContent = explained;
    byId("again").hidden = !again;
    if (again) byId("again").textContent = again;
    byId("stop").hidden = !busy;
    const progress = byId("progress");
    progress.hidden = !busy;
    if (run?.tiles > 1) progress.value = run.done / run.tiles;
    else progress.removeAttribute("value");
    byId("map-follows").hidden = one.mapped;
    byId("settings-wait").hidden = !busy;
    system.disabled = busy || system.options.length === 1;
    byId("save").setAttribute("aria-disabled", String(!made || saving));
    const guard = made && (made.put_back
      ? `${made.put_back} of ${made.checked} parts put back`
      : `nothing put back (${made.checked} parts)`);
    const facts = [
      ...(one.sharpest_px === null ? [] : [["Sharpest parts", one.sharpest_px <= 1 ? "in focus" : `blurred by about ${px(one.sharpest_px)} px`]]),
      ...(made ? [["Guard", guard]] : []),
      ...(made?.enlarged > 1 ? [["Was enlarged", `by ${made.enlarged}: restored at its size before`]] : []),
      ["Picture", `${one.width} × ${one.height}, ${one.bits} bits`],
      ...(made ? [["Is saved as", one.saved_name]] : []),
      ...one.remarks.map((remark) => ["Note", remark]),
    ];
    byId("facts").replaceChildren(...facts.map(([name, value]) => {
      const row = document.createElement("div");
      row.append(element("dt", name), element("dd", value));
      return row;
    }));
  }

  function showList() {
    const focused = document.activeElement?.dataset?.picture;
    byId("list").replaceChildren(...[...pictures.values()].map((one) => {
      const button = element("button", "", "");
      button.type = "button";
      button.dataset.picture = one.id;
      button.setAttribute("aria-current", String(one.id === chosen));
      button.append(element("span", one.name, "name"), element("span", shortly(one), "state"));
      button.addEventListener("click", () => choose(one.id));
      const item = document.createElement("li");
      item.append(button);
      return item;
    }));
    if (focused) byId("list").querySelector(`[data-picture="${focused}"]`)?.focus();
  }

  function shortly(one) {
    const run = one.runs.get(system.value);
    if (!one.made[system.value] && run?.state === "restoring") return run.tiles > 1 ? `${percent(run)} %` : "restoring";
    if (!one.made[system.value] && run?.state === "waiting") return "waiting";
    return standing(one)[0].toLowerCase();
  }

  // What is wanted

  const strength = () => Number(byId("strength").value);

  const NOT_YET = "Not yet: a picture can be saved once it is restored.";

  async function save() {
    const one = pictures.get(chosen);
    if (saving || !one) return;
    if (!one.made[system.value]) {
      byId("told").textContent = NOT_YET;
      return;
    }
    saving = true;
    problems = [];
    byId("told").textContent = "";
    show();
    const wanted = `strength=${strength()}&leave_sharp=${byId("leave-sharp").checked ? 1 : 0}`;
    try {
      const answer = await fetch(`/pictures/${one.id}/saved/${system.value}?${wanted}`);
      if (answer.ok) {
        hand(await answer.blob(), one.saved_name);
        const all = await (await fetch("/pictures")).json(); // the file itself may lack something
        one.remarks = all.find((other) => other.id === one.id)?.remarks ?? one.remarks;
      } else problems = [(await answer.json()).problem];
    } catch {
      problems = ["The picture could not be saved; is the command still running?"];
    }
    saving = false;
    show();
  }

  // Gives a file to the browser, which finds a free name for it where it saves it.
  function hand(content, name) {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(content), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    byId("told").textContent = `Saved to the browser's downloads: ${name}`;
  }

  function remove() {
    const ids = [...pictures.keys()];
    const at = ids.indexOf(chosen);
    if (at < 0) return;
    pictures.get(chosen).gone.abort();
    pictures.delete(chosen);
    post(`/pictures/${chosen}/remove`);
    chosen = "";
    const next = ids[at + 1] || ids[at - 1];
    if (next) choose(next);
    else show();
    byId(next ? "add" : "choose").focus();
  }

  byId("strength").addEventListener("input", () => {
    byId("strength-value").textContent = strength().toFixed(2);
    view.wish({ strength: strength() });
    goBeyond();
  });
  byId("leave-sharp").addEventListener("change", (event) => view.wish({ leaveSharp: event.target.checked }));
  byId("overlay").addEventListener("change", (event) => {
    view.wish({ overlay: event.target.checked });
    byId("scale-of-blur").hidden = !event.target.checked;
  });
  system.addEventListener("change", () => {
    view.restored(null);
    begin(chosen);
    showAfter(pictures.get(chosen));
    show();
  });
  byId("again").addEventListener("click", () => begin(chosen, true));
  byId("stop").addEventListener("click", () => {
    const run = pictures.get(chosen).runs.get(system.value);
    run.stopping = true;
    if (run.state === "waiting") {
      run.state = "stopped";
      view.restored(null);
    }
    post(`/pictures/${chosen}/stop`);
    show();
  });
  byId("whole").addEventListener("click", () => view.whole());
  byId("actual").addEventListener("click", () => view.actual());
  byId("in").addEventListener("click", () => view.zoom(1.5));
  byId("out").addEventListener("click", () => view.zoom(1 / 1.5));
  byId("save").addEventListener("click", save);
  byId("close-problem").addEventListener("click", closeProblems);
  byId("remove").addEventListener("click", remove);
  for (const id of ["choose", "add"]) byId(id).addEventListener("click", () => byId("files").click());
  byId("files").addEventListener("change", (event) => {
    const files = [...event.target.files];
    event.target.value = "";
    take(files);
  });

  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.toggle("dropping", hasFiles(event));
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    if (hasFiles(event)) take([...event.dataTransfer.files]);
  });

  const KEYS = {
    0: () => view.whole(), 1: () => view.actual(), "+": () => view.zoom(1.5), "-": () => view.zoom(1 / 1.5),
    b: () => view.flip(), m: () => byId("overlay").click(), s: save,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target instanceof HTMLSelectElement) return;
    if (event.key === "Escape" && problems.length) closeProblems();
    const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || !pictures.has(chosen)) return;
    event.preventDefault();
    act();
  });

  ask("/pictures").then((told) => {
    if (told.problem) problems = [told.problem];
    else for (const one of told) add(one);
    show();
  });
})();
