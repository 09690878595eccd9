/* A game in the browser: it asks the server for its state and draws that. What is said goes through `make` and `prose`,
   as in the report. */

let last = ""; // the state that is drawn, as it came
let move = -1; // that the words are for
let draft = ""; // names the game and the move; what is written is kept under it
let sending = false;

async function look() {
  try {
    const answer = await fetch("state");
    if (!answer.ok) throw new Error(await answer.text());
    const found = await answer.text();
    tell("");
    if (found !== last) {
      last = found;
      draw(JSON.parse(found));
    }
  } catch {
    tell("The program that holds this game does not answer; what is shown stays.");
  }
  setTimeout(look, document.hidden ? 2000 : 500);
}

async function send(said) {
  sending = true;
  try {
    const answer = await fetch("answer", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(said) });
    if (answer.ok) return true;
    tell(await answer.text());
  } catch {
    tell("It could not be sent: the program does not answer. Your words are still here.");
  } finally {
    sending = false;
  }
  return false;
}

function tell(text) {
  if (byId("told").textContent !== text) byId("told").textContent = text;
}

function fill(id, ...children) {
  byId(id).replaceChildren(...children.filter(Boolean));
}

function draw(state) {
  const study = state && "stage" in state ? state : null;
  const game = study ? study.game : state;
  byId("game").hidden = !game;
  if (game) drawGame(game, study && study.stage !== "game");
  drawStudy(study);
}

/* The game */

function drawGame(game, rated) {
  const mine = game.seat !== null && game.speaker === game.seat;
  const name = game.seat === null ? "Watching" : game.names[game.seat];
  byId("who").replaceChildren(...prose(name));
  document.title = `${mine ? "● Your turn" : game.over ? "Over" : "Negotiation"} – ${name}`;
  if (byId("brief").dataset.of !== brieflyOf(game)) drawBrief(game);
  drawTalk(game);
  fill("end", game.over ? ending(game, game) : null);
  fill("now", ...(rated ? [] : waitsFor(game, mine)));
  drawSpeaking(game, mine);
}

function brieflyOf(game) {
  return JSON.stringify([game.dilemma, game.seat]);
}

function drawBrief(game) {
  byId("brief").dataset.of = brieflyOf(game);
  const cards = game.personas.map((persona, seat) => persona && card(persona, seat, game));
  fill("brief",
    make("blockquote", { class: "dilemma" }, ...prose(game.dilemma)),
    make("div", { class: "personas" }, ...cards),
    game.brief ? folded("What you are told, word for word", () => [make("pre", { tabindex: 0 }, ...prose(game.brief))]) : null);
  if (!game.said.length) byId("brief").querySelectorAll("details").forEach((node) => { node.open = true; });
}

function card(persona, seat, game) {
  const mine = seat === game.seat ? " mine" : "";
  return make("section", { class: `persona ${seatClass(seat)}${mine}` },
    make("h3", {}, ...prose(persona.name)),
    game.agents[seat] ? make("p", { class: "agent" }, ...prose(game.agents[seat])) : null,
    make("p", { class: "goal" }, ...prose(persona.goal)),
    pairs(given({ "Red line": persona.red_line, Style: persona.style, Values: persona.values.join(", ") })));
}

/* The turns, and after each what the judge said of agreement. */
function drawTalk(game) {
  const before = byId("talk").childElementCount;
  const rulings = game.rulings.filter((ruling) => ruling.kind === "agreement");
  const items = [];
  let spoken = 0;
  for (const turn of game.said) {
    items.push(heard(game, turn, ++spoken));
    if (turn.task === "utterance") items.push(...rulings.filter((each) => each.turn === spoken).map(agreement));
  }
  fill("talk", ...items.map((item) => make("li", {}, item)));
  if (items.length > before) byId("talk").lastChild.scrollIntoView({ block: "center" });
}

