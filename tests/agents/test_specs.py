import pytest

from agents.scripted import SCRIPTS, ScriptedAgent
from agents.specs import resolve_agent
from negotiation_env import ScriptedJudge, resolve_judge
from negotiation_env.errors import UserError
from negotiation_env.runner import Game, play
from tests.conftest import three_parties, two_parties


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_has_a_spec(name):
    assert resolve_agent(f"scripted:{name}").name == f"scripted:{name}"


def test_a_users_own_agent_and_judge_are_loaded_by_name():
    assert isinstance(resolve_agent("python:agents.human:HumanAgent").act([]), list)
    assert isinstance(resolve_judge("python:negotiation_env.judges.scripted:ScriptedJudge"), ScriptedJudge)


@pytest.mark.parametrize("spec", ["", "scripted:nobody", "hf:", "openai:", "gpt-9"])
def test_an_unknown_spec_is_told_with_those_there_are(spec):
    with pytest.raises(UserError, match="expected one of: embedded, hf:ID_OR_DIR"):
        resolve_agent(spec)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("python:json", "expected python:MODULE:FACTORY"),
        ("python:no_such_module:x", "cannot be loaded"),
        ("python:json:no_such_name", "cannot be loaded"),
        ("python:json:__name__", "expected a function or class"),
    ],
)
def test_a_wrong_factory_is_told(spec, told):
    with pytest.raises(UserError, match=told):
        resolve_agent(spec)


def test_an_endpoint_where_nobody_answers_is_told():
    with pytest.raises(UserError, match="nobody answers at"):
        resolve_agent("openai:any@http://127.0.0.1:9/v1")


def outcome(*scripts, scenario=None):
    scenario = scenario or two_parties()
    return play(Game("g", scenario, tuple(map(ScriptedAgent, scripts))), ScriptedJudge(), max_turns=9).outcome


def test_the_accommodating_take_the_first_offer_and_the_stubborn_none():
    assert outcome("stubborn", "accommodating").turns == 2
    assert not outcome("stubborn", "stubborn").agreed


def test_the_compromising_make_an_offer_of_their_own_first():
    assert outcome("stubborn", "compromising").turns == 4


def test_scripts_play_with_three_parties():
    assert outcome("stubborn", "accommodating", "accommodating", scenario=three_parties()).turns == 3
