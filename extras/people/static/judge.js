(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("trials").textContent);
  const at = (id) => document.getElementById(id);
  const kept = `judgements-${data.plan}`;
  const answers = [];
  let marks = new Set(), flicker = false, timer = 0, atRisk = false;

  const begun = () => answers.length < data.trials.length;

  function show() {
    marks = new Set();
    const done = !begun();
    at("question").hidden = done;
    at("end").hidden = !done;
    at("progress").value = answers.length;
    at("count").textContent = `${Math.min(answers.length + 1, data.trials.length)} of ${data.trials.length}`;
    if (done) { at("save").focus(); return; }
    const [left, right] = data.trials[answers.length];
    at("left").src = data.pictures[left];
    at("right").src = data.pictures[right];
    for (const side of ["left", "right"]) mark(side, false);
  }

  function mark(side, on) {
    if (on) marks.add(side); else marks.delete(side);
    at(side).closest("figure").classList.toggle("marked", on);
    at(`mark-${side}`).setAttribute("aria-pressed", String(on));
  }

  function answer(better) {
    if (!begun()) return;
    answers.push({ trial: answers.length, better, invented: [...marks].sort() });
    keep();
    show();
  }

  function back() {
    answers.pop();
    keep();
    show();
  }

  function keep() { // so that a reload loses nothing; where the browser forbids it, saving remains
    at("saved").textContent = "";
    atRisk = answers.length > 0;
    try { localStorage.setItem(kept, JSON.stringify({ judge: at("judge").value, answers })); } catch { return; }
    atRisk = false;
  }

  function restore() {
    let before = null;
    try { before = JSON.parse(localStorage.getItem(kept)); } catch { return; }
    if (!before || !before.answers.length) return;
    answers.push(...before.answers);
    at("judge").value = before.judge;
    const anew = document.createElement("button");
    anew.type = "button";
    anew.textContent = "Start over";
    anew.addEventListener("click", () => { answers.length = 0; at("judge").value = ""; keep(); show(); });
    at("saved").append(`Answers of ${before.judge || "somebody"} so far: ${answers.length}. Somebody else? `, anew);
  }

  function setFlicker(on) {
    flicker = on;
    clearInterval(timer);
    const pictures = at("pictures"), second = at("right").closest("figure"), first = at("left").closest("figure");
    pictures.classList.toggle("flicker", on);
    for (const one of [first, second]) one.classList.remove("behind");
    at("flicker").setAttribute("aria-pressed", String(on));
    if (!on) return;
    second.classList.add("behind");
    timer = setInterval(() => { for (const one of [first, second]) one.classList.toggle("behind"); }, 700);
  }

  function save() {
    const judge = at("judge").value.trim();
    if (!judge) {
      at("saved").textContent = "Give your name first: answers of two people must not be mixed up.";
      at("judge").reportValidity();
      at("judge").focus();
      return;
    }
    const text = JSON.stringify({ format: "defocus-judgements", judge, plan: data.plan, answers }, null, 1);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = `judgements-${judge.replace(/[^A-Za-z0-9-]+/g, "-")}.json`;
    link.click();
    at("saved").textContent = `${answers.length} answers saved as ${link.download}`;
    atRisk = false;
  }

  const keys = {
    ArrowLeft: () => answer("left"), ArrowRight: () => answer("right"), ArrowDown: () => answer("equal"),
    q: () => mark("left", !marks.has("left")), p: () => mark("right", !marks.has("right")),
    f: () => setFlicker(!flicker), Backspace: back,
  };
  document.addEventListener("keydown", (event) => {
    if (event.target.tagName === "INPUT" || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    if (!event.repeat) act(); // a key that is held counts once
  });
  for (const better of ["left", "right", "equal"]) at(`better-${better}`).addEventListener("click", () => answer(better));
  for (const side of ["left", "right"]) at(`mark-${side}`).addEventListener("click", () => mark(side, !marks.has(side)));
  at("flicker").addEventListener("click", () => setFlicker(!flicker));
  at("back").addEventListener("click", back);
  at("save").addEventListener("click", save);
  at("save-now").addEventListener("click", save);
  at("judge").addEventListener("input", keep);
  window.addEventListener("beforeunload", (event) => { if (atRisk) event.preventDefault(); });
  at("progress").max = data.trials.length;
  restore();
  show();
})();
