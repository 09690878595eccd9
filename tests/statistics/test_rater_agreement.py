import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negotiation_env.statistics.rater_agreement import (
    area_under_curve,
    cohen_kappa,
    exact_agreement,
    krippendorff_alpha,
    pearson,
    precision,
    quadratic_kappa,
    recall,
    spearman,
    to_levels,
    within_one,
)

NAN = np.nan
PAIRED = (exact_agreement, within_one, quadratic_kappa, cohen_kappa, pearson, spearman, area_under_curve)
SYMMETRIC = (exact_agreement, within_one, quadratic_kappa, cohen_kappa, pearson, spearman)

score = st.integers(0, 20).map(lambda quarters: quarters / 4)
two_raters = st.lists(st.tuples(score, score), min_size=2, max_size=20).map(lambda pairs: np.array(pairs).T)


def array(*values):
    return np.array(values, np.float64)


def test_halves_go_up_to_the_next_level():
    assert to_levels(array(0, 0.49, 0.5, 1.5, 2.5, 4.5, 5, NAN)).tolist()[:-1] == [0, 0, 1, 2, 3, 5, 5]


def test_exact_agreement_and_within_one_compare_levels():
    first, second = array(1.4, 2.0, 3.0, 5.0), array(0.6, 2.6, 5.0, 5.0)
    assert exact_agreement(first, second) == 0.5
    assert within_one(first, second) == 0.75


def test_cohens_kappa_is_that_of_the_textbook_table():
    # Of 50: both yes 20, only the first 5, only the second 10, both no 15. Observed 0.7, by chance 0.5: kappa 0.4.
    first = np.repeat([1.0, 1.0, 0.0, 0.0], [20, 5, 10, 15])
    second = np.repeat([1.0, 0.0, 1.0, 0.0], [20, 5, 10, 15])
    assert cohen_kappa(first, second) == pytest.approx(0.4)


def test_quadratic_kappa_is_that_of_a_table_counted_by_hand():
    # Squared differences: 0, 1, 0, 4, mean 5/4; over all 16 pairings 32/16 = 2; kappa 1 - 5/8.
    assert quadratic_kappa(array(0, 1, 2, 3), array(0, 2, 2, 1)) == pytest.approx(0.375)


def test_opposite_raters_have_a_kappa_of_minus_one():
    assert quadratic_kappa(array(0, 5), array(5, 0)) == pytest.approx(-1)


def test_a_rater_who_always_says_the_same_agrees_by_chance_only():
    assert quadratic_kappa(array(3, 3, 3), array(1, 3, 5)) == 0


def test_krippendorffs_alpha_is_that_of_his_worked_example():
    # Krippendorff (2011): 4 observers, 12 units, missing values; with the interval metric alpha is 0.849.
    ratings = array(
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    )
    assert krippendorff_alpha(ratings) == pytest.approx(0.849, abs=0.0005)


def test_krippendorffs_alpha_needs_items_that_two_rated_and_that_differ():
    assert krippendorff_alpha(array([1, NAN], [NAN, 2])) is None
    assert krippendorff_alpha(array([2, 2], [2, 2])) is None


def test_correlations_of_a_bent_line():
    # Deviations -1, 0, 1 and -3, -2, 5: products sum to 8, squares to 2 and 38.
    first, second = array(1, 2, 3), array(1, 2, 9)
    assert pearson(first, second) == pytest.approx(8 / 76**0.5)
    assert spearman(first, second) == pytest.approx(1)


def test_the_area_under_the_curve_counts_pairs_and_halves_for_ties():
    # Yes: 0.9, 0.5; no: 0.5, 0.1. Of four pairs three are right and one is a tie.
    assert area_under_curve(array(0.9, 0.5, 0.5, 0.1), array(1, 1, 0, 0)) == 0.875


def test_precision_and_recall_count_what_their_names_say():
    decisions, truth = array(1, 1, 1, 0, 0, NAN), array(1, 1, 0, 1, 0, 1)
    assert (precision(decisions, truth).value, precision(decisions, truth).n) == (pytest.approx(2 / 3), 3)
    assert (recall(decisions, truth).value, recall(decisions, truth).n) == (pytest.approx(2 / 3), 3)
    assert precision(array(0, 0), array(1, 0)).value is None


@pytest.mark.parametrize("statistic", PAIRED)
def test_what_the_data_do_not_define_is_none(statistic):
    assert statistic(array(), array()) is None
    assert statistic(array(NAN, 1), array(1, NAN)) is None


@pytest.mark.parametrize("statistic", [quadratic_kappa, cohen_kappa, pearson, spearman, area_under_curve])
def test_without_variance_there_is_nothing_to_agree_on(statistic):
    assert statistic(array(1, 1, 1), array(1, 1, 1)) is None


@pytest.mark.parametrize("statistic", PAIRED)
def test_a_pair_with_a_missing_rating_is_left_out(statistic):
    first, second = array(0, 1, 1, 0, 1), array(0, 1, 0, 0, 1)
    assert statistic(array(*first, NAN, 1), array(*second, 1, NAN)) == statistic(first, second)


@given(two_raters)
def test_who_is_called_first_does_not_matter(ratings):
    first, second = ratings
    for statistic in SYMMETRIC:
        assert statistic(first, second) == pytest.approx(statistic(second, first), abs=1e-9)
    assert krippendorff_alpha(ratings) == pytest.approx(krippendorff_alpha(ratings[::-1]), abs=1e-9)


@given(two_raters)
def test_a_rater_agrees_with_itself_wholly_or_not_measurably(ratings):
    first, _ = ratings
    for statistic in SYMMETRIC:
        assert statistic(first, first) in (None, pytest.approx(1))


@given(two_raters)
def test_kappa_stays_within_its_bounds(ratings):
    kappa = quadratic_kappa(*ratings)
    assert kappa is None or -1 - 1e-9 <= kappa <= 1


@given(two_raters)
def test_the_area_turns_around_with_the_opinion_and_knows_ranks_only(ratings):
    opinions, truth = ratings[0], (ratings[1] > 2.5).astype(float)
    area = area_under_curve(opinions, truth)
    if area is not None:
        assert area_under_curve(-opinions, truth) == pytest.approx(1 - area)
        assert area_under_curve(opinions**3, truth) == pytest.approx(area)


@given(two_raters, score, st.sampled_from([0.5, 2.0]))
def test_alpha_with_the_interval_metric_knows_neither_origin_nor_unit(ratings, origin, unit):
    assert krippendorff_alpha(unit * ratings + origin) == pytest.approx(krippendorff_alpha(ratings), abs=1e-9)
