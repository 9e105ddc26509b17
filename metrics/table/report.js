
"use strict";
// Without this the page is complete; with it, tables are sorted by their headings and the
// first is filtered by text and verdict.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0], rows = [...body.rows];
  const headings = columns(table.tHead);
  headings.forEach((th, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "sort by " + (th.title || th.textContent.trim());
    button.append(...th.childNodes);
    th.append(button);
    th.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const next = { none: "ascending", ascending: "descending", descending: "none" }[th.getAttribute("aria-sort")];
      for (const other of headings) other.setAttribute("aria-sort", "none");
      th.setAttribute("aria-sort", next);
      body.append(...(next === "none" ? rows : sorted(rows, column, next === "ascending" ? 1 : -1)));
    });
  });
}

// columns returns the heading of each column, of whatever line of a head.
function columns(head) {
  const found = [], taken = [...head.rows].map(() => []);
  [...head.rows].forEach((row, line) => {
    let at = 0;
    for (const th of row.cells) {
      while (taken[line][at]) at++;
      for (let x = at; x < at + th.colSpan; x++)
        for (let y = line; y < line + th.rowSpan; y++) taken[y][x] = true;
      if (th.colSpan === 1) found[at] = th;
      at += th.colSpan;
    }
  });
  return found;
}

// sorted returns rows by a column: numbers as numbers, and what is absent always last.
function sorted(rows, column, sign) {
  const key = (row) => {
    const cell = row.cells[column], text = cell.dataset.sort || cell.textContent.trim();
    return /^[0-9]/.test(text) && (cell.dataset.sort || cell.classList.contains("right")) ? parseFloat(text) : text;
  };
  const absent = (k) => k === "" || k === "–" || k === "-";
  const keyed = rows.map((row) => [key(row), row]);
  keyed.sort(([a], [b]) => absent(a) - absent(b) ||
    sign * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true })));
  return keyed.map(([, row]) => row);
}

const tools = document.querySelector(".tools"), text = tools.querySelector("input"), output = tools.querySelector("output");
const chips = [...tools.querySelectorAll("[data-verdict]")];
const lines = [...document.querySelector("table.report").tBodies[0].rows].map((row) =>
  ({ row, text: row.textContent.toLowerCase(), verdicts: row.dataset.verdicts.split(",") }));
const others = [...document.querySelector("table.exact").tBodies[0].rows];

// filter shows the rows that have every word and, where some are chosen, one of the verdicts.
function filter() {
  const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = chips.filter((c) => c.getAttribute("aria-pressed") === "true").map((c) => c.dataset.verdict);
  let shown = 0;
  lines.forEach((line, i) => {
    const show = words.every((w) => line.text.includes(w)) && (chosen.length === 0 || line.verdicts.some((v) => chosen.includes(v)));
    line.row.hidden = others[i].hidden = !show;
    shown += show;
  });
  output.textContent = shown === lines.length ? "" : shown + " of " + lines.length + " shown";
}
tools.addEventListener("submit", (event) => event.preventDefault());
text.addEventListener("input", filter);
for (const chip of chips) chip.addEventListener("click", () => {
  chip.setAttribute("aria-pressed", chip.getAttribute("aria-pressed") !== "true");
  filter();
});
tools.hidden = false;
filter(); // a reloaded page keeps its text
