/* One episode: unpacking it */

const parsed = new Promise((done) => {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", done);
  else done();
});
let packed = null;

async function unpack(row) {
  await parsed; // the packed part stands behind this script, so that the list need not wait for it
  packed ??= byId("packed").textContent.split("\n");
  const bytes = Uint8Array.from(atob(packed[places.get(row.id)]), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

/* One episode: its parts */

function episode(row, detail) {
  const scenario = scenarios[row.scenario];
  return [
    bench(row), title(row, detail), make("blockquote", { class: "dilemma" }, ...prose(scenario.dilemma)),
    personas(row, detail, scenario), legend(row), talk(row, detail, scenario), ending(row, detail),
    afterwards(detail.afterwards), small(detail, scenario),
  ].filter(Boolean);
}

function bench(row) {
  return make("nav", { class: "bench", "aria-label": "Transcript" },
    button("‹", () => go(-1), { "aria-label": "Previous transcript", title: "Previous (k)" }),
    button("›", () => go(1), { "aria-label": "Next transcript", title: "Next (j)" }),
    make("span", { id: "where" }, standing(row)), make("span", { class: "grow" }),
    button("Copy link", copyLink), button("×", close, { "aria-label": "Close the transcript", title: "Close (Esc)" }));
}

function standing(row) {
  const place = shown.indexOf(row);
  return place < 0 ? "not in the list" : `${place + 1} of ${shown.length}`;
}

function title(row, detail) {
  const score = row.score === null ? null : chip(`Collective Agency ${row.score.toFixed(2)} of 5`);
  const reward = row.reward === null ? null : chip(`reward ${row.reward.toFixed(2)}`);
  const weight = row.advantage === null ? null : chip(`advantage ${signed(row.advantage)}`, sense(row.advantage));
  return make("header", {},
    make("h2", { id: "episode-title", tabindex: -1 }, ...prose(row.id)),
    make("p", { class: "chips" }, outcome(row), chip(count(row.turns, "turn")), score, reward, weight),
    pairs({ ...row.tags, judge: row.judge, seed: detail.seed }, "facts row"));
}

function personas(row, detail, scenario) {
  if (!scenario.personas.length) return null;
  const writes = detail.rules.max_turns === "0" ? "answers alone" : "writes the answer";
  const card = (persona, seat) => make("section", { class: `persona ${seatClass(seat)}` },
    make("h3", {}, ...prose(persona.name)),
    make("p", { class: "agent" }, ...prose(row.agents[seat] ?? "")),
    make("p", { class: "chips" }, row.learners.includes(seat) ? chip("learner") : null,
      detail.writer === seat ? chip(writes) : null),
    make("p", { class: "goal" }, ...prose(persona.goal)),
    pairs(given({ "Red line": persona.red_line, Style: persona.style, Values: persona.values.join(", ") })));
  return make("div", { class: "personas" }, ...scenario.personas.map(card));
}

function legend(row) {
  if (!row.learners.length) return null;
  const key = row.advantage === null
    ? [make("span", { class: "key trained" }, "trained, its advantage is not on record")]
    : [make("span", { class: "key trained better" }, "trained, made likelier (advantage above 0)"),
      make("span", { class: "key trained worse" }, "trained, made less likely (below 0)")];
  return make("p", { class: "legend" }, ...key, make("span", { class: "key" }, "not trained"));
}

/* The turns, and after each what the judge said of agreement. */
function talk(row, detail, scenario) {
  const items = [];
  const rulings = detail.rulings.filter((ruling) => ruling.kind === "agreement");
  let spoken = 0;
  row.said.forEach((turn, place) => {
    items.push(said(row, turn, detail.said[place], scenario, ++spoken));
    if (turn.task === "utterance") items.push(...rulings.filter((each) => each.turn === spoken).map(agreement));
  });
  return make("ol", { class: "talk" }, ...items.map((item) => make("li", {}, item)));
}

function said(row, turn, more, scenario, number) {
  const name = scenario.personas[turn.seat]?.name ?? row.agents[turn.seat] ?? "";
  const answer = turn.task === "completion";
  const place = [turn.seat % 2 ? "right" : "", answer ? "answer" : ""];
  const node = make("section", { class: ["turn", seatClass(turn.seat), ...place, ...trained(row, more)].join(" ") },
    make("h3", {}, answer ? "Answer, by " : `${number}. `, ...prose(name), trainedWords(row, more)),
    ...body(turn),
    make("p", { class: "chips" },
      ...more.broken.map((constraint) => chip(`broken: ${constraint}`, "alarm")),
      ...turn.events.map((event) => chip(event.startsWith("echo") ? plain(event) : `neutralised: ${plain(event)}`, "alarm")),
      turn.truncated ? chip("cut short", "alarm") : null,
      turn.tag === "stray" ? chip("tags that do not count", "alarm") : null),
    thoughts(more.thought),
    more.refused.length ? folded(`Not delivered: ${count(more.refused.length, "try", "tries")}`, () => more.refused.flatMap(tried)) : null,
    more.raw === null ? null : folded("Raw text", () => [make("pre", {}, ...prose(more.raw))]),
    more.tokens === null ? null : folded(count(more.tokens.sampled.length, "token"), () => tokens(more)),
    Object.keys(more.usage).length ? folded("Usage", () => [pairs(more.usage)]) : null,
    more.prompt.length ? folded("Prompt", () => more.prompt.flatMap(message)) : null);
  if (more.trained && row.advantage !== null) {
    node.style.setProperty("--strength", `${Math.round(8 + 22 * Math.min(1, Math.abs(row.advantage) / 2))}%`);
  }
  return node;
}

function message({ role, content }) {
  return [make("p", { class: "note" }, ...prose(role)), make("pre", { tabindex: 0 }, ...prose(content))];
}

function tried(each) {
  return [
    make("pre", { class: "refused" }, ...prose(each.text)),
    make("p", { class: "chips" }, ...each.broken.map((constraint) => chip(`broken: ${constraint}`, "alarm"))),
    make("p", {}, ...prose(each.told)),
    thoughts(each.thought),
  ].filter(Boolean);
}

function thoughts(text) {
  return text ? folded("Private thoughts, which nobody else was shown",
    () => [make("pre", { class: "thought" }, ...prose(text))]) : null;
}

function trained(row, more) {
  return more.trained ? ["trained", row.advantage === null ? "" : sense(row.advantage)] : [];
}

function trainedWords(row, more) {
  if (!row.learners.length) return null;
  const weight = more.trained && row.advantage !== null ? ` ${signed(row.advantage)}` : "";
  return make("span", { class: "aside" }, more.trained ? `trained${weight}` : "not trained");
}

function sense(advantage) {
  return advantage > 0 ? "better" : advantage < 0 ? "worse" : "";
}

function signed(number) {
  const size = Math.abs(number).toFixed(2);
  return `${size === "0.00" ? "" : number < 0 ? "−" : "+"}${size}`;
}

/* What was said, its last line marked where it is a tag that counts. */
function body(turn) {
  const lines = turn.text.trimEnd().split("\n");
  const tag = ["propose", "accept"].includes(turn.tag) ? lines.pop() : null;
  return [
    lines.join("").trim() ? make("p", { class: "words" }, ...prose(lines.join("\n"))) : "",
    tag === null ? "" : make("p", { class: `tag ${turn.tag}` }, ...prose(tag)),
  ];
}

function tokens(more) {
  const { context, sampled, logprobs } = more.tokens;
  const mean = logprobs.reduce((sum, each) => sum + each, 0) / (logprobs.length || 1);
  const note = `Ids as sampled, with${more.trained ? "" : "out"} gradient. Plain is certain, full colour is a `
    + `log-probability of −6 or below; the mean is ${mean.toFixed(2)}.`;
  return [
    make("p", { class: "note" }, note),
    make("p", { class: "tokens" }, ...sampled.flatMap((id, place) => [token(id, logprobs[place] ?? 0), " "])),
    folded(`${count(context.length, "id")} of context before them, without gradient`,
      () => [make("p", { class: "tokens" }, context.join(" "))]),
  ];
}

function token(id, logprob) {
  const chance = Math.exp(logprob).toPrecision(2);
  const node = make("span", { title: `log-probability ${logprob.toFixed(3)}, probability ${chance}` }, String(id));
  node.style.setProperty("--surprise", `${Math.round(Math.min(1, -logprob / 6) * 70)}%`);
  return node;
}

/* What the judge said */

function agreement(ruling) {
  const answer = ruling.value === null ? "agreement unscored" : ruling.value > 0 ? "agreement" : "no agreement";
  const chance = ruling.probability === null ? "" : `probability of agreement ${ruling.probability.toFixed(2)}`;
  const kind = ruling.value === null ? "failed" : ruling.value > 0 ? "yes" : "no";
  return make("section", { class: `ruling ${kind}` },
    make("h3", {}, answer, make("small", {}, chance)), ...evidence(ruling));
}

function evidence(ruling) {
  const more = Object.keys(ruling.facts).length ? folded("What it measured", () => [pairs(ruling.facts)]) : null;
  return [
    ruling.reason ? make("p", { class: "reason" }, ...prose(ruling.reason)) : null,
    ruling.quotes.length ? make("ul", { class: "quotes" }, ...ruling.quotes.map(quoted)) : null,
    more,
    ruling.calls.length ? folded(count(ruling.calls.length, "judge call"), () => ruling.calls.map(call)) : null,
  ].filter(Boolean);
}

function quoted(quote) {
  return make("li", { class: quote.found ? null : "missing" },
    make("span", { class: "party" }, ...prose(quote.party)),
    make("q", {}, ...prose(quote.text)),
    quote.level === null ? null : make("small", {}, ` served at ${quote.level} of 5`),
    quote.found ? null : make("small", {}, " not found in its turns"));
}

function call(made, place) {
  const messages = made.messages.map((message) =>
    folded(message.role, () => [make("pre", { tabindex: 0 }, ...prose(message.content))]));
  const usage = Object.fromEntries(Object.entries(made.usage).map(([name, value]) => [name, String(value)]));
  return make("section", { class: "call" },
    make("h4", {}, `${place + 1}. `, ...prose(made.model || "model not named"), made.cached ? chip("cached") : null,
      made.error === null ? null : chip("not used", "alarm")),
    made.error === null ? null : make("p", { class: "alarm" }, ...prose(made.error)),
    make("pre", { class: "reply", tabindex: 0 }, ...prose(made.reply || "(no reply)")),
    ...messages, pairs(usage));
}

function ending(row, detail) {
  const ruling = detail.rulings.find((each) => each.kind === "score");
  if (row.status === "unscored") {
    const reason = make("p", { class: "reason" }, ...prose(row.reason || "no reason is on record"));
    const more = ruling ? evidence({ ...ruling, reason: "" }) : [];
    return make("section", { class: "ending failed" }, make("h3", {}, "Unscored"), reason, ...more);
  }
  if (!ruling || row.score === null) {
    return make("section", { class: "ending" }, make("h3", {}, "No agreement, no answer, no score"));
  }
  return make("section", { class: "ending" },
    make("h3", {}, "Collective Agency"),
    make("p", { class: "total" }, make("b", {}, row.score.toFixed(2)), " of 5, by the ", ...prose(ruling.judge)),
    make("div", { class: "measures" }, ...ruling.bars.map((each) => bar(each.name, each.value, each.top))),
    ...evidence(ruling));
}

/* What a benchmark asked once the game was over */

function afterwards({ probes, challenge, comparisons }) {
  const parts = [
    probes.length ? folded(count(probes.length, "probe"), () => probes.map(probe)) : null,
    challenge ? folded(`Challenge: ${challenge.result}`, () => challenged(challenge)) : null,
    comparisons.length ? folded(count(comparisons.length, "comparison"), () => comparisons.map(comparison)) : null,
  ].filter(Boolean);
  return parts.length ? make("section", { class: "afterwards" }, make("h3", {}, "Asked afterwards"), ...parts) : null;
}

function probe({ title, measure, top, verdict }) {
  return make("section", { class: "call" },
    make("h4", {}, ...prose(title)), verdict.value === null ? null : bar(measure, verdict.value, top),
    ...verdict.bars.map((each) => bar(each.name, each.value, each.top)), ...evidence(verdict));
}

function challenged({ said, failure, verdict }) {
  return [
    ...said.map(([name, text]) => make("p", { class: "words" }, make("b", {}, ...prose(name)), ": ", ...prose(text))),
    failure ? make("p", { class: "alarm" }, ...prose(failure)) : null,
    verdict ? agreement(verdict) : null,
  ].filter(Boolean);
}

function comparison({ title, judge, orders }) {
  return make("section", { class: "call" }, make("h4", {}, ...prose(title)), pairs({ ...orders, judge }));
}

function small(detail, scenario) {
  const { id, category, domain, tension } = scenario;
  const about = { scenario: id, ...given({ category, domain, tension }), ...detail.rules };
  return make("footer", {}, pairs(detail.usage, "facts row"), folded("Scenario and rules", () => [pairs(about)]));
}
