/* What the page holds, and what is shown of it */

const { scenarios, rows } = JSON.parse(byId("light").textContent);
const AT_ONCE = 60; // rows drawn at a time
const FEW = 20; // a filter offers at most so many values
const collator = new Intl.Collator("en", { numeric: true });
const places = new Map(rows.map((row, place) => [row.id, place]));
const wanted = { words: [], values: new Map(), low: null, high: null, column: null, descending: false };
let shown = rows; // the rows that the filters let through, in their order
let drawn = 0; // how many of them are in the page
let open = null; // the row whose transcript is open
const pageTitle = document.title;
let left = 0; // where the page was scrolled to when a transcript was opened

/* The list: what is in it */

const FACETS = [
  { name: "outcome", of: (row) => plain(row.status) },
  { name: "agents", of: (row) => row.agents.join(" × ") },
  { name: "judge", of: (row) => row.judge },
  ...[...new Set(rows.flatMap((row) => Object.keys(row.tags)))].map((tag) => ({
    name: plain(tag), tag, of: (row) => (Object.hasOwn(row.tags, tag) ? row.tags[tag] : ""),
  })),
].map((facet) => ({ ...facet, counts: tally(rows.map(facet.of)) })).filter(({ counts }) => telling(counts));

const COLUMNS = [
  { name: "Episode", of: (row) => row.id },
  { name: "Dilemma" },
  { name: "Agents", of: (row) => row.agents.join(" × ") },
  { name: "Outcome", of: (row) => row.status },
  { name: "Turns", of: (row) => row.turns },
  { name: "Score", of: (row) => row.score },
];

/* More than one value, besides none. */
function telling(counts) {
  return counts.size - counts.has("") > 1;
}

