from dataclasses import replace

import pytest

from negotiation_env.game.events import Task
from negotiation_env.report.learning import advantages, trained_tasks
from tests.report.runs import learned


def test_an_advantage_is_how_much_better_than_its_group_of_the_step_a_negotiation_went():
    episodes = [learned(0, 0, 1.0), learned(0, 1, 3.0), learned(1, 0, 4.0), learned(1, 1, 4.0)]
    found = advantages(episodes, {})
    assert found["0/0"] == -found["0/1"] == pytest.approx(-(0.5**0.5), abs=1e-3)
    assert found["1/0"] == found["1/1"] == 0.0


def test_unscored_negotiations_teach_nothing_and_are_no_part_of_the_mean():
    found = advantages([learned(0, 0, None), learned(0, 1, 3.0), learned(0, 2, 1.0)], {})
    assert found["0/0"] == 0.0
    assert found["0/1"] == -found["0/2"] > 0


def test_what_is_on_record_counts():
    assert advantages([learned(0, 0, 1.0, advantage=-0.25), learned(0, 1, 3.0, advantage=0.5)], {}) == {
        "0/0": -0.25,
        "0/1": 0.5,
    }


@pytest.mark.parametrize("config", [{"advantages": "shuffled"}, {"rerank_ties": True}])
def test_advantages_that_do_not_follow_from_the_rewards_are_not_guessed(config):
    assert advantages([learned(0, 0, 1.0), learned(0, 1, 3.0)], config) == {}


def test_nobody_learned_from_held_out_play():
    assert advantages([replace(learned(0, 0, 1.0), tags={})], {}) == {}


@pytest.mark.parametrize(
    ("config", "tasks"),
    [
        ({}, {Task.UTTERANCE}),
        ({"trained_tokens": "dialogue+completion"}, {Task.UTTERANCE, Task.COMPLETION}),
        ({"trained_tokens": "completion"}, {Task.COMPLETION}),
        ({"method": "single-agent"}, {Task.COMPLETION}),
    ],
)
def test_the_settings_say_whose_tokens_carry_the_gradient(config, tasks):
    assert trained_tasks(config) == tasks
