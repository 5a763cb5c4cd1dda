"use strict";
const boxes = [...document.querySelectorAll("input[type=checkbox]")];
// What earlier reviews dropped is in no selection any more, and stays dropped.
const carried = [...document.querySelectorAll("input.carried")];
const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
function decisions() {
  const lines = [
    ...carried.map((former) => `${quoted(former.value)},drop\n`),
    ...boxes.map((box) => `${quoted(box.value)},${box.checked ? "drop" : "keep"}\n`),
  ];
  return `filename,decision\n${lines.join("")}`;
}
function count() {
  const dropped = boxes.filter((box) => box.checked).length;
  document.getElementById("count").textContent = `${dropped} of ${boxes.length} dropped`;
}
document.addEventListener("change", count);
document.getElementById("save").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([decisions()], { type: "text/csv" }));
  link.download = "review.csv";
  link.click();
});
count();
