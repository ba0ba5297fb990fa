// Searches the records; the words are kept in the address.
"use strict";
const sections = [...document.querySelectorAll(".behind")];
const input = Object.assign(document.createElement("input"), { type: "search", id: "search" });
const label = Object.assign(document.createElement("label"), { className: "search", textContent: "Search by model, dataset, seed, status or start of a key " });
const status = document.createElement("output");
const text = (part) => part.textContent.toLowerCase();
const search = () => {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const section of sections) {
    const missing = words.filter((word) => !text(section.querySelector("h2")).includes(word));
    let here = 0;
    for (const row of section.querySelectorAll("tbody tr")) {
      const [seed, state, , key] = [...row.cells].map(text);
      const has = (word) => word === seed || state.includes(word) || (word.length > 3 && key.startsWith(word));
      row.hidden = !missing.every(has);
      here += !row.hidden;
    }
    section.hidden = here === 0;
    shown += here;
  }
  status.textContent = `${shown} ${shown === 1 ? "record" : "records"}`;
};
input.addEventListener("input", () => {
  const kept = input.value ? `?${new URLSearchParams({ search: input.value })}` : "";
  history.replaceState(null, "", `${location.pathname}${kept}${location.hash}`);
  search();
});
label.append(input);
document.querySelector("header").append(label, " ", status);
input.value = new URLSearchParams(location.search).get("search") ?? "";
search();
