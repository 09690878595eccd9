from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from negotiation_env.statistics.by_scenario import (
    Runs,
    cluster_mean,
    holm,
    mean_over_runs,
    paired_difference,
    statistic_with_interval,
)
from negotiation_env.statistics.intervals import Estimate, mean_with_interval
from negotiation_env.statistics.rater_agreement import mean

score = st.integers(0, 20).map(lambda quarters: quarters / 4)
scored_scenarios = st.lists(st.tuples(st.none() | score, st.sampled_from("abcdef")), min_size=1, max_size=20)
p_value = st.floats(0, 1)


def each_its_own(values):
    return [str(number) for number in range(len(values))]


def correlated(scenarios, each, effect=0.0):
    """Values of several games a scenario, half of whose variance is between scenarios."""
    draw = np.random.default_rng(1)
    values = effect + draw.normal(size=(scenarios, 1)) + draw.normal(size=(scenarios, each))
    return values.ravel(), [str(scenario) for scenario in range(scenarios) for _ in range(each)]


def width(estimate):
    return estimate.high - estimate.low


def test_where_each_value_is_a_scenario_the_interval_is_that_of_scipys_bootstrap():
    values = np.random.default_rng(0).exponential(size=60)
    ours, scipys = cluster_mean(values, each_its_own(values)), mean_with_interval(values.tolist())
    assert (ours.value, ours.n) == (pytest.approx(scipys.value), scipys.n)
    assert (ours.low, ours.high) == (pytest.approx(scipys.low, abs=0.03), pytest.approx(scipys.high, abs=0.03))


def test_repeating_every_game_narrows_no_interval():
    values, scenarios = correlated(20, 3)
    once, twice = cluster_mean(values, scenarios), cluster_mean(np.tile(values, 2), scenarios * 2)
    assert (twice.low, twice.high) == (pytest.approx(once.low), pytest.approx(once.high))
    assert twice.n == 2 * once.n


def test_games_of_one_scenario_say_less_than_games_of_as_many():
    values, scenarios = correlated(30, 10)
    assert width(cluster_mean(values, scenarios)) > 1.5 * width(cluster_mean(values, each_its_own(values)))


@given(scored_scenarios, st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_order_of_the_games_decides_nothing(games, random):
    shuffled = random.sample(games, len(games))
    assert cluster_mean(*zip(*games, strict=True)) == cluster_mean(*zip(*shuffled, strict=True))


@given(scored_scenarios)
@settings(max_examples=30, deadline=None)
def test_a_missing_value_is_as_if_it_were_not_there(games):
    there = [game for game in games if game[0] is not None]
    values, scenarios = [value for value, _ in there], [scenario for _, scenario in there]
    assert cluster_mean(*zip(*games, strict=True)) == cluster_mean(values, scenarios)


@given(scored_scenarios)
@settings(max_examples=30, deadline=None)
def test_an_interval_lies_within_the_means_of_the_scenarios(games):
    found = cluster_mean(*zip(*games, strict=True))
    if found.low is not None:
        means = [
            np.mean([value for value, of in games if of == scenario and value is not None])
            for scenario in {scenario for value, scenario in games if value is not None}
        ]
        assert min(means) - 1e-9 <= found.low <= found.high <= max(means) + 1e-9


def test_a_mean_has_no_interval_where_nothing_varies():
    assert cluster_mean([], []) == Estimate(None, None, None, 0)
    assert cluster_mean([None, np.nan], ["a", "b"]) == Estimate(None, None, None, 0)
    assert cluster_mean([1.0, 2.0], ["a", "a"]) == Estimate(1.5, None, None, 2)
    assert cluster_mean([0.1] * 7, list("aabbccc")) == Estimate(pytest.approx(0.1), None, None, 7)
    assert cluster_mean([1.0, 3.0, 3.0, 1.0], list("aabb")) == Estimate(2.0, None, None, 4)


def enumerated_p(sums):
    """Of all signs that the sums could have had, the share whose total is as far from 0."""
    totals = [
        abs(sum(sign * each for sign, each in zip(signs, sums, strict=True)))
        for signs in product((1, -1), repeat=len(sums))
    ]
    return sum(total >= abs(sum(sums)) - 1e-9 for total in totals) / len(totals)


@given(st.lists(st.integers(-30, 30).map(lambda tenths: tenths / 10), min_size=2, max_size=7))
@settings(max_examples=30, deadline=None)
def test_the_paired_test_enumerates_every_sign_that_the_sums_could_have(sums):
    found = paired_difference(sums, [0.0] * len(sums), each_its_own(sums))
    assert found.p == pytest.approx(enumerated_p(sums))


def test_the_paired_test_flips_scenarios_and_not_single_games():
    first, second = [2.0, 1.0, 1.5, 3.0, 0.5, 2.0], [1.0, 1.5, 0.5, 1.0, 1.0, 1.0]
    found = paired_difference(first, second, list("aabbcc"))
    assert found.p == enumerated_p([0.5, 3.0, 0.5]) == 0.25
    assert (found.difference.value, found.pairs) == (pytest.approx(4 / 6), 6)


def test_of_wins_and_losses_the_paired_test_is_the_sign_test():
    wins = np.repeat([1.0, 0.0], [9, 2])
    found = paired_difference(wins, 1 - wins, each_its_own(wins))
    assert found.p == pytest.approx(binomtest(9, 11).pvalue)
    assert found.difference.value == pytest.approx(7 / 11)


def test_with_many_scenarios_the_paired_test_draws_signs_with_a_seed():
    wins = np.repeat([1.0, 0.0], [60, 40])
    found, again = (paired_difference(wins, 1 - wins, each_its_own(wins)) for _ in range(2))
    assert found == again
    assert found.p == pytest.approx(binomtest(60, 100).pvalue, abs=0.01)


def test_swapping_the_sides_changes_the_sign_and_not_the_p_value():
    first, scenarios = correlated(10, 3, effect=0.8)
    one, other = paired_difference(first, first * 0, scenarios), paired_difference(first * 0, first, scenarios)
    assert one.p == other.p
    assert one.difference.value == pytest.approx(-other.difference.value)
    assert one.difference.low == pytest.approx(-other.difference.high)


def test_a_pair_with_one_missing_is_no_pair():
    found = paired_difference([1.0, None, 2.0, 4.0], [0.0, 1.0, np.nan, 1.0], list("abcd"))
    assert (found.difference.value, found.pairs, found.p) == (2.0, 2, 0.5)


def test_one_scenario_allows_no_test_and_no_difference_is_no_evidence():
    assert paired_difference([], [], []).p is None
    assert paired_difference([1.0, 2.0], [0.0, 0.0], ["a", "a"]).p is None
    assert paired_difference([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], list("abc")).p == 1


def test_holms_p_values_are_those_of_a_table_worked_by_hand():
    # Sorted: 0.005 * 4, 0.01 * 3, 0.03 * 2, 0.04 * 1; the last is raised to the one before it.
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert found == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})


