"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const live = document.body.classList.contains("live");
  let state = null;
  let pairs = [];
  let chosen = "";
  let followed = "";
  let connected = false;
  const thumbs = new Map();

  // What the server tells

  const events = new EventSource("/events");
  events.addEventListener("open", () => { connected = true; show(); });
  events.addEventListener("error", () => { connected = false; show(); });
  events.addEventListener("state", (event) => {
    const before = state;
    state = JSON.parse(event.data);
    if (before === null || before.revision !== state.revision) renew();
    show();
  });
  events.addEventListener("preview", (event) => showPreview(JSON.parse(event.data)));

  async function renew() {
    const answer = await fetch("/pairs");
    if (!answer.ok) return;
    pairs = await answer.json();
    if (state.current && state.current !== followed) {
      followed = state.current;
      chosen = state.current;
    }
    if (!chosen && pairs.length) {
      const unseen = pairs.find((pair) => pair.seen === false);
      chosen = (unseen || pairs[pairs.length - 1]).id;
    }
    showSheet();
    showPair();
    show();
  }

  // What is shown

  function show() {
    if (state === null) return;
    const lost = !connected
      ? "The connection to the command is lost; trying again. If it was started anew, open the address that it printed."
      : state.camera_problem ? `Camera lost: ${state.camera_problem}. Trying to reach it again.` : "";
    const problem = lost || state.problem;
    byId("problem").textContent = problem;
    byId("problem").hidden = !problem;
    byId("busy").textContent = state.prompt || state.busy;
    const cut = state.unfinished && !state.busy;
    if (live) byId("unfinished").textContent = cut ? `${state.unfinished} was interrupted; Shoot takes it again first.` : "";
    const count = (verdict) => pairs.filter((pair) => pair.verdict === verdict).length;
    byId("counts").textContent = ["accept", "warn", "reject", "incomplete"]
      .filter((verdict) => count(verdict) || verdict === "accept")
      .map((verdict) => `${count(verdict)} ${WORDS[verdict]}`).join(" · ");
    if (live) {
      byId("camera").classList.toggle("lost", Boolean(lost));
      byId("camera-name").textContent = `${lost ? "no camera" : state.camera} · ${state.scene}`;
      byId("plan").replaceChildren(...state.plan.map((line) => element("li", line)));
      showNote(lost);
    }
    for (const button of document.querySelectorAll("[data-do]")) {
      button.setAttribute("aria-disabled", String(!possible(button.dataset.do)));
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
    byId("focus-share").textContent = seen.in_focus_share === null ? "–" : `${Math.round(seen.in_focus_share * 100)} %`;
    seen.histogram.forEach((shares, channel) => byId(`histogram-${channel}`).setAttribute("d", curve(shares)));
    const most = Math.max(...seen.clipped_share);
    byId("histogram").parentElement.classList.toggle("clipped", most > 0.001);
    const percent = (share) => `${(share * 100).toFixed(1)} %`;
    byId("clipping").textContent = `linear light · clipped ${percent(most)} · black ${percent(Math.max(...seen.black_share))}`;
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
        const item = document.createElement("li");
        item.append(thumb);
        sheet.append(item);
      }
      const chip = thumb.querySelector(".chip");
      chip.dataset.verdict = pair.verdict;
      chip.textContent = WORDS[pair.verdict];
      thumb.setAttribute("aria-current", String(pair.id === chosen));
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
  }

  function makeThumb(pair) {
    const thumb = element("button", "", "thumb");
    thumb.type = "button";
    thumb.append(element("span", "", "halves"), element("span", pair.id, "name"), element("span", "", "chip"));
    thumb.addEventListener("click", () => choose(pair.id));
    return thumb;
  }

  function choose(id) {
    chosen = id;
    showSheet();
    showPair();
    show();
  }

  const chosenPair = () => pairs.find((pair) => pair.id === chosen);

  async function showPair() {
    const pair = chosenPair();
    byId("pair-name").textContent = pair ? pair.id : "";
    byId("verdict").dataset.verdict = pair ? pair.verdict : "none";
    byId("verdict").textContent = WORDS[pair ? pair.verdict : "none"];
    byId("reason").textContent = pair ? pair.reason : "";
    const shot = Boolean(pair) && pair.verdict !== "incomplete";
    byId("members").hidden = !shot;
    byId("no-pair").hidden = shot;
    byId("measured").hidden = true;
    byId("numbers").replaceChildren();
    if (!shot) return;
    for (const role of ROLES) byId(`${role}-settings`).textContent = "";
    showViewer(pair);
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
    byId("numbers").replaceChildren(...told.numbers.map(([name, value, mark]) => {
      const row = document.createElement("div");
      row.dataset.mark = mark || "";
      row.append(element("dt", name), element("dd", value));
      return row;
    }));
  }

  // The viewer of the chosen pair; a pair chosen while another blinks goes on blinking

  const ROLES = ["blurry", "sharp"];
  const viewed = { pair: "", blink: null };

  async function showViewer(pair) {
    if (viewed.pair === pair.id) return;
    viewed.pair = pair.id;
    const blinking = viewed.blink !== null && viewed.blink.getAttribute("aria-pressed") === "true";
    viewed.blink = null;
    byId("viewer").replaceChildren();
    const answer = await fetch(`/pairs/${pair.id}/displacement`);
    const overlay = answer.ok ? await answer.json() : null;
    if (viewed.pair !== pair.id) return;
    const figure = comparison(pair, overlay);
    byId("viewer").replaceChildren(figure);
    viewed.blink = comparePair(figure);
    if (blinking) viewed.blink.click();
  }

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
      picture.addEventListener("load", () =>
        figure.style.setProperty("--ratio", picture.naturalWidth / picture.naturalHeight));
    }
    if (overlay) add(overlay.label, overlay.picture, "overlay");
    figure.append(caption, states);
    return figure;
  }

  // What is asked

  function possible(action) {
    if (!state || !connected) return false;
    const shot = chosenPair() && chosenPair().verdict !== "incomplete";
    const ready = !state.busy && !state.camera_problem;
    if (action === "shoot") return ready || Boolean(state.prompt);
    if (action === "retake") return ready && Boolean(shot);
    return action === "next-scene" ? !state.busy : Boolean(shot);
  }

  async function ask(action, fields) {
    const answer = await fetch(`/do/${action}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fields),
    });
    if (answer.ok) return;
    const told = await answer.json().catch(() => ({ problem: "the request was refused" }));
    state.problem = told.problem;
    show();
  }

  async function press(action) {
    if (!possible(action)) return;
    const pair = chosenPair();
    if (action === "shoot") ask(action, {});
    else if (action === "retake") ask(action, { pair: pair.id });
    else if (action === "accept" && pair.verdict === "accept") ask(action, { pair: pair.id });
    else if (action === "next-scene") {
      const scene = await question("Next scene", "Name", "Leave empty for a name by number.");
      if (scene !== null) ask(action, { scene });
    } else {
      const reason = await question(`${action === "accept" ? "Accept" : "Reject"} ${pair.id}`, "Reason",
        "Goes into the journal; nothing is deleted.");
      if (reason !== null) ask(action, { pair: pair.id, reason });
    }
  }

  function question(title, label, hint) {
    byId("dialog-title").textContent = title;
    byId("dialog-label").textContent = label;
    byId("dialog-hint").textContent = hint;
    byId("dialog-text").value = "";
    const dialog = byId("dialog");
    dialog.returnValue = "";
    dialog.showModal();
    byId("dialog-text").focus();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => {
        resolve(dialog.returnValue === "ok" ? byId("dialog-text").value : null);
      }, { once: true });
    });
  }

  byId("dialog-form").addEventListener("submit", (event) => { event.preventDefault(); byId("dialog").close("ok"); });
  byId("dialog-cancel").addEventListener("click", () => byId("dialog").close(""));
  for (const button of document.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => press(button.dataset.do));
  }
  if (live) byId("peaking").addEventListener("change", showPeaking);

  function step(by) {
    const at = pairs.findIndex((pair) => pair.id === chosen);
    const next = pairs[at + by];
    if (!next) return;
    choose(next.id);
    thumbs.get(next.id).scrollIntoView({ block: "nearest" });
  }

  const KEYS = {
    s: () => press("shoot"), r: () => press("retake"), a: () => press("accept"), x: () => press("reject"), n: () => press("next-scene"),
    b: () => viewed.blink?.click(), ArrowLeft: () => step(-1), ArrowRight: () => step(1),
    p: () => { if (live) { byId("peaking").checked = !byId("peaking").checked; showPeaking(); } },
  };

  document.addEventListener("keydown", (event) => {
    const input = event.target instanceof HTMLInputElement ? event.target.type : "";
    const typing = input === "range" ? event.key.length > 1 : input !== "" && input !== "checkbox";
    if (typing || event.repeat || event.ctrlKey || event.altKey || event.metaKey || byId("dialog").open) return;
    const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || (!live && ["s", "r", "n"].includes(event.key.toLowerCase()))) return;
    event.preventDefault();
    action();
  });
})();
