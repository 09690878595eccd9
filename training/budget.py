"""What a training run will take, worked out without weights: parameters, memory, tokens, time, the judge's calls.

Tokens, calls and money are upper bounds: they follow from the longest negotiation that the config allows, on the
scenario with the longest texts. Memory is an estimate; `negotiation_env.training.memory` has its formula.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from negotiation_env.agents.models.attention import layer_window
from negotiation_env.agents.models.in_process import CACHE_ROOM, CACHED_BATCHES, MAX_BATCH
from negotiation_env.data import load_scenarios
from negotiation_env.environment.prompting import planned_prompts
from negotiation_env.episodes.evaluate import GAMES_AT_A_TIME
from negotiation_env.episodes.longest_game import LongestGame, Ruler, Speech, longest_game, longest_scenario
from negotiation_env.game.protocol import Rules
from negotiation_env.game.scenario import Scenario
from negotiation_env.guards.files import Guards, load_guards
from negotiation_env.judges.criteria import load_criteria
from negotiation_env.judges.llm_file import JudgeFile
from negotiation_env.judges.turn_form import form_of
from negotiation_env.training.architectures import Parameters, count_parameters, find_architecture
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.duration import StepTime, step_time
from negotiation_env.training.memory import Load, Memory, estimate_memory
from negotiation_env.training.opponents import Opponents, Pool, parse_opponents
from negotiation_env.training.scenarios import dilemmas_of

if TYPE_CHECKING:
    from negotiation_env.agents.models.chat_tokens import ChatTokens

__all__ = ["Bill", "Budget", "Work", "plan"]


@dataclass(frozen=True, slots=True)
class Work:
    """What is done, at most, in a training step or an evaluation.

    Attributes:
        games: Negotiations.
        sampled: Tokens that the model in training and its past selves say.
        decodes: Forward passes of one process that these are drawn by, one after the other, each for a whole batch.
        prefilled: Tokens that they read without having said them.
        rows: Training rows.
        forwarded: Tokens of these rows, which the forward and the backward pass go through.
        trained: Tokens of them that carry the gradient.
        questions: What the judge is asked.
    """

    games: int = 0
    sampled: int = 0
    decodes: int = 0
    prefilled: int = 0
    rows: int = 0
    forwarded: int = 0
    trained: int = 0
    questions: int = 0


@dataclass(frozen=True, slots=True)
class Bill:
    """What one LLM judge is asked in a run, at most; replies that have to be asked for again come on top.

    Attributes:
        judge: The model.
        calls: Chat completions.
        prompt_tokens: Tokens in them, estimated.
        completion_tokens: Tokens out of them, every reply as long as it may be.
        dollars: None where its file has no prices.
    """

    judge: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    dollars: float | None


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run takes.

    Attributes:
        architecture: Where the model's shape was read.
        positions: The model's longest context, in tokens.
        context: The run's longest conversation, in tokens.
        parameters: How many.
        memory: Of one process.
        decode: How long a decoding step takes.
        step: One training step, over all processes.
        steps: How many of them.
        evaluation: One evaluation on the held-out scenarios.
        evaluations: How many of them.
        bills: Of the LLM judges whose settings are known.
    """

    architecture: str
    positions: int
    context: int
    parameters: Parameters
    memory: Memory
    decode: StepTime
    step: Work
    steps: int
    evaluation: Work
    evaluations: int
    bills: tuple[Bill, ...]