function tally(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/* Everything that can be searched, the likeliest to be sought first. */
function texts(row) {
  const { dilemma, personas } = scenarios[row.scenario];
  const parties = personas.flatMap((each) => [each.name, each.goal, each.red_line, each.style, ...each.values]);
  const turns = row.said.map((turn) => turn.text);
  return [...turns, dilemma, row.id, row.reason, ...row.agents, ...parties, ...Object.values(row.tags)];
}

function haystack(row) {
  row.haystack ??= texts(row).join("\n").toLowerCase();
  return row.haystack;
}

function matches(row) {
  const { words, values, low, high } = wanted;
  if ((low !== null || high !== null) && row.score === null) return false;
  if ((low !== null && row.score < low) || (high !== null && row.score > high)) return false;
  for (const [facet, value] of values) if (facet.of(row) !== value) return false;
  return words.every((word) => haystack(row).includes(word));
}

function inOrder(found) {
  const { column, descending } = wanted;
  if (!column) return found;
  const sign = descending ? -1 : 1;
  return [...found].sort((one, other) => {
    const [a, b] = [column.of(one), column.of(other)];
    if (a === null || b === null) return (a === null) - (b === null); // what has no score comes last either way
    return sign * (typeof a === "number" ? a - b : collator.compare(a, b));
  });
}

function filter() {
  shown = inOrder(rows.filter(matches));
  byId("count").textContent = shown.length === rows.length
    ? count(rows.length, "negotiation")
    : `${shown.length.toLocaleString("en")} of ${count(rows.length, "negotiation")}`;
  byId("list").replaceChildren(heading());
  drawn = 0;
  draw();
  if (byId("where")) byId("where").textContent = standing(open);
}

/* The list: how it looks */

function heading() {
  const cells = COLUMNS.map((column) => {
    const order = wanted.column !== column ? "none" : wanted.descending ? "descending" : "ascending";
    const name = column.of ? button(column.name, () => sortBy(column)) : column.name;
    return make("div", { role: "columnheader", "aria-sort": column.of ? order : null }, name);
  });
  return make("div", { role: "row", class: "heading" }, ...cells);
}

function sortBy(column) {
  if (wanted.column !== column) [wanted.column, wanted.descending] = [column, column.name === "Score"];
  else if (wanted.descending === (column.name === "Score")) wanted.descending = !wanted.descending;
  else wanted.column = null;
  filter();
  byId("list").querySelectorAll(".heading button")[COLUMNS.filter((each) => each.of).indexOf(column)].focus();
}

function draw() {
  const next = shown.slice(drawn, drawn + AT_ONCE);
  byId("list").append(...next.map(line));
  drawn += next.length;
  byId("more").hidden = drawn === shown.length;
}

function line(row) {
  const cell = (kind, ...children) => make("div", { role: "cell", class: kind }, ...children);
  const seated = (agent, seat) => make("span", { class: `agent ${seatClass(seat)}` }, ...prose(agent));
  const node = make("div", { role: "row", class: "line", "data-place": places.get(row.id) },
    cell("id", make("a", { href: address(row), title: row.id }, ...prose(row.short)), tags(row)),
    cell("dilemma", make("span", {}, ...excerpt(row))),
    cell("agents", ...row.agents.map(seated)),
    cell("status", outcome(row), make("span", { class: "why" }, ...prose(row.reason))),
    cell("turns", String(row.turns)),
    cell("score", scored(row)));
  if (row === open) node.setAttribute("aria-current", "true");
  return node;
}

function outcome(row) {
  return make("span", { class: `share is-${row.status}` }, plain(row.status));
}

/* A fragment of this page, whatever the id holds. */
function address(row) {
  return `#episode=${encodeURIComponent(row.id)}`;
}

function scored(row) {
  if (row.score === null) return make("span", { class: "none" }, row.status === "unscored" ? "unscored" : "–");
  return bar("", row.score, 5);
}

/* Tags that tell one episode from another; the others stand in the episode. */
function tags(row) {
  const known = FACETS.filter((facet) => facet.tag && facet.of(row));
  const chips = known.map((facet) => make("span", {}, `${facet.name} `, make("b", {}, ...prose(facet.of(row)))));
  return chips.length ? make("span", { class: "tags" }, ...chips) : null;
}

/* The beginning of the dilemma, or the place where the first word sought stands. */
function excerpt(row) {
  const [word] = wanted.words;
  const text = word && texts(row).find((each) => each.toLowerCase().includes(word));
  if (!text) return prose(scenarios[row.scenario].dilemma.slice(0, 220));
  const at = text.toLowerCase().indexOf(word), start = Math.max(0, at - 45), end = at + word.length;
  return [start ? "…" : "", ...prose(text.slice(start, at)), make("mark", {}, ...prose(text.slice(at, end))),
    ...prose(text.slice(end, end + 150))];
}

/* Filters */

function setUpFilters() {
  const chosen = FACETS.filter(({ counts }) => counts.size <= FEW);
  byId("facets").append(...chosen.map(choice), range());
  byId("search").addEventListener("input", (event) => {
    wanted.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    filter();
  });
  byId("more").addEventListener("click", draw);
  new IntersectionObserver(([seen]) => seen.isIntersecting && draw(), { rootMargin: "0px 0px 600px" }).observe(byId("more"));
}

function choice(facet) {
  const values = [...facet.counts].sort(([one], [other]) => collator.compare(one, other));
  const option = ([value, number]) => make("option", { value: `=${value}` }, `${value || "–"} (${number})`);
  const options = [make("option", { value: "" }, "all"), ...values.map(option)];
  const select = make("select", { "aria-label": facet.name }, ...options);
  select.addEventListener("change", () => {
    if (select.value) wanted.values.set(facet, select.value.slice(1));
    else wanted.values.delete(facet);
    filter();
  });
  return make("label", {}, make("span", {}, facet.name), select);
}

function range() {
  const end = (name, label) => {
    const limits = { type: "number", min: 0, max: 5, step: 0.1 };
    const input = make("input", { ...limits, placeholder: label, "aria-label": `score ${label}` });
    input.addEventListener("input", () => {
      wanted[name] = input.value === "" ? null : Number(input.value);
      filter();
    });
    return input;
  };
  return make("div", { class: "ends", role: "group", "aria-label": "score" },
    make("span", {}, "score"), end("low", "from"), end("high", "to"));
}
