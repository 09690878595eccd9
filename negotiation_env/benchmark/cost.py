"""What a benchmark takes at most, before it is started: every call, with tokens by the longest games.

Prompts are those of the longest games, estimated as `Ruler` does; a judge's reply is taken for 250 tokens. Calls are
an upper bound, but for those that a judge's unreadable reply makes it repeat; tokens are an estimate of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from negotiation_env.benchmark.config import BenchmarkConfig
from negotiation_env.benchmark.plan import Place, Planned, grouped, pairs
from negotiation_env.endpoints.chat_completions import EndpointSettings
from negotiation_env.environment.prompting import planned_prompts
from negotiation_env.episodes.longest_game import ANSWER, LongestGame, Ruler, longest_game
from negotiation_env.game.events import Task
from negotiation_env.game.protocol import Rules
from negotiation_env.game.scenario import Scenario
from negotiation_env.guards.files import load_guards
from negotiation_env.judges.criteria import load_criteria
from negotiation_env.judges.forms import ComparisonForm, Form, Pair
from negotiation_env.judges.probes import Probe, ProbeKind, probe_form
from negotiation_env.judges.turn_form import form_of
from negotiation_env.statistics.table import Cell, Table

__all__ = ["Model", "cost_table"]

_JUDGE: Final = "judge"
_ROLES: Final = ("negotiator", "opponent", _JUDGE, "comparing")
_JUDGE_REPLY: Final = 250  # tokens


@dataclass(frozen=True, slots=True)
class Model:
    """What is behind a spec; a panel has one for each member.

    Attributes:
        spec: Its own.
        endpoint: Where its prices are; None where it runs here, or has none.
        replies: Most that one question takes: an LLM judge's samples.
    """

    spec: str
    endpoint: EndpointSettings | None = None
    replies: int = 1


@dataclass(frozen=True, slots=True)
class _Call:
    """One call, with tokens in and out, of the party in a seat; None is the judge.

    Whoever writes the answer is the negotiator that is looked at, in whichever seat.
    """

    seat: int | None
    prompt: int
    reply: int
    writes: bool = False


@dataclass(frozen=True, slots=True)
class _Longest:
    """All calls over one scenario: of a game that uses every turn and every token, and of what is asked about it."""

    game: tuple[_Call, ...]
    probes: tuple[_Call, ...]
    comparison: _Call


def cost_table(config: BenchmarkConfig, games: Sequence[Planned], models: Mapping[str, Sequence[Model]]) -> Table:
    """Calls, tokens and dollars by who is asked.

    Args:
        config: The settings.
        games: The plan.
        models: By spec, for every spec of the settings.
    """
    calls: dict[tuple[str, str], list[_Call]] = defaultdict(list)
    for who, spec, call in _all_calls(config, games):
        calls[who, spec].append(call)
    asked = sorted(calls.items(), key=lambda each: _ROLES.index(each[0][0].partition(" ")[0]))
    rows = [_row(who, model, some) for (who, spec), some in asked for model in models[spec]]
    total: tuple[Cell, ...] = ("all", "", *(_sum(row[place] for row in rows) for place in range(2, 6)))
    columns = ("who", "spec", "calls", "million tokens in", "out", "dollars")
    note = f"At most, with the longest games; {len(games):,} games. Dollars where the spec's file names prices."
    return Table("What the benchmark takes", columns, (*rows, total), note)


def _row(who: str, model: Model, calls: Sequence[_Call]) -> tuple[Cell, ...]:
    prompt, reply = (model.replies * sum(tokens) for tokens in zip(*((c.prompt, c.reply) for c in calls), strict=True))
    dollars = model.endpoint.cost(prompt, reply) if model.endpoint else None
    return who, model.spec, model.replies * len(calls), prompt / 1e6, reply / 1e6, dollars


def _sum(cells: Iterable[Cell]) -> Cell:
    """Over the numbers; None without any."""
    known = [cell for cell in cells if isinstance(cell, int | float)]
    return sum(known) if known else None


def _all_calls(config: BenchmarkConfig, games: Sequence[Planned]) -> Iterator[tuple[str, str, _Call]]:
    """Every call with the role, the name and the spec of who is asked."""
    parties = {**config.negotiators, **config.panel}
    longest = _longest_of_all(config, games)
    for each in games:
        place, calls = each.place, longest[each.scenario, each.place.single]
        times = 2 if config.guards_paired and not place.single else 1
        for call in (*calls.game * times, *calls.probes):
            who = _party(place, call)
            role = "negotiator" if who in config.negotiators else "opponent"
            yield (_JUDGE, config.judge, call) if who is None else (f"{role} {who}", parties[who], call)
    for first, _ in pairs(games):
        for name, objective in config.objectives.items():
            if first.place.setting in objective.settings:
                asked = longest[first.scenario, first.place.single].comparison
                yield from [(f"comparing {name}", objective.judge, asked)] * 2  # both orders


def _party(place: Place, call: _Call) -> str | None:
    if call.seat is None:
        return None
    own = call.writes or call.seat == place.seat or place.alone
    return place.negotiator if own else place.opponent


def _longest_of_all(config: BenchmarkConfig, games: Sequence[Planned]) -> dict[tuple[Scenario, bool], _Longest]:
    """By scenario and whether it is answered alone."""
    found: dict[tuple[Scenario, bool], _Longest] = {}
    for (_, alone), some in grouped(games, lambda each: (each.place.setting, each.place.single)).items():
        scenarios = dict.fromkeys(each.scenario for each in some)
        rules = Rules(**config.rules(scenarios, alone=alone))
        found |= {(scenario, alone): _longest(scenario, rules, config) for scenario in scenarios}
    return found


def _longest(scenario: Scenario, rules: Rules, config: BenchmarkConfig) -> _Longest:
    ruler = Ruler(config.max_turn_tokens, config.max_completion_tokens)
    guards = load_guards(config.guards) if config.guards and not rules.single else None
    game = longest_game(scenario, rules, ruler, planned_prompts(config.prompts, config.judge), guards)
    spoken = (_Call(each.seat, each.context, each.limit, each.task is Task.COMPLETION) for each in game.speeches)
    judged = (_judged(form_of(question, load_criteria()), ruler) for question in game.questions)
    probes = tuple(_probes(scenario, game, ruler)) if config.probes and scenario.personas else ()
    comparison = _judged(ComparisonForm(Pair(scenario, ANSWER, ANSWER), load_criteria()), ruler)
    return _Longest((*spoken, *judged), probes, comparison)


def _probes(scenario: Scenario, game: LongestGame, ruler: Ruler) -> Iterator[_Call]:
    """Every party's acceptance; where they may have agreed faithfulness, and a challenge with its verdict."""
    accepts = (Probe(ProbeKind.ACCEPTANCE, scenario, ANSWER, seat=seat) for seat in range(scenario.seats))
    yield from (_judged(probe_form(probe), ruler) for probe in accepts)
    if len(game.questions) == 1:  # the score of an answer that was given alone
        return
    *_, agreement, _ = game.questions
    yield _judged(probe_form(Probe(ProbeKind.FAITHFULNESS, scenario, ANSWER, dialogue=agreement.dialogue)), ruler)
    yield _Call(game.speeches[-1].seat, game.speeches[-1].context, ruler.turn, writes=True)
    yield _judged(form_of(agreement, load_criteria()), ruler)


def _judged(form: Form, ruler: Ruler) -> _Call:
    return _Call(None, ruler.tokens(form.messages), _JUDGE_REPLY)
