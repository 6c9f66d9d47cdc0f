"use strict";
// A picture before and after, to be compared at a line that moves: zoom, pan, strength, map of blur.
// What is seen is mixed here: up to strength 1 from before to after, from there on to strongest at 2.
const beforeAfter = (look, told) => {
  const canvas = look.querySelector("canvas");
  const split = look.querySelector("input");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const LARGEST = 16;
  const shown = { width: 0, height: 0, before: null, after: null, strongest: null, sharp: null, map: null, look: null };
  const wish = { strength: 1, leaveSharp: false, overlay: false };
  const view = { scale: 1, x: 0, y: 0, whole: true };
  const layers = {};
  let stale = true;
  let waiting = false;

  // Drawing

  function place(surface, smooth) {
    const { scale, x, y } = view;
    const left = Math.round(canvas.width / 2 - x * scale);
    const top = Math.round(canvas.height / 2 - y * scale);
    surface.setTransform(scale, 0, 0, scale, left, top);
    surface.imageSmoothingEnabled = smooth;
    surface.imageSmoothingQuality = "medium";
  }

  // The pixels of a picture as they lie on the screen, with a part laid over it; null without a picture.
  function pixels(name, smooth, picture = shown[name], part = null) {
    if (!picture) return null;
    const layer = layers[name] ||= document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    Object.assign(layer.canvas, { width: canvas.width, height: canvas.height });  // clears it too
    place(layer, smooth);
    layer.drawImage(picture, 0, 0, shown.width, shown.height);
    if (part) layer.drawImage(part.picture, part.left, part.top, part.width, part.height);
    return layer.getImageData(0, 0, canvas.width, canvas.height);
  }

  let seen = { before: null, after: null, strongest: null, sharp: null };

  function lookAgain() {
    const smooth = view.scale < 1;
    seen = {
      before: pixels("before", smooth),
      after: shown.look ? pixels("after", smooth, shown.before, shown.look) : pixels("after", smooth),
      strongest: wish.strength > 1 ? pixels("strongest", smooth) : null,
      sharp: wish.leaveSharp ? pixels("sharp", true) : null,
    };
    stale = false;
  }

  function mixed() {
    const { width, height, data } = seen.before;
    const made = new ImageData(new Uint8ClampedArray(data), width, height);
    if (!seen.after) return made;
    const into = made.data;
    const after = seen.after.data;
    const beyond = wish.strength > 1 ? wish.strength - 1 : 0;
    const strongest = beyond && seen.strongest ? seen.strongest.data : after;  // until it is there: 1
    const share = Math.min(wish.strength, 1);
    const sharp = seen.sharp && seen.sharp.data;
    const begin = Math.round(width * split.value / 100);
    for (let row = 0; row < height; row += 1) {
      for (let at = 4 * (row * width + begin), end = 4 * (row + 1) * width; at < end; at += 4) {
        const part = sharp ? share * (1 - sharp[at] / 255) : share;
        for (let colour = at; colour < at + 3; colour += 1) {
          const reached = after[colour] + beyond * (strongest[colour] - after[colour]);
          into[colour] += part * (reached - into[colour]);
        }
      }
    }
    return made;
  }

  function draw() {
    waiting = false;
    if (!shown.before || !canvas.width) return;
    if (stale) lookAgain();
    context.putImageData(mixed(), 0, 0);
    if (wish.overlay && shown.map) {
      place(context, true);
      context.globalAlpha = 0.7;
      context.drawImage(shown.map, 0, 0, shown.width, shown.height);
      context.globalAlpha = 1;
    }
  }

  function takeAway() {
    for (const picture of [shown.after, shown.strongest, shown.look?.picture]) picture?.close();
    Object.assign(shown, { after: null, strongest: null, look: null });
    look.querySelector(".tag.right").textContent = "After";
  }

  function soon() {
    if (!waiting) requestAnimationFrame(draw);
    waiting = true;
  }

  // Where one looks

  const wholeScale = () => Math.min(1, canvas.width / shown.width, canvas.height / shown.height);

  // Keeps the picture on the screen; a side that fits lies in the middle.
  function kept(centre, length, room) {
    const half = room / view.scale / 2;
    return half * 2 >= length ? length / 2 : Math.min(Math.max(centre, half), length - half);
  }

  function moved() {
    view.scale = Math.min(Math.max(view.scale, wholeScale()), LARGEST);
    view.x = kept(view.x, shown.width, canvas.width);
    view.y = kept(view.y, shown.height, canvas.height);
    stale = true;
    told(view.scale, view.whole);
    soon();
  }

  function lookAt(scale, x = view.x, y = view.y) {
    Object.assign(view, { scale, x, y, whole: false });
    moved();
  }

  function whole() {
    Object.assign(view, { scale: wholeScale(), x: shown.width / 2, y: shown.height / 2, whole: true });
    moved();
  }

  // Zooms so that what lies at a place of the screen (in its pixels) stays there.
  function zoom(factor, left = canvas.width / 2, top = canvas.height / 2) {
    const before = view.scale;
    const scale = Math.min(Math.max(before * factor, wholeScale()), LARGEST);
    const [right, down] = [left - canvas.width / 2, top - canvas.height / 2];
    lookAt(scale, view.x + right / before - right / scale, view.y + down / before - down / scale);
  }

  function pan(right, down) {
    if (!view.whole) lookAt(view.scale, view.x - right / view.scale, view.y - down / view.scale);
  }

  function resized() {
    const { width, height } = look.getBoundingClientRect();
    const size = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)];
    if (canvas.width === size[0] && canvas.height === size[1]) return;
    [canvas.width, canvas.height] = size;
    if (!shown.before) return;
    if (view.whole) whole();
    else moved();
    draw();  // at once: a new size has emptied the canvas
  }
  new ResizeObserver(resized).observe(look);

  // Pointers: one pans, two zoom

  const pointers = new Map();
  const spot = (event) => {
    const { left, top } = canvas.getBoundingClientRect();
    return [(event.clientX - left) * devicePixelRatio, (event.clientY - top) * devicePixelRatio];
  };
  const middle = ([a, b = a]) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const apart = ([a, b = a]) => Math.hypot(a[0] - b[0], a[1] - b[1]);

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, spot(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId) || !shown.before) return;
    const before = [...pointers.values()];
    pointers.set(event.pointerId, spot(event));
    const now = [...pointers.values()];
    const [from, to] = [middle(before), middle(now)];
    pan(to[0] - from[0], to[1] - from[1]);
    if (now.length > 1) zoom(apart(now) / Math.max(apart(before), 1), ...to);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => pointers.delete(event.pointerId));
  }
  look.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (shown.before) zoom(2 ** (-event.deltaY / 300), ...spot(event));
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => {
    const [left, top] = spot(event);
    if (view.whole && view.scale < 1) zoom(1 / view.scale, left, top);
    else whole();
  });
  const STEP_PX = 60;
  const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  canvas.addEventListener("keydown", (event) => {
    const way = ARROWS[event.key];
    if (!way || !shown.before) return;
    event.preventDefault();
    pan(way[0] * STEP_PX * devicePixelRatio, way[1] * STEP_PX * devicePixelRatio);
  });
  split.addEventListener("input", () => {
    look.style.setProperty("--share", `${split.value}%`);
    split.setAttribute("aria-valuetext", `${split.value} % before, ${100 - split.value} % after`);
    soon();
  });

  return {
    // Shows another picture, whole: ``{ width, height, before }``; the bitmaps are ours from now on.
    show(given) {
      for (const name of ["before", "sharp", "map"]) shown[name]?.close();
      takeAway();
      Object.assign(shown, { sharp: null, map: null, ...given });
      look.classList.add("alone");
      whole();
    },
    // Shows the maps: ``{ map, sharp }``.
    maps(given) {
      for (const name of ["sharp", "map"]) shown[name]?.close();
      Object.assign(shown, given);
      stale = true;
      soon();
    },
    // Shows a part that is restored before the whole: ``{ picture, left, top, width, height }``.
    firstLook(part) {
      takeAway();
      shown.look = part;
      look.querySelector(".tag.right").textContent = "First look";
      look.classList.remove("alone");
      stale = true;
      soon();
    },
    // Shows the restored picture; ``null`` takes it away, and the part that was restored first.
    restored(after) {
      takeAway();
      shown.after = after;
      look.classList.toggle("alone", !after);
      stale = true;
      soon();
    },
    // Shows the restored picture at strength 2.
    beyond(strongest) {
      shown.strongest?.close();
      shown.strongest = strongest;
      stale = true;
      soon();
    },
    wish(changed) {
      if ("leaveSharp" in changed || (wish.strength > 1) !== (changed.strength > 1)) stale = true;
      Object.assign(wish, changed);
      soon();
    },
    flip() {
      split.value = Number(split.value) > 50 ? 0 : 100;
      split.dispatchEvent(new Event("input"));
    },
    whole, zoom,
    actual: (x = view.x, y = view.y) => lookAt(1, x, y),
    get untouched() { return view.whole; },
  };
};
