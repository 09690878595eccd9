"""What a benchmark takes at most, before it is started: every call, with tokens by the longest games.

Prompts are rendered with turns and answers of the longest length; a token is taken for four characters, and a judge's
reply for 250 tokens. Calls are an upper bound, tokens an estimate of it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from negotiation_env.benchmark.config import ITSELF, BenchmarkConfig
from negotiation_env.benchmark.plan import Planned
from negotiation_env.chat_completions import EndpointSettings
from negotiation_env.events import Message, Outcome, Task, Turn, Utterance, Verdict
from negotiation_env.judges.criteria import load_criteria
from negotiation_env.judges.forms import ComparisonForm, Form, Pair, form_of
from negotiation_env.judges.probes import Probe, ProbeKind, probe_form
from negotiation_env.protocol import Negotiation, Rules
from negotiation_env.scenario import Scenario
from negotiation_env.table import Cell, Table

__all__ = ["cost_table"]

JUDGE: Final = "judge"
_CHARACTERS: Final = 4  # a token
_JUDGE_REPLY: Final = 250  # tokens
_WORD: Final = "word "  # with its space about a token


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of a model: who is asked, and tokens in and out."""

    who: int | str
    prompt: int
    reply: int


def cost_table(
    config: BenchmarkConfig, games: Sequence[Planned], prices: Mapping[str, EndpointSettings | None]
) -> Table:
    """Calls, tokens and dollars by who is asked.

    Args:
        config: The settings.
        games: The plan.
        prices: By spec; None where a model runs here or its price is not known.
    """
    specs = {**config.negotiators, **config.panel, JUDGE: config.judge, **config.comparisons}
    calls: dict[str, list[_Call]] = defaultdict(list)
    for who, call in _all_calls(config, games):
        calls[who].append(call)
    rows = tuple(_row(who, some, specs[who], prices.get(specs[who])) for who, some in calls.items())
    dollars = [row[-1] for row in rows if isinstance(row[-1], float)]
    total: tuple[Cell, ...] = ("all", "", sum(map(len, calls.values())), None, None, sum(dollars) if dollars else None)
    columns = ("who", "spec", "calls", "million tokens in", "out", "dollars")
    note = f"At most, with the longest games; {len(games)} games. Dollars where the spec's file names prices."
    return Table("What the benchmark takes", columns, (*rows, total), note)


def _row(who: str, calls: Sequence[_Call], spec: str, settings: EndpointSettings | None) -> tuple[Cell, ...]:
    prompt, reply = sum(call.prompt for call in calls), sum(call.reply for call in calls)
    dollars = settings.cost(prompt, reply) if settings else None
    return who, spec, len(calls), prompt / 1e6, reply / 1e6, dollars


def _all_calls(config: BenchmarkConfig, games: Sequence[Planned]) -> Iterator[tuple[str, _Call]]:
    """Every call with the name of who is asked."""
    longest = {scenario: _longest(scenario, config) for scenario in {each.scenario for each in games}}
    for each in games:
        place, scenario = each.place, each.scenario
        for call in longest[scenario]:
            alone = call.who == place.seat or place.opponent in (ITSELF, "")
            yield JUDGE if call.who == JUDGE else place.negotiator if alone else place.opponent, call
        if config.probes and scenario.personas:
            yield from _probes(place.negotiator, scenario, longest[scenario], config)
        if place.opponent in (ITSELF, "") and place.negotiator == config.baseline:
            yield from _comparisons(scenario, config)


def _longest(scenario: Scenario, config: BenchmarkConfig) -> list[_Call]:
    """All calls of a game that uses every turn and every token; nobody agrees."""
    game, calls = Negotiation(scenario, Rules(**config.rules([scenario]))), []
    while not isinstance(pending := game.pending, Outcome):
        if isinstance(pending, Turn):
            limit = config.max_completion_tokens if pending.task is Task.COMPLETION else config.max_turn_tokens
            calls.append(_Call(pending.seat, _tokens(pending.messages), limit))
            game.say(_WORD * limit)
        else:
            calls.append(_judged(form_of(pending, load_criteria())))
            game.rule(Verdict(0.0, ""))
    return calls


def _probes(
    negotiator: str, scenario: Scenario, longest: Sequence[_Call], config: BenchmarkConfig
) -> Iterator[tuple[str, _Call]]:
    """Every party's acceptance, faithfulness, and a challenge with its verdict, all about the longest game."""
    answer = _WORD * config.max_completion_tokens
    turns = [Utterance(turn % scenario.seats, _WORD * config.max_turn_tokens) for turn in range(config.max_turns)]
    probes = [Probe(ProbeKind.ACCEPTANCE, scenario, answer, seat=seat) for seat in range(scenario.seats)]
    probes.append(Probe(ProbeKind.FAITHFULNESS, scenario, answer, dialogue=tuple(turns)))
    yield from ((JUDGE, _judged(probe_form(probe))) for probe in probes)
    *_, agreement, completion, _ = longest
    yield negotiator, _Call(completion.who, completion.prompt, config.max_turn_tokens)
    yield JUDGE, agreement


def _comparisons(scenario: Scenario, config: BenchmarkConfig) -> Iterator[tuple[str, _Call]]:
    """Of every two negotiators, in both orders, by every objective."""
    answer = _WORD * config.max_completion_tokens
    call = _judged(ComparisonForm(Pair(scenario, answer, answer), load_criteria()))
    for _ in combinations(config.negotiators, 2):
        yield from ((objective, call) for objective in config.comparisons for _ in range(2))


def _judged(form: Form) -> _Call:
    return _Call(JUDGE, _tokens(form.messages), _JUDGE_REPLY)


def _tokens(messages: Sequence[Message]) -> int:
    return sum(len(message["content"]) for message in messages) // _CHARACTERS
