"use strict";

// Gallery: show the pictures whose name contains the text.
(() => {
  const input = document.getElementById("filter");
  if (!input) return;
  const thumbs = [...document.querySelectorAll(".thumb")];
  const found = document.getElementById("filter-count");
  input.addEventListener("input", () => {
    const text = input.value.toLowerCase();
    let shown = 0;
    for (const thumb of thumbs) {
      thumb.hidden = !thumb.dataset.name.toLowerCase().includes(text);
      shown += thumb.hidden ? 0 : 1;
    }
    found.textContent = text ? `${shown} of ${thumbs.length}` : "";
  });
})();

// Tables: a click on a heading sorts by its column.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  const key = (row, column) => {
    const text = row.cells[column].textContent.trim();
    const number = Number.parseFloat(text.replace(/,/g, ""));
    return headings[column].classList.contains("num") ? (Number.isNaN(number) ? -1 : number) : text;
  };
  headings.forEach((heading, column) => {
    if (heading.classList.contains("w-line")) return;
    heading.tabIndex = 0;
    const sort = () => {
      const ascending = heading.getAttribute("aria-sort") === "descending" || (!heading.hasAttribute("aria-sort") && !heading.classList.contains("num"));
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows].map((row) => [key(row, column), row]);
      rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (ascending ? 1 : -1));
      table.tBodies[0].append(...rows.map(([, row]) => row));
    };
    heading.addEventListener("click", sort);
    heading.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
  });
}

// Map: drawn on a canvas; hovering names a sample, the legend switches groups, wheel and drag zoom and move.
(() => {
  const data = JSON.parse(document.getElementById("map-data").textContent);
  const box = document.getElementById("map");
  const canvas = box.querySelector("canvas");
  const name = document.getElementById("map-name");
  const n = data.x.length;
  if (n === 0) return;
  document.getElementById("map-static").hidden = true;
  box.hidden = false;

  const visible = data.groups.map(() => true);
  const legend = document.createElement("div");
  legend.className = "legend";
  data.groups.forEach((group, index) => {
    const total = data.group.filter((value) => value === index).length;
    if (total === 0) return;
    const label = document.createElement("label");
    const check = document.createElement("input");
    check.type = "checkbox";
    check.checked = true;
    check.addEventListener("change", () => { visible[index] = check.checked; draw(); });
    const dot = document.createElement("i");
    dot.style.background = data.colours[index];
    label.append(check, dot, `${group[0].toUpperCase()}${group.slice(1)} (${total.toLocaleString("en")})`);
    legend.append(label);
  });
  box.prepend(legend);
  const hint = "Point at a sample for its name; wheel or pinch to zoom, drag to move, double click to reset.";
  name.textContent = hint;
  name.className = "muted";

  const extent = (values) => values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
  const [left, right] = extent(data.x);
  const [bottom, top] = extent(data.y);
  const span = Math.max(right - left, top - bottom, 1e-9) * 1.1;
  const home = { x: (left + right) / 2, y: (bottom + top) / 2, span };
  let view = { ...home };
  let hovered = -1;

  const scale = () => Math.min(canvas.clientWidth, canvas.clientHeight) / view.span;
  const place = (index) => [
    canvas.clientWidth / 2 + (data.x[index] - view.x) * scale(),
    canvas.clientHeight / 2 - (data.y[index] - view.y) * scale(),
  ];
  const radius = (index) => (data.group[index] === 2 ? 1.35 : 1) * (n < 200 ? 4 : n < 3000 ? 3 : 2.2);

  function draw() {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    for (let index = 0; index < n; index++) {
      if (!visible[data.group[index]]) continue;
      const [x, y] = place(index);
      context.beginPath();
      context.arc(x, y, radius(index), 0, 2 * Math.PI);
      context.fillStyle = data.colours[data.group[index]];
      context.fill();
      if (data.group[index] > 0) { context.lineWidth = 0.8; context.strokeStyle = "#fff"; context.stroke(); }
    }
    if (hovered >= 0) {
      const [x, y] = place(hovered);
      context.beginPath();
      context.arc(x, y, radius(hovered) + 3, 0, 2 * Math.PI);
      context.lineWidth = 2;
      context.strokeStyle = "#16191d";
      context.stroke();
    }
  }

  function nearest(x, y) {
    let best = -1, distance = 15 * 15;
    for (let index = 0; index < n; index++) {
      if (!visible[data.group[index]]) continue;
      const [px, py] = place(index);
      const squared = (px - x) ** 2 + (py - y) ** 2;
      if (squared <= distance) { best = index; distance = squared; }
    }
    return best;
  }

  let drag = null;
  canvas.addEventListener("pointerdown", (event) => { drag = { x: event.offsetX, y: event.offsetY, view: { ...view } }; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointerup", () => { drag = null; });
  canvas.addEventListener("pointermove", (event) => {
    if (drag) {
      view.x = drag.view.x - (event.offsetX - drag.x) / scale();
      view.y = drag.view.y + (event.offsetY - drag.y) / scale();
      draw();
      return;
    }
    const found = nearest(event.offsetX, event.offsetY);
    if (found === hovered) return;
    hovered = found;
    name.className = found < 0 ? "muted" : "";
    name.textContent = found < 0 ? hint : `${data.name[found]} (${data.groups[data.group[found]]})`;
    draw();
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const factor = Math.exp(Math.max(-50, Math.min(50, event.deltaY)) * 0.004);
    const dx = (event.offsetX - canvas.clientWidth / 2) / scale(), dy = (canvas.clientHeight / 2 - event.offsetY) / scale();
    view = { x: view.x + dx * (1 - factor), y: view.y + dy * (1 - factor), span: view.span * factor };
    draw();
  }, { passive: false });
  canvas.addEventListener("dblclick", () => { view = { ...home }; draw(); });
  window.addEventListener("resize", draw);
  draw();
})();
