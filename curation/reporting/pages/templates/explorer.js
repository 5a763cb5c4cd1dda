"use strict";

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const element = (id) => document.getElementById(id);
  const n = data.names.length;

  // ---- The samples: base64 of little-endian arrays.
  function unpack(text, Kind) {
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let index = 0; index < bytes.length; index++) bytes[index] = binary.charCodeAt(index);
    return new Kind(bytes.buffer);
  }
  const group = unpack(data.group, Uint8Array);
  const iteration = unpack(data.iteration, Int32Array);
  const rank = unpack(data.rank, Int32Array);
  const partner = unpack(data.partner, Int32Array);
  const frame = unpack(data.frame, Int32Array);
  const cell = unpack(data.cell, Int32Array);
  const cellWidth = unpack(data.cellWidth, Uint8Array);
  const cellHeight = unpack(data.cellHeight, Uint8Array);
  const maps = data.maps.map((map) => ({ title: map.title, x: unpack(map.x, Float32Array), y: unpack(map.y, Float32Array) }));
  const scales = data.scales.map((scale) => ({ ...scale, values: unpack(scale.values, Float32Array) }));
  const distance = scales.find((scale) => scale.title === "Distance")?.values ?? new Float32Array(n).fill(NaN);
  const lowerNames = data.names.map((name) => name.toLowerCase());
  const [LEFT, OLD, NEW] = [0, 1, 2];
  const stateWords = ["Not selected", "Selected before", "New: selected in this iteration"];
  const covered = new Map();
  for (let index = 0; index < n; index++) {
    if (group[index] !== LEFT || partner[index] < 0) continue;
    if (!covered.has(partner[index])) covered.set(partner[index], []);
    covered.get(partner[index]).push(index);
  }

  // ---- Writing: text nodes only, and marks that are not seen or turn the direction of writing as their codes.
  const hidden = /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
  const visible = (name) => name.replace(hidden, (mark) => `[U+${mark.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);
  const nameOf = (index) => visible(index < n ? data.names[index] : data.elsewhere[index - n]);
  const count = (number) => number.toLocaleString("en");
  const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;
  const real = (number) => (Number.isNaN(number) ? "–" : Math.abs(number) >= 100 ? number.toFixed(0) : Math.abs(number) >= 10 ? number.toFixed(1) : number.toFixed(3));
  function make(tag, className, ...children) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.append(...children);
    return node;
  }
  const written = (name) => { const node = make("bdi", ""); node.textContent = name; return node; };

  // ---- What points can be coloured and filtered by.
  // Colours of categories: Paul Tol's scheme "muted", made for the colour-blind; iterations go from grey to blue.
  const muted = ["#332288", "#cc6677", "#44aa99", "#ddcc77", "#88ccee", "#882255", "#117733", "#aa4499", "#999933"];
  const others = "#dddddd";
  const ramp = ["#bcd4f6", "#6ea4ee", "#0b62d6", "#083f8c", "#041a3d"];
  const LISTED = 60;
  const rgb = (colour) => [1, 3, 5].map((start) => Number.parseInt(colour.slice(start, start + 2), 16));
  const mix = (from, to, share) => rgb(from).map((value, channel) => Math.round(value + (rgb(to)[channel] - value) * share));
  const hex = (channels) => `#${channels.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
  const packedColour = (channels) => (255 << 24 | channels[2] << 16 | channels[1] << 8 | channels[0]) >>> 0;
  function onRamp(share) {
    const place = Math.min(1, Math.max(0, share)) * (ramp.length - 1);
    const step = Math.min(ramp.length - 2, Math.floor(place));
    return mix(ramp[step], ramp[step + 1], place - step);
  }

  function dimension(title, names, codes, colours, listed) {
    const counts = new Array(names.length).fill(0);
    for (let index = 0; index < n; index++) counts[codes[index]]++;
    return { title, names, codes, colours, counts, listed: listed.filter((code) => counts[code] > 0), on: new Uint8Array(names.length).fill(1) };
  }
  const iterations = [...new Set(iteration)].sort((a, b) => a - b);
  const iterationCode = new Map(iterations.map((value, code) => [value, code]));
  const categoryColours = (names) => names.map((_, code) => muted[code] ?? others);
  const upTo = (names) => names.map((_, code) => code);
  const dimensions = [
    dimension("State", ["Not selected", "Selected before", "New"], group, data.groupColours, [NEW, OLD, LEFT]),
    dimension("Iteration", iterations.map((value) => `Iteration ${value}`), iteration.map((value) => iterationCode.get(value)),
      iterations.map((_, code) => hex(mix("#c3cbd5", "#0b62d6", iterations.length > 1 ? code / (iterations.length - 1) : 1))), upTo(iterations)),
  ];
  if (data.labels.length > 1) dimensions.push(dimension("Weak label", data.labels.map((name) => visible(name) || "(top level)"), unpack(data.label, Int32Array), categoryColours(data.labels), upTo(data.labels)));
  if (data.sources.length > 1) dimensions.push(dimension("Source", data.sources.map(visible), unpack(data.source, Int32Array), categoryColours(data.sources), upTo(data.sources)));
  const sourceNames = data.sources.map(visible);
  const sources = unpack(data.source, Int32Array);
  const labels = unpack(data.label, Int32Array);

  // ---- State of the page.
  let map = maps[0];
  let colouring = dimensions[0];
  const colour = new Uint32Array(n);
  const pale = new Uint32Array(n);
  const shown = new Uint8Array(n);
  let picked = null; // flags of the picked samples, or null
  let hovered = -1;
  let pinned = -1;
  const order = Uint32Array.from({ length: n }, (_, index) => index).sort((a, b) => group[a] - group[b] || a - b);

  // ---- Colours and legend.
  function bounds(values) {
    const sorted = Float32Array.from(values).filter((value) => !Number.isNaN(value)).sort();
    return [sorted[Math.floor(0.02 * (sorted.length - 1))], sorted[Math.ceil(0.98 * (sorted.length - 1))]];
  }
  function recolour() {
    const legend = element("legend");
    legend.replaceChildren();
    if (colouring.codes) {
      const colours = colouring.colours.map(rgb);
      for (let index = 0; index < n; index++) paint(index, colours[colouring.codes[index]]);
      const entries = colouring.listed.filter((code) => colouring.colours[code] !== others).slice(0, 12);
      for (const code of entries) legend.append(make("span", "", dot(colouring.colours[code]), written(colouring.names[code])));
      if (entries.length < colouring.listed.length && colouring.colours.includes(others)) legend.append(make("span", "", dot(others), "others"));
    } else {
      const [low, high] = bounds(colouring.values);
      for (let index = 0; index < n; index++) {
        const value = colouring.values[index];
        paint(index, Number.isNaN(value) ? rgb(others) : onRamp(high > low ? (value - low) / (high - low) : 0.5));
      }
      const bar = make("i", "ramp");
      bar.style.background = `linear-gradient(to right, ${ramp.join(", ")})`;
      legend.append(make("span", "", real(low), bar, real(high)), make("span", "", `${colouring.title}: ${colouring.note}`));
    }
    for (const node of document.querySelectorAll(".filter .dot")) node.hidden = node.dataset.of !== colouring.title;
    redraw();
  }
  function paint(index, channels) {
    colour[index] = packedColour(channels);
    pale[index] = packedColour(channels.map((value) => Math.round(255 - (255 - value) * 0.22)));
  }
  function dot(background) {
    const node = make("i", "dot");
    node.style.background = background;
    return node;
  }

  // ---- Filters.
  function applyFilters() {
    const text = element("search").value.trim().toLowerCase();
    let total = 0;
    for (let index = 0; index < n; index++) {
      let keep = !Number.isNaN(map.x[index]) && (!text || lowerNames[index].includes(text));
      for (const one of dimensions) keep = keep && one.on[one.codes[index]] === 1;
      shown[index] = keep ? 1 : 0;
      total += keep ? 1 : 0;
    }
    element("count").textContent = `${count(total)} of ${plural(n, "sample")} shown`;
    redraw();
    return text;
  }
  function filterBox(one, open) {
    const choices = make("div", "choices");
    const boxes = [];
    const entries = one.listed.slice(0, LISTED).map((code) => ({ codes: [code], name: one.names[code], colour: one.colours[code] }));
    const rest = one.listed.slice(LISTED);
    if (rest.length) entries.push({ codes: rest, name: `${count(rest.length)} more`, colour: others });
    for (const entry of entries) {
      const box = make("input", "");
      box.type = "checkbox";
      box.checked = true;
      box.addEventListener("change", () => { for (const code of entry.codes) one.on[code] = box.checked ? 1 : 0; applyFilters(); });
      boxes.push(box);
      const mark = dot(entry.colour);
      mark.dataset.of = one.title;
      const number = entry.codes.reduce((sum, code) => sum + one.counts[code], 0);
      choices.append(make("label", "", box, mark, make("span", "name", written(entry.name)), make("span", "number", count(number))));
    }
    const every = (checked) => { for (const box of boxes) box.checked = checked; one.on.fill(checked ? 1 : 0); applyFilters(); };
    const all = make("button", "", "all"), none = make("button", "", "none");
    all.type = none.type = "button";
    all.addEventListener("click", () => every(true));
    none.addEventListener("click", () => every(false));
    const details = make("details", "filter", make("summary", "", one.title), choices, make("div", "all-none", all, none));
    details.open = open;
    return details;
  }

  // ---- Drawing: every point is blended into the canvas's pixels with a small mask, at a quarter of a pixel exactly.
  const canvas = element("points"), overlay = element("overlay");
  const context = canvas.getContext("2d"), over = overlay.getContext("2d");
  let view = { x: 0, y: 0, scale: 1 }, home = view;
  let image = null, wanted = false;
  const masks = new Map();
  const SUB = 4;

  function maskOf(radius, ring) {
    const key = `${radius.toFixed(2)} ${ring.toFixed(2)}`;
    if (masks.has(key)) return masks.get(key);
    if (masks.size > 64) masks.clear();
    const all = [];
    const reach = Math.ceil(radius + ring + 1);
    for (let sub = 0; sub < SUB * SUB; sub++) {
      const centreX = (sub % SUB + 0.5) / SUB, centreY = (Math.floor(sub / SUB) + 0.5) / SUB;
      const cells = [];
      for (let y = -reach; y <= reach; y++) {
        for (let x = -reach; x <= reach; x++) {
          const away = Math.hypot(x + 0.5 - centreX, y + 0.5 - centreY);
          const inner = Math.min(1, Math.max(0, radius + 0.5 - away));
          const outer = ring ? Math.min(1, Math.max(0, radius + ring + 0.5 - away)) : 0;
          if (inner > 0 || outer > 0) cells.push(x, y, Math.round(256 * inner), Math.round(256 * outer));
        }
      }
      all.push(Int16Array.from(cells));
    }
    masks.set(key, all);
    return all;
  }

  function place(index) {
    return [overlay.clientWidth / 2 + (map.x[index] - view.x) * view.scale, overlay.clientHeight / 2 - (map.y[index] - view.y) * view.scale];
  }
  function radiusOf(index) {
    const plain = n < 300 ? 4 : n < 3000 ? 3 : n < 15000 ? 2.2 : 1.6;
    const near = Math.min(2.2, Math.max(1, (view.scale / home.scale) ** 0.3));
    return plain * near * (group[index] === NEW ? 1.45 : group[index] === OLD ? 1.15 : 1);
  }
  function redraw() {
    if (wanted) return;
    wanted = true;
    requestAnimationFrame(() => { wanted = false; draw(); drawOver(); });
  }
  function draw() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(canvas.clientWidth * ratio)), height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    if (!image || image.width !== width || image.height !== height) {
      for (const one of [canvas, overlay]) { one.width = width; one.height = height; }
      image = context.createImageData(width, height);
    }
    const bytes = image.data;
    const pixels = new Uint32Array(bytes.buffer);
    pixels.fill(0xffffffff);
    const scale = view.scale * ratio, left = width / 2 - view.x * scale, top = height / 2 + view.y * scale;
    const looks = [LEFT, OLD, NEW].map((kind) => {
      const some = group.indexOf(kind);
      return some < 0 ? null : maskOf(radiusOf(some) * ratio, kind === LEFT ? 0 : (n < 15000 ? 1 : 0.6) * ratio);
    });
    // Picked samples lie above the others, which fade.
    for (const above of picked ? [0, 1] : [1]) {
      for (let at = 0; at < n; at++) {
        const index = order[at];
        if (!shown[index] || (picked && picked[index] !== above)) continue;
        const x = left + map.x[index] * scale, y = top - map.y[index] * scale;
        const column = Math.floor(x), row = Math.floor(y);
        if (column < -12 || row < -12 || column > width + 12 || row > height + 12) continue;
        const value = above ? colour[index] : pale[index];
        const mask = looks[group[index]][Math.floor((y - row) * SUB) * SUB + Math.floor((x - column) * SUB)];
        const red = value & 255, green = value >> 8 & 255, blue = value >> 16 & 255;
        for (let cell = 0; cell < mask.length; cell += 4) {
          const px = column + mask[cell], py = row + mask[cell + 1];
          if (px < 0 || py < 0 || px >= width || py >= height) continue;
          const inner = mask[cell + 2], outer = mask[cell + 3];
          if (inner === 256) { pixels[py * width + px] = value; continue; }
          const at = (py * width + px) * 4;
          for (let channel = 0; channel < 3; channel++) {
            let base = bytes[at + channel];
            base += (255 - base) * outer >> 8;
            bytes[at + channel] = base + (((channel === 0 ? red : channel === 1 ? green : blue) - base) * inner >> 8);
          }
        }
      }
    }
    context.putImageData(image, 0, 0);
  }
  function drawOver() {
    const ratio = window.devicePixelRatio || 1;
    over.setTransform(ratio, 0, 0, ratio, 0, 0);
    over.clearRect(0, 0, overlay.clientWidth, overlay.clientHeight);
    for (const [index, tint] of [[pinned, "#16191d"], [hovered, "#16191d"]]) {
      if (index < 0 || !shown[index]) continue;
      const [x, y] = place(index);
      const other = partner[index];
      if (other >= 0 && other < n && !Number.isNaN(map.x[other])) {
        const [otherX, otherY] = place(other);
        const away = Math.hypot(otherX - x, otherY - y);
        const from = (radiusOf(index) + 3) / away, to = 1 - (radiusOf(other) + 2) / away;
        if (from < to) {
          const line = [from, to].map((share) => [x + share * (otherX - x), y + share * (otherY - y)]);
          stroke(line, "#ffffff", 3.5);
          stroke(line, tint, 1.2);
        }
        circle(otherX, otherY, radiusOf(other) + 2, tint, 1.2);
      }
      circle(x, y, radiusOf(index) + 3, tint, index === pinned ? 2.4 : 1.8);
    }
    if (path && path.length > 1) {
      over.beginPath();
      path.forEach(([x, y], at) => (at ? over.lineTo(x, y) : over.moveTo(x, y)));
      over.closePath();
      over.fillStyle = "rgb(11 98 214 / 10%)";
      over.fill();
      over.lineWidth = 1.5;
      over.strokeStyle = "#0b62d6";
      over.stroke();
    }
  }
  function stroke(points, tint, width) {
    over.beginPath();
    over.moveTo(...points[0]);
    over.lineTo(...points[1]);
    over.lineWidth = width;
    over.strokeStyle = tint;
    over.stroke();
  }
  function circle(x, y, radius, tint, width) {
    over.beginPath();
    over.arc(x, y, radius, 0, 2 * Math.PI);
    over.lineWidth = width;
    over.strokeStyle = tint;
    over.stroke();
  }

  function findHome() {
    let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let index = 0; index < n; index++) {
      if (Number.isNaN(map.x[index])) continue;
      left = Math.min(left, map.x[index]);
      right = Math.max(right, map.x[index]);
      bottom = Math.min(bottom, map.y[index]);
      top = Math.max(top, map.y[index]);
    }
    if (left > right) [left, right, bottom, top] = [0, 1, 0, 1];
    const scale = 0.92 * Math.min(overlay.clientWidth / Math.max(right - left, 1e-9), overlay.clientHeight / Math.max(top - bottom, 1e-9));
    home = { x: (left + right) / 2, y: (bottom + top) / 2, scale };
    view = { ...home };
  }
  function zoom(factor, x = overlay.clientWidth / 2, y = overlay.clientHeight / 2) {
    const scale = Math.min(1e4 * home.scale, Math.max(0.2 * home.scale, view.scale * factor));
    const dx = x - overlay.clientWidth / 2, dy = overlay.clientHeight / 2 - y;
    view = { x: view.x + dx / view.scale - dx / scale, y: view.y + dy / view.scale - dy / scale, scale };
    redraw();
  }

  // ---- Pictures: cells of sheets, which are decoded when first needed.
  const sheetImages = new Map();
  function sheetOf(index) {
    const number = Math.floor(cell[index] / (data.sheetColumns * data.sheetColumns));
    if (!sheetImages.has(number)) {
      const sheet = new Image();
      sheet.src = `data:image/webp;base64,${data.sheets[number]}`;
      sheetImages.set(number, sheet.decode().then(() => sheet));
    }
    return sheetImages.get(number);
  }
  function picture(index) {
    const box = make("div", "picture");
    if (index >= n || cell[index] < 0) {
      box.textContent = "No picture in this page";
      return box;
    }
    const sheet = make("canvas", "");
    const [width, height] = [cellWidth[index], cellHeight[index]];
    sheet.width = width;
    sheet.height = height;
    sheet.className = width * 3 > height * 4 ? "wide" : "tall";
    sheet.setAttribute("role", "img");
    sheet.setAttribute("aria-label", nameOf(index));
    const at = cell[index] % (data.sheetColumns * data.sheetColumns);
    sheetOf(index).then((source) => {
      sheet.getContext("2d").drawImage(
        source, at % data.sheetColumns * data.cellSide, Math.floor(at / data.sheetColumns) * data.cellSide, width, height, 0, 0, width, height);
    });
    box.append(sheet);
    return box;
  }

  // ---- One sample.
  function state(index) {
    return make("span", "state", dot(data.groupColours[group[index]]), group[index] === OLD ? `Selected in iteration ${iteration[index]}` : stateWords[group[index]]);
  }
  function brief(index) {
    if (index >= n) return "not on this page";
    const away = Number.isNaN(distance[index]) ? "" : `, ${real(distance[index])}`;
    return group[index] === LEFT ? `not selected${away}` : `${group[index] === NEW ? "new" : `iteration ${iteration[index]}`}, rank ${rank[index] + 1}${away}`;
  }
  function showCard(index, x, y) {
    const card = element("card");
    card.hidden = index < 0;
    if (index < 0) return;
    card.replaceChildren(picture(index), written(nameOf(index)), make("div", "muted", brief(index)));
    const right = x + 18 + card.offsetWidth > overlay.clientWidth;
    card.style.left = `${Math.max(0, right ? x - 18 - card.offsetWidth : x + 18)}px`;
    card.style.top = `${Math.max(0, Math.min(overlay.clientHeight - card.offsetHeight, y - card.offsetHeight / 2))}px`;
  }
  function tile(index) {
    const button = make("button", `tile-button ${index < n ? ["", "old", "new"][group[index]] : ""}`, picture(index), written(nameOf(index)), make("div", "muted", brief(index)));
    button.type = "button";
    button.disabled = index >= n;
    button.addEventListener("click", () => pin(index));
    button.addEventListener("pointerenter", () => { if (index < n) { hovered = index; drawOver(); } });
    button.addEventListener("pointerleave", () => { hovered = -1; drawOver(); });
    return button;
  }
  function pin(index) {
    pinned = index;
    showDetail();
    drawOver();
  }
  function showDetail() {
    const box = element("detail");
    if (pinned < 0) {
      box.replaceChildren(make("p", "empty", "Click a point or a picture: its rank, its distance and the sample that covers it appear here."));
      return;
    }
    const index = pinned;
    const table = make("table", "facts");
    const fact = (title, value) => table.append(make("tr", "", make("th", "", title), make("td", "", value)));
    if (group[index] === LEFT) {
      fact("Distance to its cover", real(distance[index]));
      fact("Processed in iteration", String(iteration[index]));
    } else {
      fact("Rank", count(rank[index] + 1));
      fact("Distance when picked", real(distance[index]));
      fact("Iteration", String(iteration[index]));
      const those = covered.get(index) ?? [];
      const button = make("button", "text-button", plural(those.length, "sample"));
      button.type = "button";
      button.addEventListener("click", () => pick(those, `${plural(those.length, "sample")} covered by ${nameOf(index)}`));
      fact("Covers", those.length ? button : "no other sample");
    }
    if (data.labels.length > 1) fact("Weak label", written(visible(data.labels[labels[index]]) || "(top level)"));
    fact("Source", written(sourceNames[sources[index]]));
    for (const scale of scales) {
      const value = scale.values[index];
      if (scale.values === distance || Number.isNaN(value)) continue;
      if (scale.title.startsWith("Time")) fact("Frame, time", `${count(frame[index])}, ${value.toFixed(2)} s`);
      else fact(scale.title, real(value));
    }
    const title = make("h2", "", written(nameOf(index)));
    box.replaceChildren(picture(index), title, state(index), table);
    if (partner[index] >= 0) {
      box.append(make("h3", "", group[index] === LEFT ? "Covered by" : "Nearest sample selected before it"), tile(partner[index]));
    }
  }

  // ---- Several samples.
  const STEP = 60;
  let listed = [], title = "", tilesShown = 0;
  function pick(indices, words) {
    const key = (index) => (group[index] === LEFT ? 2 : group[index] === NEW ? 0 : 1);
    listed = [...indices].sort((a, b) => key(a) - key(b) || (key(a) < 2 ? rank[a] - rank[b] : distance[b] - distance[a]) || a - b);
    title = words;
    picked = new Uint8Array(n);
    for (const index of listed) picked[index] = 1;
    tilesShown = 0;
    element("tiles").replaceChildren();
    element("picked-title").textContent = title;
    element("picked").hidden = false;
    showMore();
    redraw();
  }
  function showMore() {
    for (const index of listed.slice(tilesShown, tilesShown + STEP)) element("tiles").append(tile(index));
    tilesShown = Math.min(listed.length, tilesShown + STEP);
    element("more").hidden = tilesShown >= listed.length;
    element("more").textContent = `Show more of the other ${count(listed.length - tilesShown)}`;
  }
  function clearPicked() {
    picked = null;
    listed = [];
    element("picked").hidden = true;
    redraw();
  }
  function saveNames() {
    const address = URL.createObjectURL(new Blob([listed.map((index) => `${data.names[index]}\n`).join("")], { type: "text/plain" }));
    const link = make("a", "");
    link.href = address;
    link.download = "picked_filenames.txt";
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  }

  // ---- The pointer.
  let path = null, drag = null;
  const pointers = new Map();
  const tool = () => document.querySelector("input[name=tool]:checked").value;

  function nearest(x, y) {
    let best = -1, least = 14 * 14;
    for (let at = n - 1; at >= 0; at--) {
      const index = order[at];
      if (!shown[index]) continue;
      const dx = overlay.clientWidth / 2 + (map.x[index] - view.x) * view.scale - x;
      const dy = overlay.clientHeight / 2 - (map.y[index] - view.y) * view.scale - y;
      const squared = dx * dx + dy * dy;
      if (squared < least) { best = index; least = squared; }
    }
    return best;
  }
  function inside(x, y, corners) {
    let odd = false;
    for (let at = 0, before = corners.length - 1; at < corners.length; before = at++) {
      const [x1, y1] = corners[at], [x2, y2] = corners[before];
      if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) odd = !odd;
    }
    return odd;
  }
  function pickInside(corners, words) {
    const xs = corners.map(([x]) => x), ys = corners.map(([, y]) => y);
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const found = [];
    for (let index = 0; index < n; index++) {
      if (!shown[index]) continue;
      const [x, y] = place(index);
      if (x >= left && x <= right && y >= top && y <= bottom && inside(x, y, corners)) found.push(index);
    }
    if (found.length) pick(found, `${plural(found.length, "sample")} in the ${words}`);
    else clearPicked();
  }
  overlay.addEventListener("pointerdown", (event) => {
    overlay.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
    const kind = event.shiftKey ? "lasso" : tool();
    drag = { kind, x: event.offsetX, y: event.offsetY, view: { ...view }, moved: false };
    if (kind !== "move") path = [[event.offsetX, event.offsetY]];
  });
  overlay.addEventListener("pointermove", (event) => {
    const [x, y] = [event.offsetX, event.offsetY];
    if (pointers.has(event.pointerId) && pointers.size === 2) {
      const before = [...pointers.values()];
      pointers.set(event.pointerId, [x, y]);
      const after = [...pointers.values()];
      const span = ([[x1, y1], [x2, y2]]) => Math.hypot(x1 - x2, y1 - y2);
      path = null;
      if (drag) drag.moved = true;
      zoom(span(after) / Math.max(1, span(before)), (after[0][0] + after[1][0]) / 2, (after[0][1] + after[1][1]) / 2);
      if (drag) drag = { ...drag, kind: "pinch" };
      return;
    }
    if (!drag) {
      const found = nearest(x, y);
      if (found !== hovered || found >= 0) { if (found !== hovered) { hovered = found; drawOver(); } showCard(found, x, y); }
      return;
    }
    drag.moved ||= Math.hypot(x - drag.x, y - drag.y) > 4;
    if (!drag.moved) return;
    hovered = -1;
    showCard(-1);
    if (drag.kind === "move") {
      view.x = drag.view.x - (x - drag.x) / view.scale;
      view.y = drag.view.y + (y - drag.y) / view.scale;
      redraw();
    } else if (drag.kind === "box") {
      path = [[drag.x, drag.y], [x, drag.y], [x, y], [drag.x, y]];
      drawOver();
    } else if (drag.kind === "lasso") {
      path.push([x, y]);
      drawOver();
    }
  });
  function lift(event) {
    pointers.delete(event.pointerId);
    if (!drag) return;
    const { kind, moved } = drag;
    const corners = path;
    path = null;
    if (pointers.size === 0) drag = null;
    if (event.type === "pointercancel" || kind === "pinch") return;
    if (!moved) { hovered = -1; showCard(-1); pin(nearest(event.offsetX, event.offsetY)); }
    else if (kind !== "move" && corners && corners.length > 2) pickInside(corners, kind);
    drawOver();
  }
  overlay.addEventListener("pointerup", lift);
  overlay.addEventListener("pointercancel", lift);
  overlay.addEventListener("pointerleave", () => { if (!drag) { hovered = -1; showCard(-1); drawOver(); } });
  overlay.addEventListener("wheel", (event) => {
    event.preventDefault();
    const step = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    zoom(Math.exp(-Math.max(-80, Math.min(80, step)) * (event.ctrlKey ? 0.01 : 0.003)), event.offsetX, event.offsetY);
  }, { passive: false });
  overlay.addEventListener("dblclick", () => { view = { ...home }; redraw(); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    clearPicked();
    pin(-1);
  });

  // ---- Controls.
  const option = (text, value) => { const node = make("option", ""); node.textContent = text; node.value = value; return node; };
  maps.forEach((one, at) => element("map-choice").append(option(one.title, at)));
  [...dimensions, ...scales].forEach((one, at) => element("colour-choice").append(option(one.title, at)));
  element("map-choice").addEventListener("change", (event) => { map = maps[event.target.value]; hovered = -1; showCard(-1); findHome(); applyFilters(); });
  element("colour-choice").addEventListener("change", (event) => { colouring = [...dimensions, ...scales][event.target.value]; recolour(); });
  element("search").addEventListener("input", () => {
    const text = applyFilters();
    if (!text) { clearPicked(); return; }
    const found = [];
    for (let index = 0; index < n; index++) if (lowerNames[index].includes(text)) found.push(index);
    pick(found, `${plural(found.length, "sample")} whose name contains “${visible(text)}”`);
  });
  element("zoom-in").addEventListener("click", () => zoom(1.5));
  element("zoom-out").addEventListener("click", () => zoom(1 / 1.5));
  element("reset").addEventListener("click", () => { view = { ...home }; redraw(); });
  element("more").addEventListener("click", showMore);
  element("clear").addEventListener("click", () => { element("search").value = ""; applyFilters(); clearPicked(); });
  element("download").addEventListener("click", saveNames);
  dimensions.forEach((one, at) => element("filters").append(filterBox(one, at < 2)));
  new ResizeObserver(() => { const before = home.scale; const zoomed = view.scale / before; const { x, y } = view; findHome(); view = zoomed === 1 ? view : { x, y, scale: home.scale * zoomed }; redraw(); }).observe(overlay);
  findHome();
  applyFilters();
  recolour();
  showDetail();
})();
