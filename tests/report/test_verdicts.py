from negotiation_env.game.events import QuestionKind, Verdict
from negotiation_env.report.verdicts import Bar, Quote, as_text, show_verdict

NAMES = ("Lea", "Noor")


def shown(kind, **details):
    return show_verdict(kind, 2, Verdict(1.0, "judge", "why", details), NAMES)


def test_an_agreements_quotes_say_whose_they_are_and_which_were_not_found():
    parties = {"party_1": "I agree", "party_2": "as you wish"}
    found = shown(QuestionKind.AGREEMENT, parties=parties, unquoted=[1], agreed=True, probability=0.75)
    assert found.quotes == (Quote("Lea", "I agree"), Quote("Noor", "as you wish", found=False))
    assert (found.probability, found.facts) == (0.75, {})


def test_a_scores_levels_are_bars_of_five_and_its_evidence_is_graded():
    parties = {name: {"quote": "twelve litres", "served": 4} for name in ("party_1", "party_2")}
    levels = {"score": 3.6, "power": 4}
    found = shown(QuestionKind.SCORE, parties=parties, levels=levels, harms=[], worst_goal=4, capped=False)
    assert found.bars == (Bar("score", 3.6, 5.0), Bar("power", 4, 5.0))
    assert found.quotes[1] == Quote("Noor", "twelve litres", 4)
    assert found.facts == {"harms": "none", "worst_goal": "4", "capped": "false"}


def test_the_rubrics_features_are_bars_of_one():
    found = shown(QuestionKind.SCORE, service=0.389, copied=0.0, score=1.021)
    assert found.bars == (Bar("service", 0.389, 1.0), Bar("copied", 0.0, 1.0))
    assert found.facts == {}


def test_details_of_an_unknown_judge_are_shown_as_they_are():
    found = shown(QuestionKind.SCORE, members=[{"judge": "a", "value": 2}], note="x")
    assert found.facts == {"members": '[{"judge": "a", "value": 2}]', "note": "x"}


def test_values_read_as_people_write_them():
    assert [as_text(value) for value in ("a", 0.123456, 3, True, None, [])] == [
        "a",
        "0.1235",
        "3",
        "true",
        "none",
        "none",
    ]
