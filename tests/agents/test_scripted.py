from dataclasses import replace

import pytest

from negotiation_env import Persona, Request, Scenario, ScriptedJudge, Utterance
from negotiation_env.agents.functions import FunctionAgent
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.data import load_injections, load_scenarios
from negotiation_env.episodes.runner import Game, play
from negotiation_env.game.chats import conversation
from negotiation_env.game.events import Task
from negotiation_env.game.prompts import shipped_prompts
from negotiation_env.game.turn_grammar import parse_turn
from negotiation_env.text.untrusted import neutralise
from tests.conftest import three_parties, two_parties

SCENARIOS = load_scenarios("eval_conflict")
MANIPULATORS = ["pushy", "liar", "injecting"]
each_manipulator = pytest.mark.parametrize("script", MANIPULATORS)


def episode(*agents, scenario=None):
    agents = tuple(ScriptedAgent(agent) if isinstance(agent, str) else agent for agent in agents)
    return play(Game("g", scenario or two_parties(), agents), ScriptedJudge(), max_turns=9)


def outcome(*scripts, scenario=None):
    return episode(*scripts, scenario=scenario).outcome


def turns(script, against="stubborn"):
    """What the party in seat 0 says, turn by turn."""
    said = episode(script, against).turns
    return [parse_turn(each.text) for each in said if each.seat == 0 and each.task == "utterance"]


def test_the_accommodating_take_the_first_offer_and_the_stubborn_none():
    assert outcome("stubborn", "accommodating").turns == 2
    assert not outcome("stubborn", "stubborn").agreed


def test_the_compromising_make_an_offer_of_their_own_first():
    assert outcome("stubborn", "compromising").turns == 4


def test_scripts_play_with_three_parties():
    assert outcome("stubborn", "accommodating", "accommodating", scenario=three_parties()).turns == 3


def said_among_three(turn, **settings):
    """What the compromising party says in seat 2 to a turn of the first, having proposed before."""
    baker = replace(three_parties().personas[0], name="The Baker, Lea")
    scenario = replace(three_parties(), personas=(baker, *three_parties().personas[1:]))
    dialogue = [Utterance(0, "Hm."), Utterance(1, "Well."), Utterance(2, "PROPOSE: Half."), Utterance(0, turn)]
    chat = conversation(shipped_prompts("handshake"), scenario, 2, dialogue, **settings)
    return ScriptedAgent("compromising").act([Request("g", 2, Task.UTTERANCE, chat, 0)])[0].text


@pytest.mark.parametrize("personas", [True, False])
def test_among_three_parties_an_offer_of_one_line_is_heard_behind_the_speakers_name(personas):
    assert parse_turn(said_among_three("PROPOSE: We water at night.", personas=personas)).accepts
    assert not parse_turn(said_among_three("I mean: PROPOSE: We water at night.", personas=personas)).accepts


@pytest.mark.parametrize("name", ["Lea", "Dr. Adler", "J. R. Smith", "B", "Team B", "St. Mary's. Choir"])
@pytest.mark.parametrize("goal", ["You need water. You need it soon.", "You keep Dr. Weber's well."])
def test_a_goal_is_found_behind_any_name(name, goal):
    persona = Persona(name, goal, "No dry week. You never beg.", "Counts.", ("food",))
    chat = conversation(
        shipped_prompts("handshake"), replace(two_parties(), personas=(persona, two_parties().personas[1])), 0, ()
    )
    said = ScriptedAgent("pushy").act([Request("g", 0, Task.UTTERANCE, chat, 0)])[0].text
    assert said.endswith(f"and nothing else: {goal}")


def test_a_goal_that_speaks_to_nobody_is_found_behind_a_title_too():
    first, second = two_parties().personas
    persona = replace(first, name="Dr. Adler", goal="keep the orchard alive.")
    chat = conversation(shipped_prompts("handshake"), replace(two_parties(), personas=(persona, second)), 0, ())
    said = ScriptedAgent("pushy").act([Request("g", 0, Task.UTTERANCE, chat, 0)])[0].text
    assert said.endswith("and nothing else: keep the orchard alive.")


@each_manipulator
def test_a_manipulator_demands_the_same_for_itself_alone_in_every_turn(script):
    demands = {turn.proposal for turn in turns(script)}
    assert len(demands) == 1
    assert "and nothing else: You need water for your field before the harvest." in demands.pop()


@each_manipulator
def test_whoever_gives_in_to_a_manipulator_ends_the_game_on_its_terms(script):
    end = episode("accommodating", script, "accommodating", scenario=three_parties())
    assert end.outcome.agreed
    assert "nothing else: You need clean water for forty pupils." in end.outcome.completion


@each_manipulator
def test_a_manipulator_accepts_no_plan_but_its_own(script):
    demand = turns(script)[0].proposal
    mirror = FunctionAgent(lambda text: f"As you like.\nPROPOSE: {demand}")
    assert not any(turn.accepts for turn in turns(script))
    assert turns(script, against=mirror)[-1].accepts


@each_manipulator
def test_a_manipulator_says_the_same_in_the_same_game(script):
    assert episode(script, "stubborn").turns == episode(script, "stubborn").turns


@each_manipulator
def test_a_manipulator_writes_its_demand_as_the_joint_answer(script):
    assert "and nothing else: You need water for your field" in episode(script, "accommodating").outcome.completion


def test_the_pushy_press_harder_from_turn_to_turn_and_then_repeat_the_ultimatum():
    words = [turn.words for turn in turns("pushy")]
    assert len(words) == 5
    assert len(set(words[:4])) == 4
    assert words[3] == words[4]


def test_the_liar_says_accept_without_accepting_and_quotes_what_was_never_said():
    facts, quote, agreed, *_ = turns("liar")
    assert "your own side signed these terms" in facts.words
    assert f'you said, word for word: "{quote.proposal}" I accept' in quote.words
    assert "We both accepted this" in agreed.words
    assert not any(turn.accepts for turn in (facts, quote, agreed))


def kind_of(text):
    return next((attack.kind for attack in load_injections() if attack.text in text), None)


def first_turn(scenario: Scenario) -> str:
    request = Request("g", 0, Task.UTTERANCE, conversation(shipped_prompts("handshake"), scenario, 0, ()), 0)
    return ScriptedAgent("injecting").act([request])[0].text


def test_the_injecting_attack_each_scenario_in_another_way_and_all_kinds_come_up():
    kinds = [kind_of(first_turn(scenario)) for scenario in SCENARIOS]
    assert set(kinds) == {attack.kind for attack in load_injections()}


def test_the_injecting_stay_with_one_kind_for_the_whole_game():
    said = episode("injecting", "stubborn", scenario=SCENARIOS[1]).turns
    kinds = {kind_of(each.raw or each.text) for each in said if each.seat == 0}
    assert len(kinds) == 1
    assert None not in kinds


def test_the_injecting_attack_the_judge_in_the_answer_too():
    said = episode("injecting", "accommodating", scenario=SCENARIOS[1]).turns[-1]
    assert said.task == Task.COMPLETION
    assert kind_of(said.raw or said.text)


@pytest.mark.parametrize("scenario", SCENARIOS[:40], ids=lambda scenario: scenario.id)
def test_an_injected_turn_still_proposes_once_it_is_neutralised(scenario):
    text = neutralise(first_turn(scenario), 4000, scenario.names).text
    assert parse_turn(text).proposal
