// Sorts and filters tables, and opens the folded section that a link leads to. The page is complete without it.
"use strict";
const UNITS = { s: 1, min: 60, h: 3600, MB: 1, GB: 1000 };
const magnitude = (text) => {
  const plain = text.replace(/−/g, "-").replace(/,/g, "");
  const found = [...plain.matchAll(/(\d[\d.]*) (s|min|h|MB|GB)\b/g)];
  if (found.length) return found.reduce((sum, [, number, unit]) => sum + number * UNITS[unit], 0);
  const first = plain.match(/^[<±+]?(-?[\d.]+)/);
  return first ? Number(first[1]) : NaN;
};
const compare = (numeric, sign) => (one, other) => {
  if (!numeric) return sign * one.text.localeCompare(other.text, "en", { numeric: true });
  const [a, b] = [magnitude(one.text), magnitude(other.text)];
  return Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : Number.isNaN(b) ? -1 : sign * (a - b);
};
const sort = (table, column, numeric, sign) => {
  for (const body of table.tBodies) {
    const rows = [...body.rows].filter((row) => row.cells.length > 1);
    const keyed = rows.map((row) => ({ row, text: row.cells[column].textContent.trim() }));
    keyed.sort(compare(numeric, sign)).forEach(({ row }) => body.append(row));
    body.classList.add("sorted");
  }
};
const filter = (table, words, status) => {
  let shown = 0;
  for (const body of table.tBodies) {
    const label = body.rows[0]?.cells.length === 1 ? body.rows[0].textContent : "";
    for (const row of body.rows) {
      const text = `${label} ${row.textContent}`.toLowerCase();
      row.hidden = row.cells.length > 1 && !words.every((word) => text.includes(word));
      shown += row.cells.length > 1 && !row.hidden;
    }
    body.hidden = [...body.rows].every((row) => row.hidden || row.cells.length === 1);
  }
  status.textContent = words.length ? `${shown} ${shown === 1 ? "row" : "rows"}` : "";
};
const FEWEST_TO_FILTER = 8;
for (const table of document.querySelectorAll(".tabular table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    const term = head.querySelector("a.term");
    if (term) { term.textContent = "?"; term.setAttribute("aria-label", `meaning of ${button.textContent}`); }
    head.replaceChildren(button, ...(term ? [" ", term] : []));
    button.addEventListener("click", () => {
      const numeric = head.classList.contains("n");
      const was = head.getAttribute("aria-sort");
      const down = was ? was === "ascending" : numeric;
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      sort(table, column, numeric, down ? -1 : 1);
    });
  });
  const rows = [...table.tBodies].flatMap((body) => [...body.rows]).filter((row) => row.cells.length > 1);
  if (rows.length < FEWEST_TO_FILTER) continue;
  const line = table.closest(".tabular").querySelector(".files");
  const input = Object.assign(document.createElement("input"), { type: "search", placeholder: "filter rows" });
  input.setAttribute("aria-label", `filter rows: ${table.caption.textContent}`);
  const status = document.createElement("span");
  status.setAttribute("role", "status");
  input.addEventListener("input", () => filter(table, input.value.toLowerCase().split(/\s+/).filter(Boolean), status));
  line.prepend(input, status);
}
// The tooltip of a term is its line in the glossary.
for (const term of document.querySelectorAll("a.term:not([title])")) {
  term.title = document.getElementById(term.hash.slice(1))?.nextElementSibling.firstChild.textContent ?? "";
}
const open = () => {
  const target = document.querySelector(":target");
  for (let each = target; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
  if (target) target.scrollIntoView();
};
addEventListener("hashchange", open);
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => { each.open = true; }));
open();
