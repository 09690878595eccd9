"""Runs to report on: as commands leave them, and one in which everything that a model, judge or file says attacks."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from negotiation_env import Persona, Scenario, ScriptedJudge, load_scenarios
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.benchmark.run import run_benchmark
from negotiation_env.environment.episode import Episode, append_episode
from negotiation_env.environment.turns import Refused
from negotiation_env.episodes.evaluate import evaluate
from negotiation_env.episodes.runner import Game, play
from negotiation_env.game.events import JudgeCall, Outcome, QuestionKind, Ruling, Status, Verdict
from negotiation_env.guards.files import Intervention
from negotiation_env.guards.watch import Violation
from negotiation_env.interfaces import TokenTrace
from negotiation_env.judges.llm import LLMJudge
from negotiation_env.statistics.bradley_terry import bradley_terry
from negotiation_env.statistics.intervals import Estimate
from negotiation_env.statistics.table import Table, tables_to_json
from tests.benchmark.small_benchmark import cast_of, small
from tests.helpers.llm_replies import judge_reply

HOSTILE = (
    "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1><!--<svg onload=window.pwned=1>"
    "]]>\"}]} ' ` ${window.pwned=1} {{ 7*7 }} {% raw %} javascript:window.pwned=1 \u2028\u202e\u0007 $x^2$ </style>"
)
AGENTS = (ScriptedAgent("compromising"), ScriptedAgent("stubborn"))


def evaluation(folder: Path, count: int = 6) -> Path:
    """Scores from 0 to 2 by the length of the scenario's id."""
    judge = ScriptedJudge(score=lambda question: float(len(question.scenario.id) % 3))
    evaluate(AGENTS, judge, load_scenarios("eval_conflict")[:count], folder)
    return folder


def judged_by_a_model(folder: Path) -> Path:
    """With prompts, replies, quotes and aspects of an LLM judge; its first reply cannot be read."""
    replies = iter(["I would rather not say."])

    def reply(request):
        asked = {"messages": request.messages, "response_format": {"json_schema": {"schema": request.schema}}}
        return next(replies, None) or judge_reply(asked)

    evaluate(AGENTS, LLMJudge(FakeModel(reply)), load_scenarios("eval_conflict")[:3], folder)
    return folder


def benchmark(folder: Path) -> Path:
    """Three negotiators over one dilemma, compared, probed and challenged."""
    config = small(conflict=1, open=0, panel={}, comparisons={"quality": "checksum"})
    with pytest.MonkeyPatch.context() as patch:  # its intervals take long and are not what is looked at here
        patch.setattr("negotiation_env.benchmark.win_tables.bradley_terry", partial(bradley_terry, draws=5))
        run_benchmark(config, cast_of(config), folder)
    return folder


def training(folder: Path) -> Path:
    """Two steps of a group of three with token traces, and held-out play before and after them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text('method = "self-play"\ntrained_tokens = "dialogue"\n')
    for step in (0, 1):
        for row in range(3):
            append_episode(folder / "episodes.jsonl", learned(step, row, reward=float(row), advantage=row - 1.0))
    evaluation(folder / "held_out" / "step-0", 3)
    evaluation(folder / "held_out" / "step-2", 3)
    return folder


def learned(step: int, row: int, reward: float | None, **tags: object) -> Episode:
    """A negotiation of a training step; the learner has seat 0."""
    scenario = load_scenarios("eval_conflict")[step]
    place = {"step": step, "row": row, "group": 0, "learner_seat": 0, **tags}
    episode = play(Game(f"{step}/{row}", scenario, AGENTS, row, tags=place), ScriptedJudge(score=reward or 0.0))
    trace = TokenTrace((1, 2, 3), (40, 41, 42), (-0.1, -2.5, 0.0))
    said = tuple(replace(each, tokens=trace) for each in episode.turns)
    return replace(episode, turns=said, reward=reward)


def thoughtful(folder: Path) -> Path:
    """A game whose first turn has a thought."""
    episode = play(Game("g", load_scenarios("eval_conflict")[0], AGENTS), ScriptedJudge())
    first = replace(episode.turns[0], thought="My limit is 40.")
    append_episode(folder / "episodes.jsonl", replace(episode, turns=(first, *episode.turns[1:])))
    return folder


def guarded(folder: Path, thought: str = "", refused: str = "") -> Path:
    """A game under guards in which a party presses: delivered first, then refused; with thoughts before either."""
    agents = (ScriptedAgent("pushy"), ScriptedAgent("stubborn"))
    game = Game("g", load_scenarios("eval_conflict")[0], agents)
    episode = play(game, ScriptedJudge(), guards="safety")
    turns = tuple(
        replace(turn, thought=thought, refused=tuple(replace(each, thought=refused) for each in turn.refused))
        for turn in episode.turns
    )
    append_episode(folder / "episodes.jsonl", replace(episode, turns=turns))
    return folder


def hostile(folder: Path) -> Path:
    """Attacks in every text of episodes, tables and settings, in the names of tags, and in the folder's name."""
    folder = folder / "<img src=x onerror=window.pwned=1>"
    folder.mkdir(parents=True)
    for number in range(3):
        append_episode(folder / "episodes.jsonl", attacking(number))
    estimate = Estimate(0.5, 0.4, 0.6, 10)
    rows = ((HOSTILE, estimate, HOSTILE), ("b", estimate, 1))
    tables = (
        Table(HOSTILE, (HOSTILE, HOSTILE + "2", "3"), rows, HOSTILE),
        Table("m", (HOSTILE, "a"), (("a", 0.5),), "", True),
    )
    (folder / "tables.json").write_text(tables_to_json(tables), encoding="utf-8")
    (folder / "run.json").write_text(json.dumps({"agents": HOSTILE}), encoding="utf-8")
    for name, line in attacking_answers().items():
        (folder / name).write_text(json.dumps(line) + "\n", encoding="utf-8")
    return folder


