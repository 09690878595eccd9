import json
from collections import defaultdict
from dataclasses import replace

import pytest

from negotiation_env import load_scenarios
from negotiation_env.errors import UserError
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.scenarios import dilemmas_of, scenario_in
from tests.conftest import three_parties, two_parties

VARIED = TrainConfig(split="everyday", scenarios=5, vary_personas=True)


def test_without_the_key_a_run_trains_on_the_scenarios_that_its_seed_drew():
    config = TrainConfig(split="everyday", seed=3)
    assert dilemmas_of(config) == [(scenario,) for scenario in load_scenarios("everyday", seed=3)]
    (dilemma, *_) = dilemmas_of(config)
    assert {scenario_in(epoch, dilemma, 3) for epoch in range(9)} == set(dilemma)


def test_the_same_dilemmas_are_varied_as_would_be_trained_on_without():
    fixed, varied = dilemmas_of(VARIED.model_copy(update={"vary_personas": False})), dilemmas_of(VARIED)
    assert [each.dilemma for (each,) in fixed] == [dilemma[0].dilemma for dilemma in varied]
    assert all(each in dilemma for (each,), dilemma in zip(fixed, varied, strict=True))


def test_epochs_draw_pairs_out_of_a_dilemmas_tensions_and_seat_them_either_way():
    drawn, dilemmas = defaultdict(list), dilemmas_of(VARIED)
    for epoch in range(60):
        for dilemma in dilemmas:
            scenario = scenario_in(epoch, dilemma, VARIED.seed)
            assert scenario in dilemma
            drawn[dilemma[0].dilemma].append(scenario)
    everything = load_scenarios("everyday", seed=None)
    for text, found in drawn.items():
        assert {each.id for each in found} == {each.id for each in everything if each.dilemma == text}
        assert {each.personas[::-1] for each in found} == {each.personas for each in found}
    again, other = ([scenario_in(epoch, dilemmas[0], seed) for epoch in range(60)] for seed in (0, 1))
    assert again == drawn[again[0].dilemma]
    assert again != other


def test_a_file_says_what_varies_by_the_scenarios_of_one_dilemma(tmp_path):
    path, one = tmp_path / "mine.jsonl", two_parties()
    other = replace(one, id="other", personas=one.personas[::-1])
    path.write_text("\n".join(json.dumps(each.to_dict()) for each in (one, other)))
    assert dilemmas_of(VARIED.model_copy(update={"split": str(path)})) == [(one, other)]


def test_where_nothing_can_vary_it_is_told():
    with pytest.raises(UserError, match="each of 'eval_conflict' has one scenario; take it out, or train on"):
        dilemmas_of(TrainConfig(split="eval_conflict", vary_personas=True))


def test_every_scenario_that_may_be_drawn_has_to_fit():
    with pytest.raises(UserError, match="the scenarios do not fit the config"):
        dilemmas_of(VARIED.model_copy(update={"max_turns": 2}), [two_parties(), three_parties()])
