// Filters the page, sorts tables, shows addresses and meanings, and opens what a link leads to.
// The page is complete without it.
"use strict";
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const make = (tag, given = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), given);
  made.append(...children);
  return made;
};
const rowsOf = (body) => [...body.rows].filter((row) => !row.cells[0].classList.contains("group"));

// Sorting: the first click sorts, the second turns the order, the third returns to the order of the study.
const UNITS = { s: 1, min: 60, h: 3600, MB: 1, GB: 1000 };
const magnitude = (text) => {
  const plain = text.replace(/−/g, "-").replace(/,/g, "");
  const found = [...plain.matchAll(/(\d[\d.]*) (s|min|h|MB|GB)\b/g)];
  if (found.length) return found.reduce((sum, [, number, unit]) => sum + number * UNITS[unit], 0);
  const first = plain.match(/^[<±+]?(-?[\d.]+(?:e[+-]?\d+)?)/);
  return first ? Number(first[1]) : NaN;
};
const compare = (numeric, sign) => (one, other) => {
  if (!numeric) return sign * one.text.localeCompare(other.text, "en", { numeric: true });
  const [a, b] = [magnitude(one.text), magnitude(other.text)];
  return Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : Number.isNaN(b) ? -1 : sign * (a - b);
};
const sortable = (table) => {
  const heads = [...table.tHead.rows[0].cells];
  const groups = [...table.tBodies].map((body) => ({ body, rows: rowsOf(body) }));
  heads.forEach((head, column) => {
    const button = make("button", { type: "button", textContent: head.textContent });
    const term = head.querySelector("a.term");
    if (term) Object.assign(button.dataset, { term: term.hash, meaning: term.title });
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const numeric = head.classList.contains("n");
      const orders = numeric ? ["descending", "ascending", null] : ["ascending", "descending", null];
      const order = orders[(orders.indexOf(head.getAttribute("aria-sort")) + 1) % orders.length];
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      if (order) head.setAttribute("aria-sort", order);
      for (const { body, rows } of groups) {
        const keyed = rows.map((row) => ({ row, text: row.cells[column].textContent.trim() }));
        if (order) keyed.sort(compare(numeric, order === "ascending" ? 1 : -1));
        body.append(...keyed.map(({ row }) => row));
        body.classList.toggle("sorted", order !== null);
      }
    });
  });
};
all(".tabular table").forEach(sortable);

