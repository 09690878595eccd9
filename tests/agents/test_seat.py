import warnings

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env

import negotiation_env  # noqa: F401 (registers the environment)
from negotiation_env import ScriptedJudge
from negotiation_env.errors import UserError
from tests.conftest import three_parties, two_parties

NAME = "negotiation_env/Negotiation-v0"


def make(**settings):
    defaults = {"opponent": "scripted:accommodating", "judge": ScriptedJudge(score=4.0), "scenarios": [two_parties()]}
    return gymnasium.make(NAME, **defaults | settings)


def test_it_passes_gymnasiums_check():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        check_env(make().unwrapped)


@pytest.mark.parametrize("seat", [0, 1])
def test_the_others_are_played_inside_from_either_seat(seat):
    game = make(seat=seat)
    seen, _ = game.reset(seed=1)
    assert f"You are {two_parties().personas[seat].name}." in seen["messages"][0]["content"]
    script = ["Mine.\nPROPOSE: Share it.", "We share it."] if seat == 0 else ["Yes.\nACCEPT", "We share it."]
    for text in script:
        seen, reward, over, cut, info = game.step(text)
    assert (reward, over, cut) == (4.0, True, False)
    assert info["outcome"]["completion"] == "We share it."


def test_the_same_seed_gives_the_same_game():
    game = make(scenarios="eval_conflict")
    assert game.reset(seed=4)[0] == game.reset(seed=4)[0]


def test_an_unscored_game_is_truncated():
    game = make(judge=ScriptedJudge(score=None))
    game.reset(seed=1)
    game.step("Mine.\nPROPOSE: Share it.")
    _, reward, over, cut, info = game.step("We share it.")
    assert (reward, over, cut, info["outcome"]["status"]) == (0.0, False, True, "unscored")


def test_a_seat_that_is_not_there_is_told():
    with pytest.raises(UserError, match="seat must be from 0 to 1"):
        make(seat=2)


def test_a_seat_that_only_some_scenarios_have_is_told():
    with pytest.raises(UserError, match="seat must be from 0 to 1, which every scenario has; got 2"):
        make(seat=2, scenarios=[two_parties(), three_parties()])


@pytest.mark.parametrize("seat", [True, "0", 1.0, None])
def test_a_seat_is_a_whole_number(seat):
    with pytest.raises(UserError, match="seat must be a whole number, got"):
        make(seat=seat)


@pytest.mark.parametrize("writer", [0, 2])
def test_a_chosen_scenario_without_this_seat_is_refused(writer):
    game = make(seat=2, scenarios=[three_parties()], writer=writer)
    with pytest.raises(UserError, match="scenario 'well' has 2 seats; expected one for negotiator_2"):
        game.reset(options={"scenario": two_parties()})


def test_a_chosen_scenario_with_more_parties_is_refused():
    with pytest.raises(UserError, match="'well-3' has 3 parties, and this environment was made for 2"):
        make().reset(options={"scenario": three_parties()})