def test_holms_p_values_are_those_that_r_computes():
    # The tests of statsmodels (stats/tests/test_multi.py) hold these, out of R's package multtest.
    raw = (5.23656777208e-05, 2.8140506198e-04, 1.49877310796e-02, 2.02732688798e-02, 0.177096952723)
    raw = (*raw, 0.642193923795, 0.680845947633, 0.71626938238, 0.838541367553, 0.967833824309)
    adjusted = (5.23656777208e-04, 2.53264555782e-03, 1.19901848637e-01, 1.41912882159e-01, 1, 1, 1, 1, 1, 1)
    assert holm(dict(zip("abcdefghij", raw, strict=True))) == pytest.approx(
        dict(zip("abcdefghij", adjusted, strict=True))
    )


def test_what_was_not_tested_stays_so_and_does_not_count():
    assert holm({"a": None, "b": 0.02, "c": None, "d": 0.5}) == pytest.approx(
        {"a": None, "b": 0.04, "c": None, "d": 0.5}
    )
    assert holm({"a": None}) == {"a": None}
    assert holm({}) == {}


@given(st.lists(p_value, min_size=1, max_size=8))
@settings(max_examples=10, deadline=None)
def test_holm_keeps_the_order_and_lies_between_the_raw_p_values_and_bonferronis(raw):
    adjusted = holm({str(number): p for number, p in enumerate(raw)}).values()
    assert all(p - 1e-12 <= q <= min(1, len(raw) * p) + 1e-12 for p, q in zip(raw, adjusted, strict=True))
    assert [q for _, q in sorted(zip(raw, adjusted, strict=True))] == sorted(adjusted)


def test_the_papers_deviation_is_that_of_the_runs_means():
    # Runs of 0.5, 0.4 and 0.6: the sample deviation is sqrt((0 + 0.01 + 0.01) / 2).
    found = mean_over_runs([1.0, 0.0, 0.4, None, 0.6, 0.6], [1, 1, 2, 2, 3, 3])
    assert found == Runs(pytest.approx(0.5), pytest.approx(0.1))


def test_one_run_has_no_deviation_and_no_run_no_mean():
    assert mean_over_runs([1.0, 2.0], [0, 0]) == Runs(1.5, None)
    assert mean_over_runs([1.0, 2.0], [None, None]) == Runs(1.5, None)
    assert mean_over_runs([None], [0]) == Runs(None, None)


def test_lengths_that_differ_are_refused_with_what_came():
    with pytest.raises(ValueError, match="got 2 values, 1 clusters"):
        cluster_mean([1.0, 2.0], ["a"])
    with pytest.raises(ValueError, match="got 1 first, 2 second, 2 clusters"):
        paired_difference([1.0], [1.0, 2.0], ["a", "b"])
    with pytest.raises(ValueError, match="got 1 values, 0 runs"):
        mean_over_runs([1.0], [])


def test_the_cluster_interval_is_wider_than_the_items_alone_would_give():
    values = np.repeat(np.arange(10.0), 20)  # ten clusters of twenty equal items
    by_item = statistic_with_interval(lambda at: mean(values[at]), [str(item) for item in range(200)])
    by_cluster = statistic_with_interval(lambda at: mean(values[at]), [str(value) for value in values])
    assert by_item.value == by_cluster.value == 4.5
    assert (by_item.n, by_cluster.n) == (200, 200)
    assert by_cluster.high - by_cluster.low > 3 * (by_item.high - by_item.low)
    half = 2.262 * np.std(np.arange(10), ddof=1) / 10**0.5  # Student's t of 9 degrees of freedom
    assert (by_cluster.low, by_cluster.high) == (pytest.approx(4.5 - half, abs=0.3), pytest.approx(4.5 + half, abs=0.3))


def test_the_interval_is_the_same_every_time_and_missing_where_nothing_varies():
    values = np.array([1.0, 2, 4])

    def figure(*clusters):
        return statistic_with_interval(lambda at: mean(values[at]), clusters)

    assert figure("a", "b", "c") == figure("a", "b", "c")
    assert figure("a", "b", "c").low == 1
    assert (figure("a", "a", "a").value, figure("a", "a", "a").low) == (pytest.approx(7 / 3), None)
    assert (figure().value, figure().n) == (None, 0)
