/* Going from one episode to the next: the address says which one is open */

async function route() {
  const id = asked();
  const row = id === null ? null : rows[places.get(id)];
  if (row === undefined) tell("This report holds no such negotiation.");
  if (!row) return visit();
  if (!open) left = window.scrollY;
  open = row;
  const detail = await unpack(row);
  if (open !== row) return; // another was opened meanwhile
  const panel = byId("episode");
  panel.replaceChildren(...episode(row, detail));
  panel.hidden = false;
  document.body.classList.add("reading");
  document.title = `${row.id} – ${pageTitle}`;
  mark();
  highlight(panel);
  window.scrollTo(0, 0);
  byId("episode-title").focus({ preventScroll: true });
}

/* The id in the address; null where there is none. */
function asked() {
  const [name, value] = location.hash.split(/=(.*)/s);
  if (name !== "#episode") return null;
  try {
    return decodeURIComponent(value ?? "");
  } catch {
    return value;
  }
}

/* A place of the page itself; a table's is shown instead of the one before. */
function visit() {
  leave();
  const place = document.getElementById(location.hash.slice(1));
  if (place?.matches(".table")) choose(place);
  place?.scrollIntoView();
}

function choose(table) {
  byId("tables").classList.add("chosen");
  for (const each of document.querySelectorAll(".table, .tabs a")) {
    const own = each === table || each.getAttribute("href") === `#${table.id}`;
    if (own) each.setAttribute("aria-current", "true");
    else each.removeAttribute("aria-current");
  }
}

function leave() {
  const row = open;
  if (!row) return;
  open = null;
  byId("episode").hidden = true;
  byId("episode").replaceChildren();
  document.body.classList.remove("reading");
  document.title = pageTitle;
  window.scrollTo(0, left);
  mark();
  lineOf(row)?.querySelector("a").focus({ preventScroll: true });
}

function close() {
  if (!open) return;
  history.pushState(null, "", "#");
  leave();
}

function go(step) {
  const from = open ? shown.indexOf(open) : shown.findIndex((row) => lineOf(row)?.contains(document.activeElement));
  const row = shown[from < 0 ? 0 : from + step];
  if (!row) return;
  while (shown.indexOf(row) >= drawn) draw();
  if (open) location.hash = address(row);
  else lineOf(row).querySelector("a").focus();
}

function lineOf(row) {
  return byId("list").querySelector(`[data-place="${places.get(row.id)}"]`);
}

function mark() {
  byId("list").querySelector("[aria-current]")?.removeAttribute("aria-current");
  const node = open && lineOf(open);
  if (!node) return;
  node.setAttribute("aria-current", "true");
  node.scrollIntoView({ block: "nearest" });
}

/* The words sought, marked in the open transcript where the browser can. */
function highlight(panel) {
  if (!window.Highlight) return;
  const ranges = [];
  const walker = document.createTreeWalker(panel, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) ranges.push(...wanted.words.flatMap((word) => rangesOf(word, walker.currentNode)));
  CSS.highlights.set("sought", new Highlight(...ranges));
}

function rangesOf(word, node) {
  const ranges = [], text = node.data.toLowerCase();
  if (text.length !== node.length) return ranges; // a letter grew with its case
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, at + word.length);
    ranges.push(range);
  }
  return ranges;
}

async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
    tell("Link copied.");
  } catch {
    tell("The browser does not allow copying; the link is this page's address.");
  }
}

function tell(text) {
  const told = byId("told");
  told.textContent = text;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => { told.textContent = ""; }, 4000);
}

/* Keys, theme, start */

const KEYS = {
  j: () => go(1), ArrowRight: () => go(1), k: () => go(-1), ArrowLeft: () => go(-1),
  Escape: close, "/": () => byId("search").focus(), "?": () => byId("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open || !KEYS[key]) return;
  if (target.matches("input, select")) {
    if (key === "Escape") target.blur();
  } else if (!(key.startsWith("Arrow") && target.matches(".wide, pre"))) { // those scroll sideways
    event.preventDefault();
    KEYS[key]();
  }
});

byId("show-keys").addEventListener("click", KEYS["?"]);
byId("hide-keys").addEventListener("click", () => byId("keys").close());
byId("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
window.addEventListener("hashchange", route);

if (document.querySelector(".tabs")) choose(byId((document.querySelector(".ladder a")?.hash ?? "#table-0").slice(1)));
setUpFilters();
filter();
route();