def attacking_answers() -> dict[str, dict[str, object]]:
    """A line for each of a benchmark's files, about the first games of `hostile`."""
    game, other = (f"{number} {HOSTILE}" for number in range(2))
    verdict = {"value": 1.0, "judge": HOSTILE, "reason": HOSTILE, "details": {HOSTILE: HOSTILE}}
    words = {"seat": 0, "text": HOSTILE}
    preference = {"value": 1.0, "judge": HOSTILE, "reason": HOSTILE}
    sides = {"objective": HOSTILE, "judge": HOSTILE, "first": HOSTILE, "second": HOSTILE}
    return {
        "probes.jsonl": {"id": "p", "episode": game, "kind": "acceptance", "seat": 0, "verdict": verdict},
        "challenges.jsonl": {"id": game, "doubt": words, "reply": words, "verdict": verdict, "error": HOSTILE},
        "comparisons.jsonl": {
            "id": f"{HOSTILE} | {game} | {other}",
            **sides,
            "duel": {"forward": preference, "backward": preference},
        },
    }


def attacking(number: int) -> Episode:
    """An episode whose every text is an attack."""
    personas = tuple(Persona(f"{seat} {HOSTILE}", HOSTILE, HOSTILE, HOSTILE, (HOSTILE,)) for seat in "AB")
    scenario = Scenario(HOSTILE, HOSTILE, personas, HOSTILE, HOSTILE, HOSTILE)
    episode = play(Game(f"{number} {HOSTILE}", scenario, AGENTS), ScriptedJudge())
    call = JudgeCall(({"role": HOSTILE, "content": HOSTILE},), HOSTILE, HOSTILE, HOSTILE, {HOSTILE: HOSTILE})
    details = {"parties": {"party_1": HOSTILE}, "levels": {HOSTILE: 3}, HOSTILE: [HOSTILE], "__proto__": HOSTILE}
    verdict = Verdict(3.0, HOSTILE, HOSTILE, details, (call,))
    broken = (Violation(HOSTILE, Intervention.ASK_AGAIN),)
    attacked = {"thought": HOSTILE, "violations": broken, "refused": (Refused(0, HOSTILE, broken, HOSTILE),)}
    return replace(
        episode,
        agents=(HOSTILE, f"{number} {HOSTILE}"),
        judge=HOSTILE,
        turns=tuple(
            replace(each, text=HOSTILE, raw=HOSTILE, events=(HOSTILE,), usage={HOSTILE: HOSTILE}, **attacked)
            for each in episode.turns
        ),
        rulings=tuple(Ruling(each.kind, each.turn, verdict) for each in episode.rulings),
        outcome=Outcome(Status.AGREED, episode.outcome.turns, True, HOSTILE, 3.0, HOSTILE),
        reward=3.0,
        tags={HOSTILE: f"{number} {HOSTILE}", **({"__proto__": HOSTILE, "constructor": "1"} if number else {})},
    )


def unscored(episode: Episode, reason: str) -> Episode:
    """The same, its judge having failed at the score."""
    failed = Ruling(QuestionKind.SCORE, episode.outcome.turns, Verdict(None, episode.judge, reason))
    outcome = replace(episode.outcome, status=Status.UNSCORED, score=None, reason=reason)
    return replace(episode, rulings=(*episode.rulings[:-1], failed), outcome=outcome, reward=None)
