"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const live = document.body.classList.contains("live");
  let state = null;
  let pairs = [];
  let chosen = "";
  let followed = "";
  let undoing = false;
  let connected = false;
  let marked = null;
  let bestEdge = 0;
  let bestDetail = 0;
  let mostDetail = 0;  // of the whole picture, since the page was opened
  let spot = null;  // what this page magnifies; others have their own
  let square = null;
  const thumbs = new Map();

  // What the server tells

  const events = new EventSource("/events");
  events.addEventListener("open", () => { connected = true; show(); });
  events.addEventListener("error", () => { connected = false; show(); });
  events.addEventListener("state", (event) => {
    const before = state;
    state = JSON.parse(event.data);
    if (before === null || before.revision !== state.revision) renew(before !== null);
    if (before && state.prompt && state.prompt !== before.prompt) sound("action");
    if (before && state.problem && state.problem !== before.problem) sound("reject");
    if (before && state.camera_problem && !before.camera_problem) sound("reject");
    if (before && ((before.busy && !state.busy) || (before.camera_problem && !state.camera_problem))) notice("");
    show();
  });
  events.addEventListener("preview", (event) => showPreview(JSON.parse(event.data)));

  async function renew(changed) {
    const answer = await fetch("/pairs");
    if (!answer.ok) return;
    const leftBefore = pairs.filter(unseen).length;
    pairs = await answer.json();
    if (!live && leftBefore && !pairs.some(unseen)) notice("That was the last unseen pair; all have a person's verdict.");
    if (undoing) {  // back to the pair whose decision is undone
      undoing = false;
      chosen = state.current;
    }
    if (live && state.current && state.current !== followed) {
      followed = state.current;
      chosen = state.current;
      if (changed) {
        sound(chosenPair().verdict);
        view("pair");
      }
    }
    if (!chosen && pairs.length) {
      chosen = (pairs.find(unseen) || pairs[pairs.length - 1]).id;
    }
    showScenes();
    showSheet();
    showPair();
    show();
  }

  // What is shown

  function show() {
    if (state === null) return;
    const lost = !connected
      ? "The connection to the command is lost; trying again. If it was started again, open the address that it printed."
      : state.camera_problem ? `Camera lost: ${state.camera_problem}. Trying to reach it again.` : "";
    const problem = lost || state.problem;
    byId("problem").textContent = problem;
    byId("problem").hidden = !problem;
    byId("busy").textContent = connected ? state.prompt || state.busy : "";  // else nobody is at work
    const cut = state.unfinished && !state.busy;
    if (live) byId("unfinished").textContent = cut ? `${state.unfinished} was interrupted; Shoot takes it again, Next scene leaves it out.` : "";
    const count = (verdict) => pairs.filter((pair) => pair.verdict === verdict).length;
    byId("counts").textContent = ["accept", "warn", "reject", "incomplete"]
      .filter((verdict) => count(verdict) || verdict === "accept")
      .map((verdict) => `${count(verdict)} ${WORDS[verdict]}`).join(" · ");
    if (live) {
      byId("camera").classList.toggle("lost", Boolean(lost));
      const camera = lost ? "no camera" : [state.camera, state.supply].filter(Boolean).join(" · ");
      byId("camera-name").textContent = `${camera} · ${state.title || state.scene}`;
      byId("scene-note").textContent = state.note;
      byId("plan").replaceChildren(...state.plan.map((line) => element("li", line)));
      if (byId("motor")) byId("motor").hidden = !state.motor || Boolean(lost);
      showNote(lost);
    }
    for (const button of document.querySelectorAll("[data-do]")) {
      button.setAttribute("aria-disabled", String(obstacle(button.dataset.do) !== ""));
    }
  }

  const WORDS = { accept: "accepted", warn: "warned", reject: "rejected", incomplete: "incomplete", none: "no pair yet" };

  function element(kind, text, name) {
    const made = document.createElement(kind);
    made.textContent = text;
    if (name) made.className = name;
    return made;
  }

  function showNote(lost) {
    const note = lost ? "no live picture: the camera is lost" : state.live_view;
    byId("screen").classList.toggle("stale", Boolean(note));
    if (note) byId("live-note").textContent = note;
    byId("live-note").hidden = !note && byId("live-picture").src !== "";
  }

  function showPreview(seen) {
    byId("live-picture").src = seen.picture;
    byId("live-peaking").src = seen.peaking;
    byId("live-picture").hidden = false;
    showPeaking();
    show();
    if (spot) showMagnified();
    byId("focus-share").textContent = seen.in_focus_share === null ? "–" : `${Math.round(seen.in_focus_share * 100)} %`;
    byId("detail").textContent = seen.detail === null ? "–" : seen.detail.toFixed(2);
    mostDetail = Math.max(mostDetail, seen.detail ?? 0);
    byId("best-detail").textContent = mostDetail > 0 ? ` (so far ${mostDetail.toFixed(2)})` : "";
    seen.histogram.forEach((shares, channel) => byId(`histogram-${channel}`).setAttribute("d", curve(shares)));
    const most = Math.max(...seen.clipped_share);
    byId("histogram").parentElement.classList.toggle("clipped", most > 0.001);
    const percent = (share) => `${(share * 100).toFixed(1)} %`;
    byId("clipping").textContent = `linear light · clipped ${percent(most)} · black ${percent(Math.max(...seen.black_share))}`;
  }

  function showEdge(seen) {
    bestEdge = Math.max(bestEdge, seen.mtf50 ?? 0);
    const known = `MTF50 ${seen.mtf50?.toFixed(3)} cycles/px · best so far ${bestEdge.toFixed(3)}`;
    bestDetail = Math.max(bestDetail, seen.detail ?? 0);
    const detail = `detail ${seen.detail?.toFixed(2)} % per px · best so far ${bestDetail.toFixed(2)}`;
    const told = [seen.mtf50 === null ? seen.reason : known, ...(seen.detail === null ? [] : [detail])];
    told.push("The largest is in focus.");
    byId("edge-mtf").replaceChildren(...told.map((words) => element("span", words)));
  }

  function curve(shares) {
    const top = Math.sqrt(0.2);
    const points = shares.map((share, bin) => {
      const height = Math.min(1, Math.sqrt(share) / top);
      return `${((bin + 0.5) * 4).toFixed(1)} ${(72 - 70 * height).toFixed(1)}`;
    });
    return `M${points.join("L")}`;
  }

  function showPeaking() {
    byId("live-peaking").hidden = !byId("peaking").checked;
  }

  function showSheet() {
    const sheet = byId("sheet");
    for (const pair of pairs) {
      let thumb = thumbs.get(pair.id);
      if (!thumb) {
        thumb = makeThumb(pair);
        thumbs.set(pair.id, thumb);
        sheet.append(thumb.parentElement);
      }
      const hint = pair.reason ? `${pair.id}: ${pair.reason}` : pair.id;
      if (thumb.dataset.verdict === pair.verdict && thumb.title === hint) continue;
      thumb.dataset.verdict = pair.verdict;
      thumb.title = hint;
      const chip = thumb.querySelector(".chip");
      chip.dataset.verdict = pair.verdict;
      chip.textContent = WORDS[pair.verdict];
      const halves = thumb.querySelector(".halves");
      if (pair.verdict !== "incomplete" && !halves.childElementCount) {
        for (const role of ROLES) {
          const picture = document.createElement("img");
          picture.loading = "lazy";
          picture.alt = "";
          picture.src = `/pictures/${pair.id}/${role}/thumb`;
          halves.append(picture);
        }
      }
    }
    showFiltered();
    mark();
  }

  // Names of one dataset often begin alike, so the end is kept; two lines hold so many letters

  function shortened(name) {
    return name.length > 24 ? `${name.slice(0, 8)}…${name.slice(-15)}` : name;
  }

  function makeThumb(pair) {
    const thumb = element("button", "", "thumb");
    thumb.type = "button";
    thumb.append(element("span", "", "halves"), element("span", shortened(pair.id), "name"), element("span", "", "chip"));
    thumb.addEventListener("click", () => choose(pair.id));
    document.createElement("li").append(thumb);
    return thumb;
  }

  function mark() {
    marked?.setAttribute("aria-current", "false");
    marked = thumbs.get(chosen) || null;
    marked?.setAttribute("aria-current", "true");
    reveal(marked?.parentElement);
  }

  /** Scroll the list alone, so that an entry is in view; the page stays where it is. */
  function reveal(entry) {
    if (!entry) return;
    const list = byId("sheet");
    const [outer, inner] = [list.getBoundingClientRect(), entry.getBoundingClientRect()];
    if (inner.top < outer.top || inner.bottom > outer.bottom) list.scrollTop += inner.top - outer.top - (outer.height - inner.height) / 2;
    if (inner.left < outer.left || inner.right > outer.right) list.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
  }

  // Which pairs are listed; the chosen one stays until another is chosen

  const unseen = (pair) => pair.seen === false && pair.verdict !== "incomplete";

  function matches(pair) {
    const wanted = byId("filter").value;
    const kind = wanted === "all" || pair.verdict === wanted || (wanted === "warn" && pair.warned) || (wanted === "unseen" && unseen(pair));
    return kind && (byId("scenes").value === "" || pair.scene === byId("scenes").value);
  }

  function showFiltered() {
    for (const pair of pairs) thumbs.get(pair.id).parentElement.hidden = !matches(pair);
    const shown = pairs.filter(matches).length;
    const some = shown === pairs.length ? "" : `${shown} of ${pairs.length}`;
    const empty = pairs.length === 0;
    byId("shown").textContent = empty ? "none yet: each pair comes here once it is shot" : some;
    byId("shown").classList.toggle("empty", empty);
    byId("filter").closest(".filters").hidden = empty;
    byId("sheet-title").hidden = shown !== pairs.length; // the row has room for one of the two
  }

  function showScenes() {
    const select = byId("scenes");
    const known = new Set([...select.options].map((option) => option.value));
    for (const pair of pairs) {
      if (known.has(pair.scene)) continue;
      known.add(pair.scene);
      select.append(Object.assign(element("option", pair.title || pair.scene), { value: pair.scene }));
    }
  }

  function choose(id) {
    chosen = id;
    mark();
    view("pair");
    showPair();
    show();
  }

  // On the bench one place shows what the camera sees, or the pair; a review has the pair alone

  function view(what) {
    if (!live || document.body.dataset.view === what) return;
    document.body.dataset.view = what;
    for (const button of document.querySelectorAll("[data-view-of]")) {
      button.setAttribute("aria-pressed", String(button.dataset.viewOf === what));
    }
  }

  const chosenPair = () => pairs.find((pair) => pair.id === chosen);

  async function showPair() {
    const pair = chosenPair();
    byId("pair-name").textContent = pair ? pair.id : "";
    byId("verdict").dataset.verdict = pair ? pair.verdict : "none";
    byId("verdict").textContent = WORDS[pair ? pair.verdict : "none"];
    byId("reason").textContent = pair ? pair.reason : "";
    byId("note").textContent = pair ? [pair.note, pair.scene_note && `Scene: ${pair.scene_note}`].filter(Boolean).join("\n") : "";
    const shot = Boolean(pair) && pair.verdict !== "incomplete";
    byId("members").hidden = !shot;
    byId("no-pair").hidden = shot;
    byId("measured").hidden = true;
    byId("numbers").classList.add("coming");
    if (!shot) return;
    for (const role of ROLES) byId(`${role}-settings`).textContent = "";
    showViewer(pair);
    showHistograms();
    const answer = await fetch(`/pairs/${pair.id}`);
    const told = await answer.json();
    if (pair.id !== chosen) return;
    if (!answer.ok) {
      byId("reason").textContent = told.problem;
      return;
    }
    for (const [role, settings] of told.settings) {
      const place = byId(`${role}-settings`);
      if (place) place.textContent = settings;
    }
    const judged = told.measured.verdict !== pair.verdict || told.measured.reason !== pair.reason;
    byId("measured").hidden = !judged;
    byId("measured").textContent = `Measured: ${WORDS[told.measured.verdict] || "unknown"}${told.measured.reason ? `, ${told.measured.reason}` : ""}`;
    byId("numbers").classList.remove("coming");
    byId("numbers").replaceChildren(...told.numbers.map(([name, value, mark]) => {
      const row = document.createElement("div");
      row.dataset.mark = mark || "";
      row.append(element("dt", name), element("dd", unbroken(value)));
      return row;
    }));
  }

  /** Numbers stay with their units, and limits with their numbers, where a line is too short. */
  const unbroken = (text) => text.replace(/(\d) (?=[^(])/g, "$1\u00a0").replace(/ (?=[+-]?\d)/g, "\u00a0");

  // The viewer of the chosen pair; a pair chosen while another blinks goes on blinking

  const ROLES = ["blurry", "sharp"];
  const viewed = { pair: "", viewer: null };
  const pressed = (button) => button.getAttribute("aria-pressed") === "true";

  async function showViewer(pair) {
    if (viewed.pair === pair.id) return;
    viewed.pair = pair.id;
    const before = viewed.viewer;
    viewed.viewer = null;
    byId("viewer").replaceChildren();
    const answer = await fetch(`/pairs/${pair.id}/displacement`);
    const overlay = answer.ok ? await answer.json() : null;
    if (viewed.pair !== pair.id) return;
    const figure = comparison(pair, overlay);
    byId("viewer").replaceChildren(figure);
    viewed.viewer = comparePair(figure);
    if (before && pressed(before.blink)) viewed.viewer.blink.click();
    if (before && pressed(before.zoom)) {
      viewed.viewer.zoom.click();
      Object.assign(viewed.viewer.place, before.place);
      viewed.viewer.look();
    }
    const next = neighbour(1);
    if (next && next.verdict !== "incomplete") for (const role of ROLES) new Image().src = `/pictures/${next.id}/${role}/large`;
  }

  async function showHistograms() {
    const pair = chosenPair();
    if (!byId("histograms")?.open || !pair || pair.verdict === "incomplete") return;
    for (const path of byId("histograms").querySelectorAll("path")) path.setAttribute("d", "");
    const answer = await fetch(`/pairs/${pair.id}/histograms`);
    if (!answer.ok || pair.id !== chosen) return;
    for (const [role, channels] of Object.entries(await answer.json())) {
      channels.forEach((shares, channel) => byId(`${role}-histogram-${channel}`).setAttribute("d", curve(shares)));
    }
  }
  byId("histograms")?.addEventListener("toggle", showHistograms);

  function comparison(pair, overlay) {
    const figure = element("figure", "", "comparison");
    const caption = document.createElement("figcaption");
    caption.append(element("p", `${pair.id}: blurry and sharp`, "caption"));
    const states = element("ul", "", "states");
    const add = (label, source, name) => {
      const item = element("li", "", name);
      const picture = Object.assign(document.createElement("img"), { alt: label, src: source });
      item.append(picture);
      states.append(item);
      return picture;
    };
    for (const role of ROLES) {
      const picture = add(role, `/pictures/${pair.id}/${role}/large`);
      picture.dataset.whole = `/pictures/${pair.id}/${role}/whole`;
      picture.addEventListener("load", () =>
        figure.style.setProperty("--ratio", picture.naturalWidth / picture.naturalHeight));
    }
    if (overlay) add(overlay.label, overlay.picture, "overlay");
    figure.append(caption, states);
    return figure;
  }

  // What is asked

  // Why a button can do nothing now; empty if it can.
  function obstacle(action) {
    if (!state || !connected) return "the connection is lost";
    const shot = chosenPair() && chosenPair().verdict !== "incomplete";
    const shooting = action === "shoot" || action === "retake";
    if (action === "shoot" && state.prompt) return "";
    if (shooting && state.camera_problem) return "there is no camera";
    if ((shooting || action === "next-scene") && state.busy) return `${state.busy}; press again when its verdict is there`;
    return shot || action === "shoot" || action === "next-scene" ? "" : "choose a pair that has been shot";
  }

  async function ask(action, fields) {
    const answer = await fetch(`/do/${action}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fields),
    });
    if (answer.ok) return true;
    const told = await answer.json().catch(() => ({ problem: "the request was refused" }));
    state.problem = told.problem;
    show();
    return false;
  }

  function notice(words) {
    byId("notice").textContent = words;
  }

  async function press(action) {
    const why = obstacle(action);
    notice(why && `Not now: ${why}.`);
    if (why) {
      sound("refused");
      return;
    }
    const pair = chosenPair();
    if (action === "shoot") ask(action, {});
    else if (action === "undo") {
      undoing = true;
      if (!await ask(action, {})) undoing = false;
    }
    else if (action === "retake") {
      const elsewhere = pair.scene !== state.scene && await question(`Retake ${pair.id}?`, "",
        `It is of scene ${pair.title}; the next pair would be of ${state.title || state.scene}. Set up ${pair.title} again first.`) === null;
      if (!elsewhere) ask(action, { pair: pair.id });
    } else if (action === "note" || action === "scene-note") {
      const [about, named, old] = action === "note" ? [pair.id, pair.id, pair.note] : [pair.scene, pair.title, pair.scene_note];
      const text = await question(`Note on ${named}`, "Note", "Goes into the journal and the log; empty removes it.", [], old);
      if (text !== null) ask("note", { about, text });
    } else if (action === "accept" && pair.verdict === "accept") judge(action, pair, "");
    else if (action === "next-scene") {
      const scene = await question("Next scene", "Name", `Leave empty for ${state.offered}.`);
      if (scene !== null && await ask(action, { scene })) view("live");
    } else {
      view("pair");
      const reason = await question(`${action === "accept" ? "Accept" : "Reject"} ${pair.id}`, "Reason",
        "Goes into the journal; nothing is deleted.", REASONS[action]);
      if (reason !== null) judge(action, pair, reason);
    }
  }

  // A review goes on to the next pair that is listed.
  async function judge(action, pair, reason) {
    const next = neighbour(1);
    if (await ask(action, { pair: pair.id, reason }) && !live && next && chosen === pair.id) go(next);
  }

  const REASONS = {
    accept: ["looked at it, it is good", "the difference is wanted", "the moved part does not matter"],
    reject: ["somebody or something in the picture", "the scene moved", "the camera moved", "not in focus", "the light changed",
      "clipped", "dust, a drop or a reflection", "wrong settings", "a test"],
  };

  function question(title, label, hint, reasons = [], value = "") {
    byId("dialog-title").textContent = title;
    byId("dialog-label").textContent = label;
    byId("dialog-label").hidden = byId("dialog-text").hidden = !label;
    byId("dialog-hint").textContent = hint;
    byId("dialog-text").maxLength = label === "Note" ? 2000 : 200;
    byId("dialog-text").value = value || "";
    const dialog = byId("dialog");
    byId("dialog-reasons").replaceChildren(...reasons.map((reason, index) => {
      const button = Object.assign(element("button", reason), { type: "button" });
      button.prepend(element("kbd", String(index + 1)), " ");
      button.addEventListener("click", () => { byId("dialog-text").value = reason; dialog.close("ok"); });
      const item = document.createElement("li");
      item.append(button);
      return item;
    }));
    dialog.returnValue = "";
    dialog.showModal();
    byId(label ? "dialog-text" : "dialog-ok").focus(); // Enter is OK, as its button says
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => {
        resolve(dialog.returnValue === "ok" ? byId("dialog-text").value : null);
      }, { once: true });
    });
  }

  // A figure alone chooses a reason; in a text that was begun it is a figure
  byId("dialog").addEventListener("keydown", (event) => {
    const button = byId("dialog-reasons").querySelectorAll("button")[Number(event.key) - 1];
    if (!button || byId("dialog-text").value || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    button.click();
  });

  byId("dialog-form").addEventListener("submit", (event) => { event.preventDefault(); byId("dialog").close("ok"); });
  byId("dialog-cancel").addEventListener("click", () => byId("dialog").close(""));
  for (const button of document.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => press(button.dataset.do));
  }
  for (const button of document.querySelectorAll("[data-focus]")) {
    button.addEventListener("click", () => ask("focus", { steps: button.dataset.focus }));
  }
  for (const select of ["filter", "scenes"]) byId(select).addEventListener("change", () => {
    showFiltered();
    const first = pairs.find(matches);
    if (first && !matches(chosenPair())) choose(first.id);
  });
  for (const button of document.querySelectorAll("[data-view-of]")) {
    button.addEventListener("click", () => view(button.dataset.viewOf));
  }
  if (live) byId("peaking").addEventListener("change", showPeaking);

  // Sounds: the more notes, the more it matters; a browser plays none before the first click or key

  const NOTES = { accept: [880], warn: [660, 660], action: [660, 880], reject: [440, 330, 262], refused: [220] };
  let speaker = null;
  function sound(what) {
    if (!live || !byId("sounds").checked || !NOTES[what] || !navigator.userActivation?.hasBeenActive) return;
    speaker ??= new AudioContext();
    NOTES[what].forEach((hertz, index) => {
      const [tone, volume] = [speaker.createOscillator(), speaker.createGain()];
      const at = speaker.currentTime + 0.18 * index;
      tone.frequency.value = hertz;
      volume.gain.setValueAtTime(0.15, at);
      volume.gain.exponentialRampToValueAtTime(0.001, at + 0.16);
      tone.connect(volume).connect(speaker.destination);
      tone.start(at);
      tone.stop(at + 0.17);
    });
  }
  if (live) {
    byId("sounds").checked = localStorage.getItem("defocus-sounds") !== "off";
    byId("sounds").addEventListener("change", () => localStorage.setItem("defocus-sounds", byId("sounds").checked ? "on" : "off"));
  }

  // The magnifier: a place of the live picture at its own pixels

  // Where the picture lies in its box, which may be longer on two sides
  function liveBox() {
    const picture = byId("live-picture");
    const box = picture.getBoundingClientRect();
    const scale = Math.min(box.width / picture.naturalWidth, box.height / picture.naturalHeight);
    const [width, height] = [picture.naturalWidth * scale, picture.naturalHeight * scale];
    return { left: box.left + (box.width - width) / 2, top: box.top + (box.height - height) / 2, width, height };
  }

  function magnify(event) {
    const box = liveBox();
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    if (x >= 0 && x <= 1 && y >= 0 && y <= 1) {
      bestEdge = bestDetail = 0;
      spot = { x: x.toFixed(4), y: y.toFixed(4) };
      showMagnified();
    }
  }

  // The measured square, in shares of the live picture
  function markSpot() {
    if (!spot || !square) return;
    const [left, top, width, height] = square;
    const [box, screen] = [liveBox(), byId("screen").getBoundingClientRect()];
    Object.assign(byId("spot").style, {
      left: `${box.left - screen.left + left * box.width}px`, top: `${box.top - screen.top + top * box.height}px`,
      width: `${width * box.width}px`, height: `${height * box.height}px`,
    });
  }

  async function showMagnified() {
    const at = spot;
    const answer = await fetch(`/magnified?${new URLSearchParams(at)}`);
    const seen = await answer.json();
    if (at !== spot) return;
    if (!answer.ok) return notice(seen.problem);
    byId("magnified").src = seen.picture;
    byId("magnifier").hidden = byId("spot").hidden = false;
    square = seen.square;
    markSpot();
    showEdge(seen);
  }
  if (live) {
    byId("live-picture").addEventListener("click", magnify);
    new ResizeObserver(markSpot).observe(byId("live-picture"));
    byId("magnifier").addEventListener("click", () => {
      spot = null;
      byId("magnifier").hidden = byId("spot").hidden = true;
    });
  }

  // The pair before or after the chosen one, of those that are listed
  function neighbour(by) {
    const at = pairs.findIndex((pair) => pair.id === chosen);
    for (let index = at + by; index >= 0 && index < pairs.length; index += by) {
      if (matches(pairs[index])) return pairs[index];
    }
    return null;
  }

  function go(pair) {
    choose(pair.id);
    reveal();
  }

  // Scrolls the list alone: the page stays.
  function reveal() {
    const item = thumbs.get(chosen)?.parentElement.getBoundingClientRect();
    const box = byId("sheet").getBoundingClientRect();
    if (!item?.width) return;
    const far = (start, end) => Math.min(0, item[start] - box[start] - 6) + Math.max(0, item[end] - box[end] + 6);
    byId("sheet").scrollBy(far("left", "right"), far("top", "bottom"));
  }
  new ResizeObserver(reveal).observe(byId("sheet"));

  function step(by) {
    const next = neighbour(by);
    if (next) go(next);
  }

  const KEYS = {
    b: () => viewed.viewer?.blink.click(), z: () => viewed.viewer?.zoom.click(), ArrowLeft: () => step(-1), ArrowRight: () => step(1),
    p: () => { if (live) { byId("peaking").checked = !byId("peaking").checked; showPeaking(); } },
    v: () => view(document.body.dataset.view === "live" ? "pair" : "live"),
  };
  const BUTTONS = { s: "shoot", r: "retake", a: "accept", x: "reject", n: "next-scene", t: "note", y: "scene-note", u: "undo" };
  for (const [key, action] of Object.entries(BUTTONS)) KEYS[key] = () => press(action);
  const PANS = { ArrowLeft: [-0.25, 0], ArrowRight: [0.25, 0], ArrowUp: [0, -0.25], ArrowDown: [0, 0.25] };

  document.addEventListener("keydown", (event) => {
    const input = event.target instanceof HTMLInputElement ? event.target.type : "";
    const typing = input === "range" ? event.key.length > 1 : input !== "" && input !== "checkbox";
    if (typing || event.repeat || event.ctrlKey || event.altKey || event.metaKey || byId("dialog").open) return;
    const way = event.shiftKey && PANS[event.key];
    if (way) {
      event.preventDefault();
      viewed.viewer?.pan(...way);
      return;
    }
    const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || (BUTTONS[event.key.toLowerCase()] && !document.querySelector(`[data-do="${BUTTONS[event.key.toLowerCase()]}"]`))) return;
    event.preventDefault();
    action();
  });
})();
