import pytest

from negotiation_env import Reply, ScriptedJudge
from negotiation_env.episodes.dialogue_metrics import (
    agreement_turns,
    capitulation,
    copying,
    dialogue_metrics,
    lengths,
    persona_drift,
    repetition,
)
from negotiation_env.episodes.runner import Game, play
from negotiation_env.game.events import Task
from negotiation_env.interfaces import TokenTrace
from tests.conftest import three_parties, two_parties

OFFER = "PROPOSE: Lea waters at dawn and the school draws its water for the day after that."


class Lines:
    """Says the given lines in turn, whoever's turn it is, and then the completion."""

    name = "lines"

    def __init__(self, lines, completion, tokens):
        self.left, self.completion, self.tokens = list(lines), completion, tokens

    def act(self, requests):
        return [Reply(self._say(request), tokens=self._trace()) for request in requests]

    def _say(self, request):
        return self.completion if request.task is Task.COMPLETION else self.left.pop(0)

    def _trace(self):
        return TokenTrace((1,), tuple(range(self.tokens)), (0.0,) * self.tokens) if self.tokens else None


def dialogue(*lines, completion="A plan.", learner=None, scenario=None, tokens=0, agrees=None):
    scenario = scenario or two_parties()
    parties = len(scenario.personas)
    agent = Lines(lines, completion, tokens)
    tags = {} if learner is None else {"learner_seat": learner}
    game = Game("g", scenario, (agent,) * parties, tags=tags)
    return play(game, ScriptedJudge(agrees=agrees), max_turns=max(len(lines), parties))


# Length


def test_lengths_are_in_words_without_tags_and_in_sampled_tokens():
    figures = lengths([dialogue("One two three.\nPROPOSE: Four five.", "Six.\nACCEPT", completion="A b c.", tokens=7)])
    assert figures == {
        "length/turn_words": (5 + 1) / 2,
        "length/completion_words": 3.0,
        "length/turn_tokens": 7.0,
        "length/completion_tokens": 7.0,
    }


def test_without_traces_there_are_no_tokens_and_without_agreement_no_completion():
    assert lengths([dialogue("One two.", "Three four.")]) == {"length/turn_words": 2.0}


def test_where_the_tags_name_the_learner_its_turns_alone_count():
    assert lengths([dialogue("One.", "Two three.", learner=0)]) == {"length/turn_words": 1.0}
    assert lengths([dialogue("One.", "Two three.", learner=1)]) == {"length/turn_words": 2.0}


# Repetition


def test_a_run_of_four_words_repeats_wherever_it_stood_before():
    # turn 1: 2 runs, both new; turn 2: "b c d e" again, "c d e f" new
    assert repetition([dialogue("a b c d e", "b c d e f")])["repetition/4grams"] == 1 / 4
    # the second speaker's runs alone: one of two
    assert repetition([dialogue("a b c d e", "b c d e f", learner=1)])["repetition/4grams"] == 1 / 2


def test_repetition_is_a_mean_over_dialogues():
    episodes = [dialogue("a b c d", "a b c d"), dialogue("a b c d", "e f g h")]
    assert repetition(episodes)["repetition/4grams"] == (1 / 2 + 0) / 2


def test_an_own_turn_half_of_which_is_said_again_counts():
    said_again = "repetition/turns_said_again"
    assert repetition([dialogue("a b c d e", "no no no no", "a b c d f")])[said_again] == 1.0  # 1 run of 2
    assert repetition([dialogue("a b c d e", "no no no no", "a b c d f g")])[said_again] == 0.0  # 1 run of 3
    assert repetition([dialogue("a b c d e", "a b c d e", "f g h i")])[said_again] == 0.0  # the other's turn


def test_a_partys_first_turn_and_turns_below_four_words_say_nothing_again():
    assert "repetition/turns_said_again" not in repetition([dialogue("a b c d", "a b c d", "Fine.\nACCEPT")])


def test_the_share_of_turns_that_echo_is_told_by_their_events():
    assert repetition([dialogue("Hm.", "Hm.", "Well?", "Well.")])["repetition/echoes"] == 1 / 4
    assert repetition([dialogue("Hm.", "Hm.", learner=1)])["repetition/echoes"] == 1.0
    assert repetition([dialogue("Hm.", "Well.")])["repetition/echoes"] == 0.0


# Capitulation


@pytest.mark.parametrize(
    ("lines", "share"),
    [
        ((OFFER, "That works for me.\nACCEPT"), 1.0),
        ((OFFER, "ACCEPT"), 1.0),
        ((OFFER, "Fine if you carry the pipes.\nACCEPT"), 0.0),
        ((OFFER, "What of Sundays?\nACCEPT"), 0.0),
        (("Hello.", OFFER, "That works for me.\nACCEPT"), 0.0),
        ((OFFER, "PROPOSE: The school first.", "That works for me.\nACCEPT"), 0.0),
    ],
)
def test_to_accept_the_first_proposal_at_the_first_turn_without_a_wish_is_capitulation(lines, share):
    assert capitulation([dialogue(*lines)]) == {"agreement/capitulation": share}


def test_without_tags_the_judges_agreement_decides():
    assert capitulation([dialogue("You water at dawn.", "Fine.", agrees=lambda _: True)]) == {
        "agreement/capitulation": 1.0
    }


