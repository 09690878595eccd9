"use strict";

/* What models, judges and files say reaches the page through `make` and `prose` alone. They make text nodes: nothing of
   it is ever parsed as markup, style, script or address. */

const SEATS = 6; // colours
const HIDDEN = new RegExp(`([${[
  "\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f", // control characters
  "\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069", // those that turn the direction of writing, and line ends
  "\\u00ad\\u115f\\u1160\\u180e\\u200b\\u2060-\\u2065\\u3164\\ufeff\\uffa0\\ufff9-\\ufffb", // without width
  "\\u{e0000}-\\u{e01ef}", // tags, which can carry hidden letters
].join("")}])`, "u");

/* Making nodes */

function byId(id) {
  return document.getElementById(id);
}

function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== ""));
  return node;
}

function button(label, act, attributes = {}) {
  const node = make("button", { type: "button", ...attributes }, label);
  node.addEventListener("click", act);
  return node;
}

/* Text with its invisible characters made visible; those that turn the direction of writing would hide what it says. */
function prose(text) {
  return text.split(HIDDEN).map((piece, place) => {
    if (place % 2 === 0) return piece;
    const code = piece.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    return make("span", { class: "hidden-character" }, `U+${code}`);
  });
}

/* A block that is built when it is first unfolded. */
function folded(title, build) {
  const body = make("div", { class: "body" });
  const node = make("details", {}, make("summary", {}, title), body);
  node.addEventListener("toggle", () => body.hasChildNodes() || body.append(...build()));
  return node;
}

function pairs(found, kind = "facts") {
  const entries = Object.entries(found);
  if (!entries.length) return null;
  const items = entries.map(([name, text]) =>
    make("div", {}, make("dt", {}, ...prose(plain(name))), make("dd", {}, ...prose(text))));
  return make("dl", { class: kind }, ...items);
}

/* The entries that have a text. */
function given(found) {
  return Object.fromEntries(Object.entries(found).filter(([, text]) => text));
}

function chip(text, kind = "") {
  return make("span", { class: `chip ${kind}`.trim() }, ...prose(text));
}

function bar(name, value, top) {
  const fill = make("span", { class: "fill" });
  fill.style.setProperty("--share", Math.max(0, Math.min(1, value / top)));
  return make("div", { class: "measure" },
    make("span", { class: "name" }, ...prose(plain(name))), make("span", { class: "track" }, fill),
    make("span", { class: "value" }, value.toFixed(2)));
}

function plain(name) {
  return name.replaceAll("_", " ");
}

function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

function seatClass(seat) {
  return `seat-${seat % SEATS}`;
}