// Filtering: parts about other names are hidden. The choice is kept in the address.
const FIELDS = ["dataset", "model", "family", "task", "readout"];
const subjects = all(FIELDS.map((field) => `main [data-${field}], header [data-${field}]`).join()).map((part) => ({
  part,
  names: FIELDS.map((field) => part.dataset[field]?.split("|")),
}));
const values = FIELDS.map((_, at) => [...new Set(subjects.flatMap(({ names }) => names[at] ?? []))]);
const chosen = FIELDS.map(() => new Set());
const rows = all(".tabular tbody").flatMap(rowsOf);
const isOut = (part) => part.closest(".filtered, .empty, .nothing") !== null;
const note = (text) => make("p", { className: "note", textContent: `${text}nothing here for this filter.` });
const mark = (parts, name, inner) => {
  for (const part of parts) {
    const inside = inner(part);
    part.classList.toggle(name, inside.length > 0 && inside.every(isOut));
  }
};
const title = (box) => `${box.querySelector("caption, figcaption").textContent.split(". ")[0].trim()}: `;
const status = make("output");
const clear = make("button", { type: "button", textContent: "show all" });
const boxes = all(".tabular, figure");
const apply = () => {
  all(".filtered, .empty, .nothing, .bare").forEach((part) => part.classList.remove("filtered", "empty", "nothing", "bare"));
  all(".note").forEach((each) => each.remove());
  const active = FIELDS.map((_, at) => at).filter((at) => chosen[at].size);
  const differs = (names) => (at) => names[at] && !names[at].some((name) => chosen[at].has(name));
  subjects.forEach(({ part, names }) => part.classList.toggle("filtered", active.some(differs(names))));
  mark(all(".tabular tbody"), "empty", rowsOf);
  mark(all("figure .group"), "empty", (group) => all(".panels > *", group));
  mark(all(".tabular"), "nothing", (box) => all("tbody", box));
  mark(all(".tabular:not(.nothing)"), "nothing", (box) => all("thead th", box).slice(1));
  mark(all("figure"), "nothing", (box) => all(".group", box));
  boxes.filter((box) => box.classList.contains("nothing")).forEach((box) => box.append(note(title(box))));
  mark(all("main details"), "empty", (part) => all(".tabular, figure", part));
  for (const section of all("main > section")) {
    const inside = all(".tabular, figure, details", section);
    if (!inside.length || !inside.every((part) => part.closest(".filtered, .empty"))) continue;
    section.querySelector("h2").after(note(""));
    document.querySelector(`nav a[href="#${section.id}"]`).classList.add("bare");
  }
  const shown = rows.filter((row) => !isOut(row)).length;
  status.textContent = active.length ? `${shown} of ${rows.length} rows` : "";
  clear.disabled = !active.length;
  all("#filter [data-at]").forEach((each) => { each.textContent = [...chosen[each.dataset.at]].join(", ") || "all"; });
  all("#filter input").forEach((input) => { input.checked = chosen[input.dataset.of].has(input.value); });
};
const choose = () => {
  const kept = new URLSearchParams(FIELDS.flatMap((field, at) => [...chosen[at]].map((name) => [field, name])));
  history.replaceState(null, "", `${location.pathname}${kept.size ? `?${kept}` : ""}${location.hash}`);
  apply();
};
const showAll = () => {
  chosen.forEach((names) => names.clear());
  choose();
};
const field = (name, at) => {
  const summary = make("summary", {}, make("span", { textContent: name }), " ", make("b"));
  summary.lastChild.dataset.at = at;
  const list = make("fieldset", {}, make("legend", { textContent: name }));
  for (const value of values[at]) {
    const input = make("input", { type: "checkbox", value, name });
    input.dataset.of = at;
    input.addEventListener("change", () => {
      if (input.checked) chosen[at].add(value);
      else chosen[at].delete(value);
      choose();
    });
    list.append(make("label", {}, input, value));
  }
  return make("details", {}, summary, list);
};
const side = document.querySelector(".side");
const contents = document.querySelector("nav > details");
const filters = make("details", { className: "fold" }, make("summary", { textContent: "Filter" }));
if (values.some((names) => names.length > 1)) {
  const fields = FIELDS.map((name, at) => (values[at].length > 1 ? field(name, at) : "")).filter(Boolean);
  const form = make("form", {}, filters);
  form.id = "filter";
  form.setAttribute("aria-label", "Filter the page");
  form.addEventListener("submit", (event) => event.preventDefault());
  clear.addEventListener("click", showAll);
  filters.append(make("div", { className: "fields" }, ...fields, make("p", {}, clear, status)));
  side.prepend(form);
  const asked = new URLSearchParams(location.search);
  FIELDS.forEach((name, at) => asked.getAll(name).filter((value) => values[at].includes(value)).forEach((value) => chosen[at].add(value)));
  apply();
}

// The side: open beside the page, folded above it.
const folds = [contents, filters];
const beside = matchMedia("(min-width: 81.25rem)");
const fold = () => folds.forEach((each) => { each.open = beside.matches; });
folds.forEach((each) => each.addEventListener("toggle", () => {
  if (each.open && !beside.matches) folds.filter((other) => other !== each).forEach((other) => { other.open = false; });
}));
side.addEventListener("keydown", (event) => {
  const opened = event.key === "Escape" && !beside.matches && event.target.closest(".fold");
  if (!opened) return;
  opened.open = false;
  opened.querySelector("summary").focus();
});
contents.addEventListener("click", (event) => {
  if (event.target.closest("a") && !beside.matches) contents.open = false;
});
beside.addEventListener("change", fold);
fold();
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const link = document.querySelector(`nav a[href="#${target.id}"]`);
    if (isIntersecting) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}, { rootMargin: "-15% 0px -84% 0px" });
