from dataclasses import replace

import pytest

from negotiation_env import Utterance, Verdict
from negotiation_env.benchmark.asked import Asked
from negotiation_env.benchmark.durability import Challenge
from negotiation_env.benchmark.spending import BenchmarkSpending
from negotiation_env.environment.turns import FailedTurn
from negotiation_env.errors import UserError
from negotiation_env.game.events import JudgeCall, Task
from negotiation_env.judges.pairwise import Duel, Preference
from negotiation_env.judges.probes import ProbeKind
from tests.benchmark.hand_made import compared, episode, ruled


def call(words, cost, **more):
    return JudgeCall(({"role": "user", "content": words},), usage={"cost": cost}, **more)


def asked(*calls):
    return Asked("a", "", "game", ProbeKind.ACCEPTANCE, 0, Verdict(3.0, "a judge", calls=calls))


def duel(first, second):
    return replace(
        compared("a", "b", "tie"), duel=Duel(Preference(0.5, "x", calls=first), Preference(0.5, "x", "", second))
    )


def spent(*paid):
    spending = BenchmarkSpending(None)
    for each in paid:
        spending.pay(each)
    return spending.spent


def test_a_game_costs_what_its_turns_and_judgements_cost():
    game = episode(usage={"cost": 0.25})
    assert spent(game, replace(game, rulings=(ruled(0.5),))) == 1.0
    assert spent(episode(score=None, usage={"cost": 0.25})) == 0.25


def test_a_turn_that_failed_costs_what_it_took():
    failed = FailedTurn(0, Task.UTTERANCE, "refused", {"cost": "0.5"})
    assert spent(replace(episode(usage={"cost": 0.25}), failed=failed)) == 0.75


def test_a_challenge_costs_the_reply_and_the_verdict():
    verdict = Verdict(1.0, "a judge", calls=(call("x", 0.5),))
    assert spent(Challenge("a", "", Utterance(1, "?"), Utterance(0, "!"), verdict, usage={"cost": 0.25})) == 0.75
    assert spent(Challenge("a", "", Utterance(1, "?"), None, None, error="timeout")) == 0.0


def test_an_unknown_price_is_none_and_a_reply_out_of_the_cache_costs_nothing():
    assert spent(asked(call("x", 1.0), call("y", None))) == 1.0
    assert spent(asked(call("x", 1.0, cached=True), call("x", 1.0))) == 1.0


def test_equal_calls_cost_as_often_as_they_were_made():
    x, y = (call(words, 1.0) for words in "xy")
    assert spent(duel((x, x, x), (y,)), duel((x,), ())) == 5.0
    assert spent(compared("a", "b", "failed")) == 0.0


def test_above_the_limit_it_stops_and_says_how_to_go_on():
    spending = BenchmarkSpending(1.0)
    spending.pay(asked(call("x", 1.0)))
    spending.check()
    spending.pay(asked(call("x", 0.25)))
    with pytest.raises(
        UserError, match=r"stopped: \$1\.25 spent, the limit is \$1\.00; .* raise cost_limit .* --resume"
    ):
        spending.check()


def test_without_a_limit_it_never_stops():
    spending = BenchmarkSpending(None)
    spending.pay(asked(call("x", 1e9)))
    spending.check()


def test_a_limit_of_nothing_lets_what_is_free_go_on():
    spending = BenchmarkSpending(0.0)
    spending.pay(asked(call("x", 0.0), call("y", None)))
    spending.check()
