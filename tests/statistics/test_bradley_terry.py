from itertools import combinations
from math import log

import numpy as np
import pytest

from negotiation_env.statistics.bradley_terry import Contest, bradley_terry

TINY = 1e-9


def contests(first, second, *results):
    """Contests of two, one a scenario."""
    return [Contest(first, second, result, str(number)) for number, result in enumerate(results)]


def strengths(found):
    return {rating.name: rating.strength.value for rating in found}


def simulated(true, scenarios, each=1):
    draw = np.random.default_rng(0)
    return [
        Contest(first, second, float(draw.random() < 1 / (1 + np.exp(true[second] - true[first]))), str(scenario))
        for scenario in range(scenarios)
        for first, second in combinations(true, 2)
        for _ in range(each)
    ]


def test_of_two_the_strengths_differ_by_the_logarithm_of_wins_over_losses():
    best, worst = bradley_terry(contests("a", "b", *[1.0] * 6, *[0.0] * 2), prior=TINY)
    assert (best.name, worst.name) == ("a", "b")
    assert best.strength.value - worst.strength.value == pytest.approx(log(6 / 2))
    assert best.strength.value == pytest.approx(-worst.strength.value)
    assert best.contests == worst.contests == 8


def test_the_prior_gives_two_negotiators_half_a_win_each():
    best, worst = bradley_terry(contests("a", "b", *[1.0] * 6))
    assert best.strength.value - worst.strength.value == pytest.approx(log(6.5 / 0.5))


def test_a_tie_is_half_a_win_for_each():
    best, worst = bradley_terry(contests("a", "b", 1.0, 1.0, 0.5, 0.5), prior=TINY)
    assert best.strength.value - worst.strength.value == pytest.approx(log(3 / 1))


def test_the_expected_win_rate_is_against_the_average_negotiator():
    # The odds of 9 to 1 lie half on either side of the average: 3 to 1.
    best, worst = bradley_terry(contests("a", "b", *[1.0] * 9, 0.0), prior=TINY)
    assert best.win_rate.value == pytest.approx(0.75)
    assert worst.win_rate.value == pytest.approx(0.25)
    assert 0 < worst.win_rate.low < 0.25 < worst.win_rate.high < 1


def test_true_strengths_are_found_again():
    true = {"a": 1.0, "b": 0.4, "c": 0.0, "d": -0.2, "e": -1.2}
    found = bradley_terry(simulated(true, 1500), draws=50)
    assert [rating.name for rating in found] == list(true)
    assert strengths(found) == pytest.approx(true, abs=0.12)
    assert sum(strengths(found).values()) == pytest.approx(0, abs=1e-6)


def test_which_of_a_pair_is_called_the_first_decides_nothing():
    forward = simulated({"a": 0.5, "b": 0.0, "c": -0.5}, 20)
    backward = [Contest(each.second, each.first, 1 - each.result, each.scenario) for each in reversed(forward)]
    assert bradley_terry(backward, draws=20) == bradley_terry(forward, draws=20)


def test_winners_and_losers_exchanged_change_every_sign():
    played = simulated({"a": 0.9, "b": 0.0, "c": -0.5}, 20)
    turned = [Contest(each.second, each.first, each.result, each.scenario) for each in played]
    negated = {name: -strength for name, strength in strengths(bradley_terry(played, draws=2)).items()}
    assert strengths(bradley_terry(turned, draws=2)) == pytest.approx(negated, abs=1e-6)


def test_the_interval_holds_the_strength_and_narrows_with_scenarios_not_with_repetitions():
    true = {"a": 0.5, "b": -0.5}
    few, many = (bradley_terry(simulated(true, scenarios), draws=200)[0].strength for scenarios in (20, 200))
    assert few.low < few.value < few.high
    assert many.high - many.low < 0.5 * (few.high - few.low)
    repeated = bradley_terry(simulated(true, 20) * 5, prior=2.5, draws=200)[0].strength
    assert (repeated.low, repeated.high) == (pytest.approx(few.low, abs=1e-3), pytest.approx(few.high, abs=1e-3))


def test_contests_of_one_scenario_give_no_interval():
    played = [Contest("a", "b", result, "only") for result in (1.0, 1.0, 0.0)]
    best = bradley_terry(played, draws=20)[0]
    assert best.strength.low is None
    assert best.win_rate.low is None


def test_one_that_never_lost_is_the_best_and_finite():
    played = [*contests("a", "b", *[1.0] * 50), *contests("b", "c", *[1.0] * 50)]
    found = bradley_terry(played, draws=20)
    assert [rating.name for rating in found] == ["a", "b", "c"]
    assert all(np.isfinite(rating.strength.value) for rating in found)


def test_groups_that_never_met_are_put_on_one_mean():
    played = [*contests("a", "b", *[1.0] * 30, *[0.0] * 10), *contests("c", "d", *[1.0] * 30, *[0.0] * 10)]
    found = strengths(bradley_terry(played, draws=2))
    assert found["a"] == pytest.approx(found["c"], abs=1e-6)
    assert found["a"] - found["b"] == pytest.approx(log(3), abs=0.1)


def test_no_contest_rates_nobody():
    assert bradley_terry([]) == []


@pytest.mark.parametrize(("second", "result"), [("a", 1.0), ("b", 0.7), ("b", float("nan"))])
def test_a_contest_is_of_two_and_won_lost_or_tied(second, result):
    with pytest.raises(ValueError, match=r"expected two negotiators and a result of 0\.0, 0\.5 or 1\.0, got Contest"):
        Contest("a", second, result, "s")