def test_a_later_agreement_is_no_capitulation():
    talk = dialogue("You water at dawn.", "Hm.", "Fine.", agrees=lambda question: len(question.dialogue) == 3)
    assert capitulation([talk]) == {"agreement/capitulation": 0.0}


def test_of_three_parties_both_others_have_to_give_in():
    gave_in = dialogue(OFFER, "Fine.\nACCEPT", "Fine.\nACCEPT", scenario=three_parties())
    asked = dialogue(OFFER, "Fine.\nACCEPT", "Fine, but not in June.\nACCEPT", scenario=three_parties())
    assert capitulation([gave_in, asked]) == {"agreement/capitulation": 0.5}


def test_capitulation_is_a_share_of_agreements():
    assert capitulation([dialogue("No.", "No.")]) == {}


# Copying


def test_the_longest_run_shared_with_the_prompt_does_not_cross_its_texts():
    # the dilemma: "... wants water for the school. What now?"; Lea's goal: "You need water for your field ..."
    figures = copying([dialogue("I say Noor wants water for the school now.", "What now you need water?")])
    assert figures["copying/turn_from_prompt"] == (6 + 3) / 2  # "noor ... school"; "you need water"


def test_the_longest_run_shared_with_an_earlier_turn_of_another_party():
    figures = copying([dialogue("we dig a second well", "you dig a second hole", "we dig a second well")])
    # turn 2 from turn 1: "dig a second"; turn 3 from turn 2: the same, for turn 1 is its own
    assert figures["copying/turn_from_others"] == 3.0


def test_common_words_make_a_run_in_a_long_text_too():
    figures = copying([dialogue("the well and " * 100, "So the well and the well")])
    assert figures["copying/turn_from_others"] == 5.0


def test_eight_words_of_a_proposal_make_a_copied_completion():
    eight = "So: Lea waters at dawn and the school draws."
    seven = "So: Lea waters at dawn and the school drinks."
    share = [copying([dialogue(OFFER, "ACCEPT", completion=text)]) for text in (eight, seven)]
    assert [figures["copying/completions_of_a_proposal"] for figures in share] == [1.0, 0.0]


def test_a_completion_is_compared_with_the_prompt_and_without_proposals_with_nothing_else():
    talk = dialogue("Hm.", "Hm.", completion="A village has one well and we dig.", agrees=lambda _: True)
    figures = copying([talk])
    assert figures["copying/completion_from_prompt"] == 5.0
    assert "copying/completions_of_a_proposal" not in figures


# Drift


def test_drift_is_the_others_words_less_ones_own():
    # of "harvest comes rain stopped" one word is Lea's alone, of "forty pupils smile" two are Noor's alone
    figures = persona_drift([dialogue("Harvest comes; rain stopped.", "Hm.", "Forty pupils smile.", learner=0)])
    assert figures == {"drift/early": -1 / 4, "drift/late": 2 / 3}


def test_words_of_both_personas_and_of_the_dilemma_are_nobodys():
    assert persona_drift([dialogue("Need water.", "Need water.", "Village well.", "School field.")]) == {
        "drift/early": 0.0,
        "drift/late": 0.0,
    }


def test_each_party_is_measured_against_its_own_persona():
    figures = persona_drift([dialogue("Harvest.", "Harvest.", "Pupils.", "Pupils.")])
    assert figures == {"drift/early": (-1 + 1) / 2, "drift/late": (1 - 1) / 2}
    assert persona_drift([dialogue("Harvest.", "Harvest.", "Pupils.", "Pupils.", learner=1)]) == {
        "drift/early": 1.0,
        "drift/late": -1.0,
    }


def test_a_party_that_spoke_once_cannot_drift():
    assert persona_drift([dialogue("Harvest.", "Pupils.")]) == {}


# Agreement


def test_the_turns_of_agreement_are_shares_of_the_agreements():
    early, late = dialogue(OFFER, "ACCEPT"), dialogue("Hm.", OFFER, "ACCEPT")
    assert agreement_turns([early, early, late, dialogue("No.", "No.")]) == {
        "agreement/turn": pytest.approx(7 / 3),
        "agreement/at_turn_2": 2 / 3,
        "agreement/at_turn_3": 1 / 3,
    }


# All


def test_all_figures_come_together_each_under_its_own_name():
    talk = [dialogue(OFFER, "Good.\nACCEPT", tokens=3), dialogue("I would rather not.", OFFER, "Good enough.\nACCEPT")]
    parts = (lengths, repetition, capitulation, copying, persona_drift, agreement_turns)
    figures = dialogue_metrics(talk)
    assert figures == {name: value for part in parts for name, value in part(talk).items()}
    assert len(figures) == sum(len(part(talk)) for part in parts)


def test_an_empty_batch_has_no_figures():
    assert dialogue_metrics([]) == {}


def test_an_answer_written_alone_has_the_completions_figures_only():
    agent = Lines((), "A village has one well.", 4)
    alone = play(Game("g", two_parties(), (agent, agent)), ScriptedJudge(), max_turns=0)
    assert dialogue_metrics([alone]) == {
        "length/completion_words": 5.0,
        "length/completion_tokens": 4.0,
        "copying/completion_from_prompt": 5.0,
    }