function heard(game, turn, number) {
  const answer = turn.task === "completion";
  const kind = [turn.seat % 2 ? "right" : "", answer ? "answer" : ""];
  return make("section", { class: ["turn", seatClass(turn.seat), ...kind].join(" ") },
    make("h3", {}, answer ? "Answer, by " : `${number}. `, ...prose(game.names[turn.seat] ?? ""),
      turn.seat === game.seat ? make("span", { class: "aside" }, "you") : null),
    ...body(turn),
    make("p", { class: "chips" },
      ...turn.events.map((event) => chip(event.startsWith("echo") ? plain(event) : `neutralised: ${plain(event)}`, "alarm")),
      turn.truncated ? chip("cut short", "alarm") : null));
}

function waitsFor(game, mine) {
  if (game.over) return ["The negotiation is over."];
  if (mine) return [];
  if (game.speaker === null) return ["The judge decides …"];
  return [...prose(game.names[game.speaker]), game.completing ? " writes the joint answer …" : " is thinking …"];
}

/* Saying something */

function drawSpeaking(game, mine) {
  byId("speak").hidden = !mine;
  byId("speak").className = game.seat === null ? "" : seatClass(game.seat);
  const now = `${location.pathname}${brieflyOf(game)}${game.move}`;
  if (!mine || draft === now) return;
  [draft, move] = [now, game.move];
  byId("asked").replaceChildren(...prose(game.asked));
  byId("wanted").textContent = game.completing ? "Your joint answer" : "Your turn";
  byId("words").value = sessionStorage.getItem(draft) ?? ""; // a reload loses no words
  byId("words").focus({ preventScroll: game.said.length === 0 });
}

async function speak(event) {
  event.preventDefault();
  const words = byId("words").value;
  if (sending || !words.trim()) return;
  byId("send").disabled = true;
  if (await send({ move, words })) {
    sessionStorage.removeItem(draft);
    byId("speak").hidden = true;
  }
  byId("send").disabled = false;
}

byId("speak").addEventListener("submit", speak);
byId("words").addEventListener("input", () => sessionStorage.setItem(draft, byId("words").value));
byId("words").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("speak").requestSubmit();
});
byId("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

/* A study: consent, ratings, the end */

function drawStudy(study) {
  byId("study").hidden = !study || study.stage === "game";
  if (!study || study.stage === "game") return;
  const pages = { consent: consentPage, preparing: waitingPage, rating: ratingPage, over: overPage };
  fill("study", ...pages[study.stage](study));
  document.title = study.name;
  byId("who").replaceChildren(...prose(study.name));
}

function consentPage(study) {
  const agree = button("I agree, and begin", () => send({ consent: true }), { class: "main" });
  return [
    make("h1", {}, ...prose(study.name)),
    make("p", { class: "words" }, ...prose(study.consent)),
    make("p", {}, `${count(study.games, "game")}, with a few questions after each. To stop at any time, close this page.`),
    make("p", {}, agree),
  ];
}

function waitingPage() {
  return [make("p", { class: "note" }, "The next game is being prepared …")];
}

function overPage() {
  return [make("h1", {}, "Thank you"), make("p", {}, "That was all. You can close this page.")];
}

function ratingPage(study) {
  scrollTo(0, 0);
  const form = make("form", {},
    make("h2", {}, `Game ${study.trial + 1} of ${study.games} is over`),
    make("p", { class: "note" }, "Please answer for the negotiation that you see below."),
    ...Object.entries(study.questions).map(question),
    make("p", { class: "send" }, make("span", { class: "grow" }), make("button", { class: "main" }, "Send and go on")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const ratings = Object.fromEntries([...new FormData(form)].map(([name, level]) => [name, Number(level)]));
    if (!sending) send({ trial: study.trial, ratings });
  });
  return [form];
}

function question([name, text]) {
  const level = (value) => make("label", {},
    make("input", { type: "radio", name, value, required: true }), String(value));
  return make("fieldset", {},
    make("legend", { class: "question" }, ...prose(text)),
    make("div", { class: "levels" }, make("small", {}, "not at all"), ...[1, 2, 3, 4, 5].map(level),
      make("small", {}, "fully")));
}

look();
