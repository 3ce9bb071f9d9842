"use strict";
(() => {
  const find = (id) => document.getElementById(id);
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const texts = [...document.querySelectorAll("script.picture")];
  const stage = find("stage"), border = find("border");
  const sides = ["left", "right"];
  const LARGEST = 16;  // pixels of the screen to one of the picture
  const SHARP = 3;     // from so many on, pixels are drawn as squares

  let shown;           // what the page shows: an object of page.py's `picture`
  let cards = [];      // { window, image, buttons } of each of its entries
  let pair;            // indices into its entries: left and right
  let wiped = .5;      // how far across the visible picture the border is
  // The point of the picture in the middle of the stage, and the zoom: 1 for the whole.
  let view = { x: 0, y: 0, zoom: 1 };

  /* Geometry */

  const stageSize = () => ({ width: stage.clientWidth, height: stage.clientHeight });

  function fitting() {
    const { width, height } = stageSize();
    return Math.min(width / shown.width, height / shown.height);
  }

  const scaleOf = () => fitting() * view.zoom;

  // Where the picture's left and top are on the stage.
  function origin() {
    const { width, height } = stageSize(), scale = scaleOf();
    return { x: width / 2 - view.x * scale, y: height / 2 - view.y * scale };
  }

  // From and to which x of the stage there is picture.
  function extent() {
    const left = origin().x;
    return [Math.max(0, left), Math.min(stageSize().width, left + shown.width * scaleOf())];
  }

  function look(x, y, zoom) {
    const most = Math.max(1, LARGEST / fitting());
    view = { x, y, zoom: clamp(zoom, 1, most) };
    const { width, height } = stageSize(), scale = scaleOf();
    const half = [width / 2 / scale, height / 2 / scale];
    // A side that fits is in the middle; one that does not leaves no gap.
    const within = (value, half, size) =>
      2 * half >= size ? size / 2 : clamp(value, half, size - half);
    view.x = within(x, half[0], shown.width);
    view.y = within(y, half[1], shown.height);
    render();
  }

  const whole = () => look(shown.width / 2, shown.height / 2, 1);

  // Zooms about a point of the stage, its middle by default.
  function zoomBy(factor, at = { x: stageSize().width / 2, y: stageSize().height / 2 }) {
    const { width, height } = stageSize(), before = scaleOf();
    const zoom = clamp(view.zoom * factor, 1, Math.max(1, LARGEST / fitting()));
    const after = fitting() * zoom;
    const shift = 1 / before - 1 / after;
    look(view.x + (at.x - width / 2) * shift, view.y + (at.y - height / 2) * shift, zoom);
  }

  function moveBy(x, y) {
    look(view.x - x / scaleOf(), view.y - y / scaleOf(), view.zoom);
  }

  function toSpot() {
    const { left, top, side } = shown.spot, { width, height } = stageSize();
    look(left + side / 2, top + side / 2, Math.min(width, height) / side / fitting());
  }

  // What the cards show: the most salient spot, or once zoomed in the stage's middle.
  function region() {
    if (view.zoom === 1) return shown.spot;
    const { width, height } = stageSize();
    const side = Math.min(Math.min(width, height) / scaleOf(), shown.width, shown.height);
    return {
      left: clamp(view.x - side / 2, 0, shown.width - side),
      top: clamp(view.y - side / 2, 0, shown.height - side),
      side,
    };
  }

  /* Drawing */

  function place(image, x, y, scale) {
    image.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    image.parentElement.classList.toggle("sharp", scale * devicePixelRatio >= SHARP);
  }

  function render() {
    const { x, y } = origin(), scale = scaleOf();
    for (const side of sides) place(find(`${side}-image`), x, y, scale);
    renderBorder();
    stage.classList.toggle("zoomed", view.zoom > 1);
    const spot = find("spot");
    spot.hidden = view.zoom > 1;
    spot.style.left = `${x + shown.spot.left * scale}px`;
    spot.style.top = `${y + shown.spot.top * scale}px`;
    spot.style.width = spot.style.height = `${shown.spot.side * scale}px`;
    find("zoom").textContent = `${Math.round(100 * scale * devicePixelRatio)} %`;
    find("place").textContent =
      view.zoom > 1 ? "The place you zoomed to" : "The most salient spot";
    const { left, top, side } = region();
    for (const { window, image } of cards) {
      const scale = window.clientWidth / side;
      place(image, -left * scale, -top * scale, scale);
    }
  }

  function renderBorder() {
    const [from, to] = extent();
    const x = from + wiped * (to - from);
    border.style.left = `${x}px`;
    find("right-layer").style.clipPath = `inset(0 0 0 ${x}px)`;
    const percent = Math.round(100 * wiped);
    const [left, right] = pair.map((index) => shown.entries[index].label);
    border.setAttribute("aria-valuenow", percent);
    border.setAttribute("aria-valuetext", `${percent} %: ${left} on the left, ${right} on the right`);
  }

  function wipeTo(share) {
    wiped = clamp(share, 0, 1);
    renderBorder();
  }

  // Puts an entry on a side (0, 1); if it is on the other one, the two change places.
  function choose(side, index) {
    if (pair[1 - side] === index) pair[1 - side] = pair[side];
    pair[side] = index;
    renderPair();
  }

  function flip() {
    pair.reverse();
    renderPair();
  }

  function renderPair() {
    sides.forEach((side, i) => {
      const { label, source } = shown.entries[pair[i]];
      const image = find(`${side}-image`);
      image.src = source;
      image.alt = `${shown.name}: ${label}`;
      find(`${side}-tag`).textContent = label;
    });
    cards.forEach(({ buttons, card }, index) => {
      buttons.forEach((button, side) => button.setAttribute("aria-pressed", pair[side] === index));
      card.classList.toggle("chosen", pair.includes(index));
    });
    renderBorder();
  }

  /* The cards */

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  function makeCard({ label, note, numbers, source }, index) {
    const image = element("img", {
      src: source, alt: `${shown.name}, ${label}: the part that is looked at`,
      width: shown.width, height: shown.height, draggable: false,
    });
    const window = element("div", { className: "window" }, image);
    const list = element("dl", {}, ...Object.entries(numbers).map(([what, value]) =>
      element("div", {}, element("dt", { textContent: what }), element("dd", { textContent: value }))));
    const buttons = ["Left", "Right"].map((text, side) => {
      const button = element("button", { type: "button", textContent: text });
      button.setAttribute("aria-label", `${label} on the ${sides[side]}`);
      button.addEventListener("click", () => choose(side, index));
      return button;
    });
    const words = element("div", { className: "words" },
      element("h3", { textContent: label }),
      element("p", { className: "soft", textContent: note }));
    if (list.children.length) words.append(list);
    const card = element("li", {}, window, words,
      element("div", { className: "sides" }, ...buttons));
    return { card, window, image, buttons };
  }

  function show(number) {
    shown = JSON.parse(texts[number].textContent);
    pair = [shown.left, shown.right];
    wiped = .5;
    find("name").textContent = shown.name;
    document.title = document.querySelector("h1").textContent;
    find("asked").textContent = shown.asked;
    stage.style.aspectRatio = `${shown.width} / ${shown.height}`;
    for (const side of sides) {
      Object.assign(find(`${side}-image`), { width: shown.width, height: shown.height });
    }
    cards = shown.entries.map(makeCard);
    find("cards").replaceChildren(...cards.map(({ card }) => card));
    renderPair();
    whole();
  }

  /* Mouse and touch: one pointer wipes or moves, two zoom, a click flips */

  const pointers = new Map();
  let dragged = null;  // what the one pointer does: "wipe", "move", or a click so far

  function onStage(event) {
    const box = stage.getBoundingClientRect();
    return { x: event.clientX - box.x, y: event.clientY - box.y };
  }

  function spread() {
    const [a, b] = [...pointers.values()];
    return {
      middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 },
      distance: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)),
    };
  }

  stage.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    border.focus({ preventScroll: true });  // for the keys
    stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, onStage(event));
    const atBorder = border.contains(event.target);
    if (pointers.size > 1) dragged = { how: "zoom" };
    else dragged = { how: "click", then: atBorder || view.zoom === 1 ? "wipe" : "move", atBorder, from: onStage(event) };
  });

  stage.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const now = onStage(event);
    const step = { x: now.x - last.x, y: now.y - last.y };
    if (dragged.how === "click" && Math.hypot(now.x - dragged.from.x, now.y - dragged.from.y) > 4) {
      dragged.how = dragged.then;
      step.x = now.x - dragged.from.x;
      step.y = now.y - dragged.from.y;
    }
    if (dragged.how === "zoom" && pointers.size === 2) {
      const before = spread();
      pointers.set(event.pointerId, now);
      const after = spread();
      moveBy(after.middle.x - before.middle.x, after.middle.y - before.middle.y);
      zoomBy(after.distance / before.distance, after.middle);
    } else if (dragged.how === "click") {
      return;
    } else if (dragged.how === "move") {
      moveBy(step.x, step.y);
    } else if (dragged.how === "wipe") {
      const [from, to] = extent();
      wipeTo(wiped + step.x / (to - from));
    }
    pointers.set(event.pointerId, now);
  });

  for (const type of ["pointerup", "pointercancel"]) {
    stage.addEventListener(type, (event) => {
      if (!pointers.delete(event.pointerId)) return;
      if (type === "pointerup" && dragged.how === "click" && !dragged.atBorder) flip();
      if (dragged.how === "zoom" && pointers.size) dragged = { how: "move" };
    });
  }

  stage.addEventListener("wheel", (event) => {
    // At the whole picture the wheel scrolls the page. A trackpad's pinch has Ctrl.
    if (!event.ctrlKey && !event.metaKey && view.zoom === 1) return;
    event.preventDefault();
    const lines = event.deltaMode ? 16 : 1;
    zoomBy(Math.exp(clamp(-event.deltaY * lines / 300, -.5, .5)), onStage(event));
  }, { passive: false });

  /* Keys */

  const far = .1, near = .02;
  const onBorder = {
    ArrowLeft: () => wipeTo(wiped - near), ArrowDown: () => wipeTo(wiped - near),
    ArrowRight: () => wipeTo(wiped + near), ArrowUp: () => wipeTo(wiped + near),
    PageDown: () => wipeTo(wiped - far), PageUp: () => wipeTo(wiped + far),
    Home: () => wipeTo(0), End: () => wipeTo(1),
    " ": flip, Enter: flip,
  };
  const anywhere = {
    "+": () => zoomBy(1.5), "=": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5),
    0: whole, s: toSpot, S: toSpot, f: flip, F: flip,
  };
  const STEP = 60;
  const shifted = {
    ArrowLeft: () => moveBy(STEP, 0), ArrowRight: () => moveBy(-STEP, 0),
    ArrowUp: () => moveBy(0, STEP), ArrowDown: () => moveBy(0, -STEP),
  };
  find("viewer").addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const here = event.target === border ? onBorder : {};
    const act = (event.shiftKey && shifted[event.key]) || here[event.key] || anywhere[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  for (const [id, act] of Object.entries({
    flip, whole, "to-spot": toSpot, in: () => zoomBy(1.5), out: () => zoomBy(1 / 1.5),
  })) find(id).addEventListener("click", act);

  const chooser = find("picture");
  chooser.append(...texts.map((text, i) => new Option(text.dataset.name, i)));
  chooser.addEventListener("change", () => show(Number(chooser.value)));
  find("chooser").hidden = texts.length === 1;
  new ResizeObserver(() => look(view.x, view.y, view.zoom)).observe(stage);
  show(0);
})();