all("main > section").forEach((section) => seen.observe(section));

// Folded blocks: all at once, for a link that leads into one, and for paper.
const folded = all("main details");
if (folded.length) {
  const every = make("button", { type: "button", className: "every", textContent: "expand all" });
  every.addEventListener("click", () => {
    const open = every.textContent === "expand all";
    folded.forEach((each) => { each.open = open; });
    every.textContent = open ? "collapse all" : "expand all";
  });
  contents.append(every);
}
const open = () => {
  const target = document.querySelector(":target");
  if (!target) return;
  if (isOut(target)) showAll();
  for (let each = target; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
  target.scrollIntoView({ block: target.tagName === "TR" ? "center" : "start" });
};
addEventListener("hashchange", open);
let closed = [];
addEventListener("beforeprint", () => {
  closed = folded.filter((each) => !each.open);
  closed.forEach((each) => { each.open = true; });
});
addEventListener("afterprint", () => closed.forEach((each) => { each.open = false; }));

// Addresses: a link behind every heading, table and figure, and behind the row under the pointer or with the focus.
const copy = (text, button, restored = button.textContent) => {
  const say = (word) => {
    button.textContent = word;
    setTimeout(() => { button.textContent = restored; }, 1500);
  };
  navigator.clipboard.writeText(text).then(() => say("copied"), () => say("not copied"));
};
const address = (id, what) => {
  const link = make("a", { className: "at", href: `#${id}` });
  link.setAttribute("aria-label", `address of ${what}`);
  link.addEventListener("click", () => copy(link.href, link));
  return link;
};
const OWNERS = "section > h2, .part > :is(h3, h4, h5), .group > :is(h3, h4, h5), details > summary > :is(h3, h4, h5), caption, figcaption";
for (const head of all(OWNERS)) {
  const owner = head.closest("[id]");
  if (owner?.closest("main, header")) head.append(" ", address(owner.id, head.textContent.trim().split(". ")[0]));
}
const ofRow = (event) => {
  const row = event.target.closest?.("tr[id]");
  if (row && !row.querySelector(".at")) row.cells[0].append(" ", address(row.id, row.cells[0].textContent.trim()));
};
["pointerover", "focusin"].forEach((name) => document.addEventListener(name, ofRow));
for (const block of all("pre")) {
  const button = make("button", { type: "button", className: "copy", textContent: "copy" });
  button.addEventListener("click", () => copy(block.textContent, button));
  block.before(button);
}

// Meanings: what the glossary says about a linked name or the head of a column.
const bubble = make("div", { id: "meaning", hidden: true });
bubble.setAttribute("role", "tooltip");
document.body.append(bubble);
for (const term of all("a.term")) {
  Object.assign(term.dataset, { term: term.hash, meaning: term.title });
  term.removeAttribute("title"); // else the browser shows a second tooltip
}
let explained = null;
const hide = () => {
  explained?.removeAttribute("aria-describedby");
  explained = null;
  bubble.hidden = true;
};
const explain = (event) => {
  const part = event.target.closest?.("[data-term]") ?? null;
  if (part === explained) return;
  hide();
  const entry = part && document.getElementById(part.dataset.term.slice(1));
  if (!entry) return;
  explained = part;
  part.setAttribute("aria-describedby", "meaning");
  bubble.textContent = part.dataset.meaning || entry.nextElementSibling.firstChild.textContent;
  bubble.hidden = false;
  const [place, size] = [part.getBoundingClientRect(), bubble.getBoundingClientRect()];
  const below = place.bottom + size.height + 8 < innerHeight;
  bubble.style.left = `${Math.max(8, Math.min(place.left, innerWidth - size.width - 8))}px`;
  bubble.style.top = `${below ? place.bottom + 6 : place.top - size.height - 6}px`;
};
["pointerover", "focusin"].forEach((name) => document.addEventListener(name, explain));
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
document.addEventListener("scroll", hide, true);
open();
