from negotiation_env import Verdict
from negotiation_env.benchmark.asked import ask, askings
from negotiation_env.judges.probes import ProbeKind
from tests.benchmark.hand_made import OFFER, YES, episode, place, question, question_place
from tests.conftest import three_parties


def kinds(episodes):
    return [(each.probe.kind, each.probe.seat) for each in askings(episodes, "examiner").values()]


ACCEPTANCE, FAITHFULNESS = ProbeKind.ACCEPTANCE, ProbeKind.FAITHFULNESS


def test_each_party_is_asked_and_where_they_agreed_whether_the_word_was_kept():
    assert kinds([episode()]) == [(ACCEPTANCE, 0), (ACCEPTANCE, 1), (FAITHFULNESS, 0)]
    assert kinds([episode(agreed=False)]) == [(ACCEPTANCE, 0), (ACCEPTANCE, 1)]
    assert len(kinds([episode(scenario=three_parties(), turns=(OFFER, YES, YES))])) == 4


def test_of_a_question_an_unscored_game_or_an_empty_answer_nothing_is_asked():
    assert kinds([episode(question_place(), question()), episode(score=None), episode(answer="")]) == []


def test_a_probe_is_about_the_answer_and_what_was_said_before_it():
    *_, faithfulness = askings([episode(answer="The well is shared.")], "examiner").values()
    assert faithfulness.probe.completion == "The well is shared."
    assert [(turn.seat, turn.text) for turn in faithfulness.probe.dialogue] == [(0, OFFER), (1, YES)]


def test_no_two_askings_have_one_id():
    found = askings([episode(place("a")), episode(place("b"))], "examiner")
    assert len(found) == 6


class Examiner:
    """Is satisfied by the seat, and says nothing about faithfulness."""

    name = "examiner"

    def __init__(self):
        self.asked = []

    def examine(self, probes):
        self.asked.append(len(probes))
        return [
            Verdict(float(probe.seat), self.name) if probe.kind is ACCEPTANCE else Verdict(None, self.name, "no idea")
            for probe in probes
        ]


def test_all_are_asked_in_one_call_and_the_answers_know_whom_they_are_about():
    examiner, games = Examiner(), [episode(place("a")), episode(place("b"))]
    answers = ask(list(askings(games, "examiner").values()), examiner)
    assert examiner.asked == [6]
    assert [each.id for each in answers] == list(askings(games, "examiner"))
    assert [(each.episode, each.kind, each.seat) for each in answers[3:]] == [
        (games[1].id, ACCEPTANCE, 0),
        (games[1].id, ACCEPTANCE, 1),
        (games[1].id, FAITHFULNESS, 0),
    ]


def test_an_answer_without_value_is_a_failure_and_says_why():
    (*_, unsaid) = ask(list(askings([episode()], "examiner").values()), Examiner())
    satisfied, *_ = ask(list(askings([episode()], "examiner").values()), Examiner())
    assert (satisfied.verdict.value, satisfied.failure) == (0.0, None)
    assert unsaid.failure == "no idea"


def test_an_answer_is_about_the_judge_the_text_and_what_was_said():
    def said(game, judge="examiner"):
        return [each.subject_digest for each in askings([game], judge).values()]

    (first, second, kept), again = said(episode()), said(episode())
    assert again == [first, second, kept]
    assert set(said(episode(), "another")).isdisjoint(again)
    assert set(said(episode(answer="Another."))).isdisjoint(again)
    assert said(episode(turns=(OFFER, "Fine.\nACCEPT")))[:2] == [first, second]
    assert said(episode(turns=(OFFER, "Fine.\nACCEPT")))[2] != kept
    assert [each.subject_digest for each in ask(list(askings([episode()], "examiner").values()), Examiner())] == again
