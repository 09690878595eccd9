from collections import Counter

import pytest

from negotiation_env.errors import UserError
from negotiation_env.training.opponents import Opponent, Ratings, load_ratings, parse_opponents, save_ratings

FRESH = Ratings({})


def chosen(spec, step, group=0, ratings=FRESH):
    return parse_opponents(spec).choose(0, step, group, ratings)


def test_the_learner_as_it_is_now():
    assert [chosen("current", step).version for step in (0, 1, 7)] == [0, 1, 7]


def test_a_frozen_copy_is_refreshed_every_k_steps():
    assert [chosen("frozen:3", step).version for step in range(8)] == [0, 0, 0, 3, 3, 3, 6, 6]
    assert [chosen("frozen", step).version for step in range(3)] == [0, 1, 2]


def test_the_base_is_the_model_before_training():
    assert {chosen("base", step).version for step in (0, 1, 10_000)} == {0}


def test_a_pool_holds_the_last_copies_and_draws_each_as_often():
    pool = parse_opponents("pool:10,3")
    assert pool.wanted(5) == {0}
    assert pool.wanted(47) == {20, 30, 40}
    drawn = Counter(pool.choose(0, 47, group, FRESH).version for group in range(3000))
    assert set(drawn) == {20, 30, 40}
    assert all(900 < count < 1100 for count in drawn.values())


def test_a_rated_pool_prefers_copies_with_which_the_learner_fares_worse():
    ratings = Ratings({})
    for _ in range(30):
        ratings.note(0, 4.0)
        ratings.note(10, 1.0)
    drawn = Counter(chosen("pool:10,2,rated", 10, group, ratings).version for group in range(1000))
    assert 0 < drawn[0] < drawn[10] / 5


def test_what_is_not_wanted_any_more_never_is_again():
    for spec in ("current", "frozen:3", "base", "pool:2,3", {"base": 1, "pool:3,2": 1, "frozen:5": 1}):
        mixture, gone = parse_opponents(spec), set()
        for step in range(40):
            wanted = mixture.wanted(step)
            assert not wanted & gone
            assert all(version <= step for version in wanted)
            gone |= set(range(step)) - wanted


def test_a_mixture_follows_its_weights_and_the_seed():
    mixture = parse_opponents({"frozen:1": 3, "scripted:stubborn": 1})
    picks = [mixture.choose(0, 2, group, FRESH) for group in range(2000)]
    assert picks == [mixture.choose(0, 2, group, FRESH) for group in range(2000)]
    share = Counter(opponent.name for opponent in picks)["scripted:stubborn"] / 2000
    assert 0.22 < share < 0.28
    assert Opponent("scripted:stubborn") in picks
    assert mixture.agents == ["scripted:stubborn"]


def test_the_order_of_a_mixture_does_not_matter():
    one, other = {"frozen:1": 3, "base": 1, "scripted:stubborn": 1}, {"scripted:stubborn": 1, "base": 1, "frozen:1": 3}
    assert [chosen(one, 7, group) for group in range(50)] == [chosen(other, 7, group) for group in range(50)]


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("clone", "no opponent 'clone'; expected one of: current, frozen"),
        ("frozen:0", "at least 1"),
        ("frozen:often", r"expected frozen\[:K\]"),
        ("pool:3", "pool:EVERY,SIZE"),
        ("pool:3,2,best", "'best' after the size"),
        ({"base": 0.0}, "weights above 0"),
        ({}, "weights above 0"),
    ],
)
def test_a_wrong_spec_is_told(spec, told):
    with pytest.raises(UserError, match=told):
        parse_opponents(spec)


def test_ratings_come_back_from_a_checkpoint(tmp_path):
    ratings = Ratings({3: 1.25, 6: 0.1})
    save_ratings(ratings, tmp_path)
    assert load_ratings(tmp_path) == ratings
