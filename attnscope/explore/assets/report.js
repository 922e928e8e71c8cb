"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const svg = document.getElementById("front"), tip = document.getElementById("tip");
  const ns = "http://www.w3.org/2000/svg", width = 960, height = 480;
  const box = { left: 84, right: 18, top: 14, bottom: 50 };
  const colours = ["#4f7cac", "#b5482a", "#5d8a4a", "#8a5a99", "#c49a2c", "#3a8f8f", "#7a6a58", "#d0708f"];
  const choose = (id) => document.getElementById(id);
  const names = data.columns, x = choose("x"), y = choose("y");
  for (const name of names) for (const select of [x, y]) select.add(new Option(name, name));
  x.value = data.objectives[0]; y.value = data.objectives[1] || names.find((n) => n !== x.value);
  let view = null;

  const make = (tag, attributes, parent) => {
    const node = document.createElementNS(ns, tag);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    parent.appendChild(node);
    return node;
  };
  const column = (points, name) => points.map((p) => p[names.indexOf(name)]);
  const span = (name) => {
    const all = [...column(data.front, name), ...column(data.sample, name)].filter((v) => v !== null);
    let low = Infinity, high = -Infinity;
    for (const v of all) { if (v < low) low = v; if (v > high) high = v; }
    const log = low > 0 && high / low > 20;
    const to = log ? Math.log10 : (v) => v;
    const pad = (to(high) - to(low) || 1) * 0.05;
    return { log, to, low: to(low) - pad, high: to(high) + pad };
  };
  const short = (v) => {
    if (v === null) return "";
    if (typeof v !== "number") return v;
    const a = Math.abs(v);
    return a !== 0 && (a < 1e-3 || a >= 1e6) ? v.toExponential(3) : String(Number(v.toPrecision(5)));
  };
  const ticks = (axis) => {
    const out = [];
    if (axis.log && axis.high - axis.low > 1) {
      for (let e = Math.ceil(axis.low); e <= axis.high; e++) out.push([e, short(10 ** e)]);
      return out;
    }
    const raw = (axis.high - axis.low) / 6, base = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((k) => k * base).find((k) => k >= raw);
    for (let v = Math.ceil(axis.low / step) * step; v <= axis.high; v += step) {
      out.push([v, short(axis.log ? 10 ** v : Number(v.toPrecision(12)))]);
    }
    return out;
  };

  const draw = () => {
    svg.replaceChildren();
    const px = (v) => box.left + (view.x.to(v) - view.x.low) / (view.x.high - view.x.low) * (width - box.left - box.right);
    const py = (v) => height - box.bottom - (view.y.to(v) - view.y.low) / (view.y.high - view.y.low) * (height - box.top - box.bottom);
    const clip = make("clipPath", { id: "clip" }, svg);
    make("rect", { x: box.left, y: box.top, width: width - box.left - box.right, height: height - box.top - box.bottom }, clip);
    for (const [v, label] of ticks(view.x)) {
      const at = box.left + (v - view.x.low) / (view.x.high - view.x.low) * (width - box.left - box.right);
      make("line", { class: "grid", x1: at, x2: at, y1: box.top, y2: height - box.bottom }, svg);
      make("text", { x: at, y: height - box.bottom + 18, "text-anchor": "middle" }, svg).textContent = label;
    }
    for (const [v, label] of ticks(view.y)) {
      const at = height - box.bottom - (v - view.y.low) / (view.y.high - view.y.low) * (height - box.top - box.bottom);
      make("line", { class: "grid", x1: box.left, x2: width - box.right, y1: at, y2: at }, svg);
      make("text", { x: box.left - 8, y: at + 4, "text-anchor": "end" }, svg).textContent = label;
    }
    make("text", { x: (box.left + width) / 2, y: height - 10, "text-anchor": "middle" }, svg).textContent = x.value;
    make("text", { transform: `translate(16 ${height / 2}) rotate(-90)`, "text-anchor": "middle" }, svg).textContent = y.value;
    const layer = make("g", { "clip-path": "url(#clip)" }, svg), ix = names.indexOf(x.value), iy = names.indexOf(y.value);
    for (const p of data.sample) {
      if (p[ix] !== null && p[iy] !== null) make("circle", { class: "back", cx: px(p[ix]), cy: py(p[iy]), r: 2 }, layer);
    }
    data.front.forEach((p, i) => {
      const kind = data.kinds[i];
      const dot = make("circle", { class: "point", cx: px(p[ix]), cy: py(p[iy]), r: 5, fill: colours[kind % colours.length], "data-i": i }, layer);
      dot.addEventListener("pointerenter", (e) => show(i, e));
      dot.addEventListener("pointerleave", hide);
    });
  };
  const rows = () => document.querySelectorAll("tr[data-i]");
  const show = (i, event) => {
    tip.textContent = data.labels[i];
    tip.style.left = Math.min(event.clientX + 14, innerWidth - 320) + "px";
    tip.style.top = event.clientY + 14 + "px";
    tip.style.visibility = "visible";
    mark(i);
  };
  const mark = (i) => {
    svg.querySelectorAll(".point").forEach((dot) => dot.classList.toggle("hot", Number(dot.dataset.i) === i));
    rows().forEach((row) => row.classList.toggle("hot", Number(row.dataset.i) === i));
  };
  const hide = () => { tip.style.visibility = "hidden"; mark(-1); };
  const reset = () => { view = { x: span(x.value), y: span(y.value) }; draw(); };
  const at = (event) => {
    const r = svg.getBoundingClientRect(), sx = (event.clientX - r.left) / r.width * width, sy = (event.clientY - r.top) / r.height * height;
    return [(sx - box.left) / (width - box.left - box.right), 1 - (sy - box.top) / (height - box.top - box.bottom)];
  };
  const zoom = (axis, centre, factor) => {
    const c = axis.low + centre * (axis.high - axis.low);
    axis.low = c - (c - axis.low) * factor; axis.high = c + (axis.high - c) * factor;
  };
  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [cx, cy] = at(event), factor = event.deltaY > 0 ? 1.2 : 1 / 1.2;
    zoom(view.x, cx, factor); zoom(view.y, cy, factor); draw();
  }, { passive: false });
  let from = null;
  svg.addEventListener("pointerdown", (event) => { from = at(event); });
  addEventListener("pointerup", () => { from = null; });
  svg.addEventListener("pointermove", (event) => {
    if (!from) return;
    const now = at(event), dx = (from[0] - now[0]) * (view.x.high - view.x.low), dy = (from[1] - now[1]) * (view.y.high - view.y.low);
    view.x.low += dx; view.x.high += dx; view.y.low += dy; view.y.high += dy;
    from = now; draw();
  });
  svg.addEventListener("dblclick", reset);
  choose("reset").addEventListener("click", reset);
  x.addEventListener("change", reset); y.addEventListener("change", reset);
  rows().forEach((row) => {
    row.addEventListener("pointerenter", () => mark(Number(row.dataset.i)));
    row.addEventListener("pointerleave", () => mark(-1));
  });
  reset();
})();
