"""Games of a benchmark and what was said about them, made by hand, so that their figures are known."""

from dataclasses import asdict

from negotiation_env import Verdict
from negotiation_env.benchmark.compare import Compared
from negotiation_env.benchmark.config import ITSELF, Decoding, Setting
from negotiation_env.benchmark.measures import Seen
from negotiation_env.benchmark.plan import Place, Planned
from negotiation_env.environment.episode import Episode
from negotiation_env.environment.turns import Said
from negotiation_env.game.events import JudgeCall, Outcome, QuestionKind, Ruling, Status, Task
from negotiation_env.game.protocol import Rules
from negotiation_env.game.scenario import Scenario
from negotiation_env.judges.pairwise import Duel, Preference
from tests.conftest import two_parties

OFFER, YES = "Let us share.\nPROPOSE: We share the well.", "Good.\nACCEPT"

_BETTER = {"first": (1.0, 0.0), "second": (0.0, 1.0), "tie": (0.5, 0.5), "either": (1.0, 1.0), "unsaid": (None, 1.0)}
"""Preferences in the order given and in the other; "either" is whichever comes first."""
FAILED = "failed"


def place(negotiator="base", opponent=ITSELF, seat=0, *, setting=Setting.CONFLICT, decoding=Decoding.GREEDY, run=0):
    return Place(setting, negotiator, opponent, seat, decoding, run)


def question_place(negotiator="base", **more):
    return place(negotiator, "", setting=Setting.OPEN, **more)


def question(name="prayer"):
    return Scenario(name, "What should a town do with an empty church?", category="society")


def episode(where=None, scenario=None, *, score=3.0, agreed=True, turns=(OFFER, YES), answer="We share.", usage=None):
    """A game; a score of None is unscored, of an open question there are no turns."""
    where, scenario = where or place(), scenario or two_parties()
    turns = turns if scenario.personas else ()
    said = [Said(number % scenario.seats, Task.UTTERANCE, text) for number, text in enumerate(turns)]
    said.append(Said(where.seat, Task.COMPLETION, answer, usage=usage or {}))
    status = Status.UNSCORED if score is None else Status.AGREED if agreed else Status.NO_AGREEMENT
    outcome = Outcome(status, len(turns), agreed and bool(turns), answer, score, "the judge fell ill" * (score is None))
    return Episode(
        id=Planned(where, scenario).id,
        scenario=scenario,
        seed=0,
        rules=Rules(max_turns=7 if turns else 0, writer=where.seat, complete_without_agreement=True),
        agents=("x",) * scenario.seats,
        judge="a judge",
        turns=tuple(said),
        rulings=(),
        outcome=outcome,
        reward=score if agreed else 0.0,
        tags=asdict(where),
    )


def ruled(cost):
    """A score whose one call cost so many dollars."""
    return Ruling(QuestionKind.SCORE, 2, Verdict(3.0, "a judge", calls=(JudgeCall((), "{}", usage={"cost": cost}),)))


def seen(where=None, scenario=None, *, satisfied=(), accepts=(), faithful=None, survived=None, **game):
    where = where or place()
    return Seen(episode(where, scenario, **game), where, satisfied, accepts, faithful, survived)


def compared(
    first, second, better, scenario="s", *, objective="quality", where=None, category="", tension="", orders=True
):
    """What a judge said of two negotiators' answers; `better` is one of `_BETTER`, or `FAILED`: it was not asked."""
    where = where or place(first)
    id = f"{objective} {first} {second} {scenario} {where.decoding} {where.repetition}"
    about = (scenario, category, tension, where)
    return Compared(
        id, "", objective, "a judge", first, second, *about, None if better == FAILED else duel(better, orders)
    )


def duel(better, orders=True):
    forward, backward = (Preference(value, "a judge", "" if value is not None else "ill") for value in _BETTER[better])
    return Duel(forward, backward, orders)