def plan(
    config: TrainConfig,
    *,
    processes: int = 1,
    chat: "ChatTokens | None" = None,
    judges: Sequence[JudgeFile] = (),
    held_out_judges: Sequence[JudgeFile] = (),
) -> Budget:
    """Work out what a run takes.

    Args:
        config: The settings.
        processes: How many train side by side.
        chat: The model's tokenizer; None estimates its counts.
        judges: The LLM judges that the training asks.
        held_out_judges: Those that only the evaluations ask.

    Raises:
        UserError: A scenario, opponent or adapter is wrong, the model's shape is not known, it cannot be sampled in
            this process, or the rows of a step cannot be shared out.
    """
    ruler = _ruler(config, chat)
    opponents = parse_opponents(config.opponent)
    games = _training_games(config, ruler)
    held_out = _held_out_games(config, ruler)
    shape = find_architecture(config.model)
    if config.engine == "in-process":
        layer_window(shape.settings)  # raises where rows with holes cannot be sampled
    parameters = count_parameters(config, shape)
    step = _step(config, opponents, games, processes)
    evaluation = _evaluation(config, held_out)
    load = _load(config, opponents, games, held_out, processes)
    evaluations = _evaluations(config)
    training_asks = (_most_asked(games), config.max_steps * step.games)
    evaluations_ask = (_most_asked(held_out), evaluations * evaluation.games)
    words = replace(ruler, prompt=None)  # a judge has a tokenizer of its own
    return Budget(
        architecture=shape.source,
        positions=shape.positions,
        context=max(game.context for game in (*games.values(), *held_out.values())),
        parameters=parameters,
        memory=estimate_memory(config, shape, parameters, load),
        decode=step_time(config.model, shape.layers),
        step=step,
        steps=config.max_steps,
        evaluation=evaluation,
        evaluations=evaluations,
        bills=(
            *(_bill(judge, words, [training_asks, evaluations_ask]) for judge in judges),
            *(_bill(judge, words, [evaluations_ask]) for judge in held_out_judges),
        ),
    )


def _ruler(config: TrainConfig, chat: "ChatTokens | None") -> Ruler:
    """Of a template that is not known, answered thoughts are taken to be dropped, as Qwen3's are."""
    anew = config.thinks if chat is None else chat.anew
    prompt = chat.prompt if chat else None
    return Ruler(config.max_turn_tokens, config.max_completion_tokens, prompt, config.max_thought_tokens, anew)


Games = dict[int, LongestGame]
"""The longest negotiation for each seat that the learner may have."""


def _training_games(config: TrainConfig, ruler: Ruler) -> Games:
    chosen = [scenario for dilemma in dilemmas_of(config) for scenario in dilemma]
    guards = load_guards(config.guards) if config.guards else None
    return {seat: _longest(config, chosen, seat, ruler, guards) for seat in config.seats}


def _held_out_games(config: TrainConfig, ruler: Ruler) -> Games:
    """In evaluations the first seat writes the joint answer, agreed or not."""
    if config.eval_split == "none":
        return {}
    scenarios = load_scenarios(config.eval_split)
    config.check_fit(scenarios, [0])
    return {0: _longest(config, scenarios, 0, ruler)}


def _longest(
    config: TrainConfig, scenarios: Sequence[Scenario], writer: int, ruler: Ruler, guards: Guards | None = None
) -> LongestGame:
    prompts = planned_prompts(config.prompts, config.judge)
    return longest_game(longest_scenario(scenarios), Rules(**config.rules, writer=writer), ruler, prompts, guards)


