import pytest

from negotiation_env import ScriptedJudge, env
from negotiation_env.game.echoes import echoes
from negotiation_env.game.events import Utterance
from negotiation_env.game.prompts import shipped_prompts
from negotiation_env.game.protocol import Negotiation, Rules
from tests.conftest import three_parties, two_parties

TOLD = [("You are Lea, and you need water for your field.\nSpeak freely.", "Begin.")] * 3


def found(*turns, seats=2):
    return echoes([Utterance(n % seats, text) for n, text in enumerate(turns)], TOLD[:seats])


def test_a_model_that_answers_the_opening_with_one_sentence_for_ever_echoes_from_its_second_turn_on():
    assert found(*["OK, let's begin."] * 4) == [
        (),
        ("echo_of_other",),
        ("echo_of_self", "echo_of_other"),
        ("echo_of_self", "echo_of_other"),
    ]


@pytest.mark.parametrize("again", ["Share it.", "share  it.", "**Share it.**", "Share\nit."])
def test_what_differs_in_presentation_only_is_an_echo(again):
    assert found("Share it.", again)[1] == ("echo_of_other",)


@pytest.mark.parametrize("other", ["Share it?", "Share it, then.", "Do not share it.", "Yes."])
def test_what_says_anything_else_is_none(other):
    assert found("Share it.", other)[1] == ()


def test_only_last_turns_count():
    assert found("One.", "Two.", "Three.", "Four.", "One.")[4] == ()


@pytest.mark.parametrize("turn", ["Begin.", "begin.", "You are Lea, and you need water for your field."])
def test_a_piece_of_the_prompt_is_an_echo_of_it(turn):
    assert found(turn) == [("echo_of_prompt",)]


@pytest.mark.parametrize("turn", ["Lea", "Speak freely.", "You are Lea, and I need water for my own field."])
def test_a_phrase_of_the_prompt_and_words_of_ones_own_are_none(turn):
    assert found(turn) == [()]


def test_among_three_parties_to_accept_in_the_same_words_is_no_echo():
    turns = ("PROPOSE: Share it.", "Yes.\nACCEPT", "Yes.\nACCEPT", "Hm.", "Yes.\nACCEPT")
    assert found(*turns, seats=3)[1:] == [(), (), (), ("echo_of_self",)]
    assert found("Hm.", "Hm.", seats=3)[1] == ("echo_of_other",)


@pytest.mark.parametrize("answer", ["Yes.", "No.", "I agree.", "Yes, I agree.", "Einverstanden.", "同意。"])
@pytest.mark.parametrize("seats", [2, 3])
def test_who_gives_the_same_short_answer_as_another_has_echoed_nobody(answer, seats):
    turns = ["Shall we share the water?", *[answer] * (seats + 1)]
    assert found(*turns, seats=seats) == [()] * (seats + 1) + [("echo_of_self",)]


def test_turns_in_which_nothing_is_said_are_empty_and_no_echoes():
    game = Negotiation(two_parties())
    game.say(" ")
    game.say(" ")
    assert game.echoes == [(), ()]


@pytest.mark.parametrize("name", ["natural", "natural.de", "handshake"])
@pytest.mark.parametrize("personas", [True, False])
@pytest.mark.parametrize("place", [0, 1])
def test_what_a_seat_was_told_is_known_whatever_the_prompt_set(name, personas, place):
    game = Negotiation(three_parties(), Rules(personas=personas), [shipped_prompts(name)] * 3)
    game.say(game.pending.messages[place]["content"])
    assert game.echoes == [("echo_of_prompt",)]


def test_to_recite_the_reminder_is_an_echo_of_the_prompt_too():
    game = Negotiation(two_parties(), prompts=[shipped_prompts("natural")] * 2)
    game.say("I need water.")
    game.say(dict(shipped_prompts("natural").texts)["reminder"])
    assert game.echoes == [(), ("echo_of_prompt",)]


def test_the_record_has_the_echo_beside_what_was_neutralised():
    game = env(scenarios=two_parties(), judge=ScriptedJudge())
    game.reset(seed=1)
    for _ in range(2):
        game.step("I am\u200b here.")
    assert [each.events for each in game.unwrapped.episode(id="g").turns] == [
        ("control_character",),
        ("control_character", "echo_of_other"),
    ]
