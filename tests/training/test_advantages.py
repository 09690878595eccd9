from statistics import fmean, stdev

import pytest

from negotiation_env.training.advantages import group_advantages, no_signal, order_advantages, shuffled


def test_an_advantage_is_the_distance_from_the_groups_mean_in_standard_deviations():
    rewards = [0.0, 1.0, 4.0, 3.0]
    expected = [(reward - fmean(rewards)) / (stdev(rewards) + 1e-4) for reward in rewards]
    assert group_advantages(rewards, 0.1) == pytest.approx(expected)


def test_the_unscored_get_nothing_and_count_nowhere():
    assert group_advantages([1.0, None, 3.0], 0.1)[1] == 0.0
    assert group_advantages([1.0, None, 3.0], 0.1)[::2] == group_advantages([1.0, 3.0], 0.1)
    assert group_advantages([None, 3.0], 0.1) == [0.0, 0.0]


def test_equal_rewards_are_no_signal():
    assert group_advantages([2.0, 2.0, 2.0], 0.1) == [0.0, 0.0, 0.0]
    assert no_signal([2.0, 2.0, None], 0.1)
    assert no_signal([None, None], 0.1)
    assert not no_signal([2.0, 2.5], 0.1)


def test_noise_of_a_graded_judge_is_no_signal():
    assert no_signal([3.98, 4.02, 4.0], 0.1)
    assert group_advantages([3.98, 4.02, None], 0.1) == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("low", [0.0, 0.1, 0.2, 0.7, 1.0, 1.1, 2.9, 4.9])
def test_rewards_exactly_so_far_apart_differ_whatever_floats_make_of_it(low):
    assert not no_signal([low, low + 0.1], 0.1)
    assert not no_signal([low, round(low + 0.1, 1)], 0.1)
    assert no_signal([low, low + 0.0999], 0.1)
    assert any(group_advantages([low, low + 0.1], 0.1))


def test_a_width_of_zero_takes_equal_rewards_alone_for_a_tie():
    assert no_signal([0.1 + 0.2, 0.3], 0.0)
    assert not no_signal([2.0, 2.001], 0.0)


def test_they_are_those_of_trl():
    torch = pytest.importorskip("torch")
    rewards = torch.tensor([0.5, 1.5, 1.0, 4.0])
    theirs = (rewards - rewards.mean()) / (rewards.std() + 1e-4)
    assert group_advantages(rewards.tolist(), 0.1) == pytest.approx(theirs.tolist(), abs=1e-6)


def test_the_control_deals_the_same_advantages_at_random_and_repeats_with_its_seed():
    advantages, all_of_them = [float(number) for number in range(16)], [True] * 16
    mixed = shuffled(advantages, all_of_them, 0, 5)
    assert sorted(mixed) == advantages
    assert mixed != advantages
    assert mixed == shuffled(advantages, all_of_them, 0, 5)
    assert mixed != shuffled(advantages, all_of_them, 0, 6)


def test_the_control_deals_among_what_is_trained():
    trained = [True, False, True, True, False]
    for seed in range(20):
        mixed = shuffled([1.0, 0.0, 2.0, 3.0, 0.0], trained, seed)
        assert (mixed[1], mixed[4], sorted(mixed)) == (0.0, 0.0, [0.0, 0.0, 1.0, 2.0, 3.0])


def test_an_order_gives_less_than_scores_that_differ_and_equal_answers_the_same():
    assert order_advantages([2, 0, 1], ["a", "b", "c"]) == [0.0, -0.25, 0.25]
    assert order_advantages([1, 0], ["a", "b"]) == [-0.25, 0.25]
    assert order_advantages([3, 1, 0, 2], ["a", "b", "a", "a"]) == pytest.approx([-1 / 36, 1 / 12, -1 / 36, -1 / 36])
    assert order_advantages([0, 1, 2], ["a", "a", "a"]) == pytest.approx([0.0] * 3)
