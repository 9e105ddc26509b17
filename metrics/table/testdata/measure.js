// Measures the pages in the frames beside it, and writes what it found as JSON.
addEventListener("load", () => {
  const frames = [...document.querySelectorAll("iframe")];
  document.querySelector("pre").textContent = JSON.stringify(frames.map((frame) => measure(frame.name, frame.contentWindow)));
});

function measure(page, view) {
  const doc = view.document, box = doc.querySelector(".wide"), table = doc.querySelector("table.report");
  const row = table.tBodies[0].rows[0], rect = (e) => e.getBoundingClientRect();
  const found = {
    page, width: view.innerWidth, scrollWidth: doc.documentElement.scrollWidth,
    left: Math.min(...[...row.cells].map((c) => rect(c).left)), right: Math.max(...[...row.cells].map((c) => rect(c).right)),
    boxWidth: box.clientWidth, boxScroll: box.scrollWidth, colours: {},
  };

  // Columns and header stay while the table moves below them, in its box or with the page.
  found.firstBefore = rect(row.cells[0]).left;
  found.headBefore = rect(table.tHead).top;
  box.scrollLeft = 250;
  found.firstAfter = rect(row.cells[0]).left;
  found.modelAfter = rect(row.cells[2]).right;
  box.scrollTop = 300;
  const scrolls = view.getComputedStyle(box).overflowY === "auto";
  if (!scrolls) view.scrollTo(0, table.rows.length > 20 ? 2000 : 0);
  found.headAfter = rect(table.tHead).top - (scrolls ? rect(box).top : 0);
  view.scrollTo(0, 0);
  box.scrollTo(0, 0);

  for (const what of ["body", "header p", "td.good", "td.bad", "td.none", "td.pub", "td.by", "th.model", "th.model small", "thead th",
    ".legend", ".legend .fair", "a", ".chips button"]) {
    const e = doc.querySelector(what);
    if (!e) continue;
    let under = e;
    while (view.getComputedStyle(under).backgroundColor === "rgba(0, 0, 0, 0)" && under !== doc.body) under = under.parentElement;
    found.colours[what] = [view.getComputedStyle(e).color, view.getComputedStyle(under).backgroundColor];
  }

  const buttons = [...table.tHead.querySelectorAll("th button")];
  const heading = doc.querySelector('th[title^="parameters"][title$="ours"]'), ours = heading.querySelector("button");
  found.buttons = buttons.length;
  found.tabbable = buttons.filter((b) => { b.focus(); return doc.activeElement === b; }).length;
  found.aria = [];
  const began = performance.now();
  for (let i = 0; i < 3; i++) {
    ours.click();
    found.aria.push(heading.getAttribute("aria-sort"));
    rect(table);
    if (i === 0) found.sorted = [...table.tBodies[0].rows].map((r) => r.querySelectorAll("td.right")[1].textContent);
  }

  found.milliseconds = performance.now() - began;

  const chip = doc.querySelector('[data-verdict="differs"]');
  if (chip) {
    chip.click();
    found.filtered = [...table.tBodies[0].rows].filter((r) => rect(r).height > 0).length;
    chip.click();
  }

  const frames = [...doc.querySelectorAll("rect.frame")].map(rect), names = [...doc.querySelectorAll("text.name")];
  const over = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const inside = (a, b) => a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom;
  found.outside = names.filter((n) => !frames.some((f) => inside(rect(n), f))).map((n) => n.textContent);
  found.overlaps = names.filter((n, i) => names.slice(0, i).some((m) => over(rect(n), rect(m)))).map((n) => n.textContent);
  return found;
}
