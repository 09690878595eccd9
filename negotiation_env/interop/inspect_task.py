"""Negotiation as a task of Inspect: `inspect eval negotiation_env/negotiate --model openai/gpt-4o`.

The model speaks in one seat. `--model-role opponent=MODEL` and `judge=MODEL` name models of Inspect for the other seats
and the verdicts; `-T opponent=SPEC` and `-T judge=SPEC` take any agent or judge of this project. Without them the model
plays against itself and the embedded judge decides. Equal seeds give the games of `negotiate eval`; a further epoch has
seeds of its own. `inspect view` shows all calls, words and verdicts; the record is in the score's metadata.
"""

import json
from functools import partial
from typing import Any

from negotiation_env.agents.chat import ChatAgent, with_sampling
from negotiation_env.agents.specs import resolve_agent
from negotiation_env.data import load_scenarios
from negotiation_env.environment.aec import raw_env
from negotiation_env.environment.choices import require_fit
from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.evaluate import pick_of
from negotiation_env.episodes.runner import Game, derive_seed, play
from negotiation_env.errors import UserError
from negotiation_env.game.events import Task as Asked
from negotiation_env.game.rules import Rules, enough_turns
from negotiation_env.game.scenario import Scenario
from negotiation_env.interfaces import Agent, Judge
from negotiation_env.interop.inspect_model import InspectModel
from negotiation_env.interop.inspect_scoring import RECORD, collective_agency
from negotiation_env.judges.llm import LLMJudge
from negotiation_env.judges.specs import resolve_judge
from negotiation_env.loading.heavy import importing

with importing("Inspect's task", extra="inspect"):
    from anyio import to_thread
    from inspect_ai import Task, task
    from inspect_ai._util.error import PrerequisiteError
    from inspect_ai.dataset import Sample
    from inspect_ai.log import transcript
    from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ModelOutput, get_model, model_roles
    from inspect_ai.solver import Generate, Solver, TaskState, solver

__all__ = ["negotiate", "negotiation"]


@task
def negotiate(
    split: str = "eval_conflict",
    n: int = 20,
    seed: int = 0,
    max_turns: int = 7,
    history_turns: int | None = None,
    judge_sees_dialogue: bool = False,
    opponent: str | None = None,
    judge: str | None = None,
    seat: int = 0,
    prompts: str | list[str] | None = None,
    guards: str | list[str] | None = None,
    max_turn_tokens: int | None = None,
    max_completion_tokens: int | None = None,
) -> Task:
    """Negotiations over a split, as `negotiate eval` plays them.

    Args:
        split: A shipped split or the path of a JSONL file.
        n: How many scenarios, drawn with the seed.
        seed: Seeds the draw and the replies.
        max_turns: Most utterances, 2 or more, raised where more than two negotiate; 0: the model answers alone.
        history_turns: As in `Rules`.
        judge_sees_dialogue: The same.
        opponent: An agent for the other seats; None is the model in the role "opponent", or else the one evaluated.
        judge: A judge; None is an LLM judge with the model in the role "judge", or else the embedded one.
        seat: Where the model sits; seat 0 writes the joint answer.
        prompts: A prompt set, or one for each seat; None follows the judge.
        guards: A guard file, or the name of shipped guards, or several.
        max_turn_tokens: Limit of new tokens in a turn of Inspect's models; raise it for models that think.
        max_completion_tokens: The same for the joint answer.

    Raises:
        PrerequisiteError: There is no such split, agent, judge, prompt set or guards, or they do not fit the split.
    """
    limits: dict[str, Any] = {"max_turn_tokens": max_turn_tokens, "max_completion_tokens": max_completion_tokens}
    try:
        scenarios = pick_of(split, load_scenarios(split, seed=seed), n, seed, "n =")
        rules: dict[str, Any] = {"history_turns": history_turns, "judge_sees_dialogue": judge_sees_dialogue}
        rules |= {"max_turns": enough_turns(max_turns, scenarios), "complete_without_agreement": True}
        require_fit(scenarios, Rules(**rules))
        if not 0 <= seat < min(scenario.seats for scenario in scenarios):
            raise UserError(f"seat: expected one that every scenario has; got {seat}")
        plays = negotiation(seed, seat, opponent, judge, {"prompts": prompts, "guards": guards, **rules}, limits)
    except (UserError, ValueError) as error:
        raise PrerequisiteError(str(error)) from error
    samples = [Sample(each.dilemma, id=each.id, metadata={"scenario": each.to_dict()}) for each in scenarios]
    return Task(samples, solver=plays, scorer=collective_agency())


@solver
def negotiation(
    seed: int, seat: int, opponent: str | None, judge: str | None, settings: dict[str, Any], limits: dict[str, Any]
) -> Solver:
    """Plays the whole game, the judge's verdicts included.

    Args:
        seed: As for `negotiate`, as the next three.
        seat: Where the model sits.
        opponent: An agent.
        judge: A judge.
        settings: Those of `play`: "prompts", "guards" and the fields of `Rules`.
        limits: Of `with_sampling`, for Inspect's models.

    Raises:
        UserError: There is no such agent, judge, prompt set or guards.
    """
    other = None if opponent is None else resolve_agent(opponent)
    decider = _decider(judge)
    raw_env(judge=decider, prompts=settings["prompts"], guards=settings["guards"])  # refuses before anybody is called

    def speaker(role: str | None) -> Agent:
        return with_sampling(ChatAgent(InspectModel(get_model(role=role), role or "learner")), **limits)

    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001 (Inspect gives it)
        scenario, learner = Scenario.from_dict(state.metadata["scenario"]), speaker(None)
        others = other or (speaker("opponent") if "opponent" in model_roles() else learner)
        agents = tuple(learner if each == seat else others for each in range(scenario.seats))
        epoch = [state.epoch] if state.epoch > 1 else []
        game = Game(scenario.id, scenario, agents, derive_seed(seed, scenario.id, *epoch))
        played = partial(play, game, decider, **settings)
        return _told(state, await to_thread.run_sync(played, abandon_on_cancel=True), seat)

    return solve


def _decider(judge: str | None) -> Judge:
    if judge is None and "judge" in model_roles():
        return LLMJudge(InspectModel(get_model(role="judge"), "judge"))
    return resolve_judge(judge or "embedded")


def _told(state: TaskState, episode: Episode, seat: int) -> TaskState:
    """The sample with what was said as its messages, and the joint answer as its output."""
    state.store.set(RECORD, json.loads(episode.to_json()))
    for ruling in episode.rulings:
        verdict = {"value": ruling.verdict.value, "reason": ruling.verdict.reason, "details": ruling.verdict.details}
        transcript().info({"asked": ruling.kind, "turn": ruling.turn, **verdict}, source=episode.judge)
    names = episode.scenario.names or ("answer",)
    for turn in episode.turns:
        kind = ChatMessageAssistant if turn.seat == seat else ChatMessageUser
        what = " (joint answer)" if turn.task is Asked.COMPLETION and episode.scenario.names else ""
        state.messages.append(kind(content=f"{names[turn.seat]}{what}: {turn.text}"))
    state.output = ModelOutput.from_content(episode.agents[seat], episode.outcome.completion or "")
    return state