def _step(config: TrainConfig, opponents: Opponents, games: Games, processes: int) -> Work:
    """The most of each figure over the learner's seats; silent groups may be played twice."""
    takes = 2 if config.no_signal == "resample" else 1
    played, rows = takes * config.games_per_step, config.games_per_step
    speeches = [_own_speeches(game, seat, opponents) for seat, game in games.items()]
    longest = max(sum(speech.limit for speech in own) for own in speeches)
    batches = _voices(config, opponents) * _batches(config.rows_per_process(processes) // config.rows_per_game)
    trained = [_rows(config, game, seat) for seat, game in games.items()]
    return Work(
        games=played,
        sampled=played * longest,
        decodes=takes * batches * longest,
        prefilled=played * max(sum(speech.fresh for speech in own) for own in speeches),
        rows=rows * max(map(len, trained)),
        forwarded=rows * max(sum(length for length, _ in each) for each in trained),
        trained=rows * max(sum(counted for _, counted in each) for each in trained),
        questions=played * len(_most_asked(games).questions),
    )


def _rows(config: TrainConfig, game: LongestGame, writer: int) -> list[tuple[int, int]]:
    """Training rows of a game: the length of each, and how many tokens are trained."""
    tasks, thoughts = config.trained_tasks, config.trains_thoughts
    return [row for seat in config.trained_seats(writer) for row in game.rows(tasks, seat, thoughts=thoughts)]


def _own_speeches(game: LongestGame, seat: int, opponents: Opponents) -> list[Speech]:
    """Those of the model in training and its past selves; other agents' are not ours to sample."""
    copies = any(pool for pool, _ in opponents.shares.values())
    return [speech for speech in game.speeches if copies or speech.seat == seat]


def _evaluation(config: TrainConfig, games: Games) -> Work:
    """The learner plays every seat."""
    if not games:
        return Work()
    game, played = games[0], min(config.eval_scenarios, len(load_scenarios(config.eval_split)))
    longest = sum(speech.limit for speech in game.speeches)
    return Work(
        games=played,
        sampled=played * longest,
        decodes=-(-played // GAMES_AT_A_TIME) * _batches(min(played, GAMES_AT_A_TIME)) * longest,
        prefilled=played * sum(speech.fresh for speech in game.speeches),
        questions=played * len(game.questions),
    )


def _evaluations(config: TrainConfig) -> int:
    """Before, after, and every so many steps between."""
    if config.eval_split == "none":
        return 0
    return 2 + ((config.max_steps - 1) // config.eval_every if config.eval_every else 0)


def _most_asked(games: Games) -> LongestGame:
    return max(games.values(), key=lambda game: len(game.questions), default=LongestGame((), ()))


def _load(config: TrainConfig, opponents: Opponents, games: Games, held_out: Games, processes: int) -> Load:
    """One process plays its share of a step, and the first one all of an evaluation."""
    share, played = config.rows_per_process(processes) // config.rows_per_game, _evaluation(config, held_out).games
    own = [_own_speeches(game, seat, opponents) for seat, game in games.items()]
    evaluated = [game.speeches for game in held_out.values()]
    kept = [share * _kept(speeches) for speeches in own]
    kept += [min(played, _held(speeches)) * _kept(speeches) for speeches in evaluated]
    return Load(
        rows=min(max(share, min(played, GAMES_AT_A_TIME)), MAX_BATCH),
        fed=max(speech.fresh for speeches in (*own, *evaluated) for speech in speeches),
        kept=max(kept),
        row=max(length for seat, game in games.items() for length, _ in _rows(config, game, seat)),
        copies=_all_copies(config, opponents),
    )


def _kept(speeches: Sequence[Speech]) -> int:
    """Places for each seat's longest conversation; what was rendered anew has taken the place of what was before."""
    longest = (max(speech.end for speech in speeches if speech.seat == seat) for seat in _seats(speeches))
    return sum(end + CACHE_ROOM for end in longest)


def _held(speeches: Sequence[Speech]) -> int:
    """Held-out games whose keys and values are there at once: the newest batches stay, though their games be over."""
    return GAMES_AT_A_TIME * CACHED_BATCHES // len(_seats(speeches))


def _seats(speeches: Sequence[Speech]) -> set[int]:
    return {speech.seat for speech in speeches}


def _batches(rows: int) -> int:
    return -(-rows // MAX_BATCH)


def _voices(config: TrainConfig, opponents: Opponents) -> int:
    """Weights that a turn is sampled with one after the other, at most: a group meets one opponent."""
    past = min(config.groups_per_step, _all_copies(config, opponents))
    return max(1, past + (config.learner_seat == "alternate" or len(opponents.shares) > 1) * (past > 0))


def _all_copies(config: TrainConfig, opponents: Opponents) -> int:
    return sum(_copies(pool, config.max_steps) for pool, _ in opponents.shares.values() if pool)


def _copies(pool: Pool, steps: int) -> int:
    """None of one that is refreshed at every step: the learner itself plays it."""
    return 0 if pool.every == pool.size == 1 else min(pool.size, (steps - 1) // pool.every + 1)


def _bill(judge: JudgeFile, ruler: Ruler, asked: Sequence[tuple[LongestGame, int]]) -> Bill:
    """For the questions of the longest games, each played so many times."""
    criteria, samples = load_criteria(judge.criteria), judge.judge.samples
    calls = prompt = 0
    for game, times in asked:
        calls += times * samples * len(game.questions)
        lengths = (ruler.tokens(form_of(question, criteria).messages) for question in game.questions)
        prompt += times * samples * sum(lengths)
    completion = calls * judge.judge.max_tokens
    return Bill(judge.endpoint.name, calls, prompt, completion, judge.endpoint.cost(prompt, completion))
