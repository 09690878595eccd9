"""The rubric ranks made-up answers to a made-up dilemma as its docstring promises."""

import pytest

from negotiation_env.game.scenario import Persona, Scenario
from negotiation_env.judges.smoke_test.encoder import load_encoder
from negotiation_env.judges.smoke_test.judge import other_dilemmas
from negotiation_env.judges.smoke_test.rubric import Features, clauses, measure, services, texts_to_encode

GARDENER = Persona("Ines", "keep the orchard of old apple trees alive through the dry summer")
DYER = Persona("Tarek", "keep the dye works and its nine jobs running")
CLERK = Persona("Wu", "have enough clean drinking water for the school")
DILEMMA = "A hill village has one well. In a dry summer it cannot feed both the orchard and the dye works."
SCENARIO = Scenario("well", DILEMMA, (GARDENER, DYER))

PLAN = (
    "The dye works rinses by day and its rinse water, filtered through a gravel bed that Tarek's crew digs in April, "
    "runs to the apple trees at night. Ines pays for the pipe with a third of her cider, and if the well drops below "
    "two metres both stop for a day and measure again."
)
FILLER = (
    " At the end of the day, good things come to those who wait. Rome was not built in a day, and where there is a "
    "will there is a way."
)


def score(text: str, scenario: Scenario = SCENARIO) -> Features:
    pool = other_dilemmas()
    texts = texts_to_encode(text, scenario, pool)
    return measure(text, scenario, dict(zip(texts, load_encoder().encode(texts), strict=True)), pool)


def test_clauses_lose_no_words() -> None:
    assert " ".join(clauses(PLAN)).split() == PLAN.split()
    assert clauses("") == []


@pytest.mark.models
@pytest.mark.parametrize(
    "worse",
    [
        "The orchard gets all of the water. Tarek will have to accept that his dye works closes; it is his problem.",
        "From May the dye works runs three shifts with a second pump, nine staff and a new vat. We warmly thank Ines.",
        "Each of them gets half of the water.",
        "We should listen to each other with open hearts, and a fair balance will be found for everyone.",
        "We keep the orchard of old apple trees alive through the dry summer and we keep the dye works and its nine "
        "jobs running.",
        "The twins sleep at their aunt's flat from Monday to Thursday, and their mother drives the ambulance on the "
        "night shift; the aunt gets her car repaired in return.",
    ],
    ids=["lopsided", "polite but lopsided", "split", "vague", "parrot", "off topic"],
)
def test_a_plan_for_both_beats_the_rest(worse: str) -> None:
    assert score(PLAN).score > score(worse).score + 0.5


@pytest.mark.models
def test_features_lie_in_the_unit_interval_and_the_score_in_zero_to_five() -> None:
    for text in (PLAN, FILLER, "no no no no no no no no"):
        features = score(text)
        assert 0 <= features.score <= 5
        assert all(0 <= value <= 1 for name, value in features.to_dict().items() if name != "score")


@pytest.mark.models
def test_padding_earns_next_to_nothing() -> None:
    lopsided = "The orchard gets all of the water, and the dye works closes in May."
    assert score(lopsided + FILLER).score < score(lopsided).score + 0.4


@pytest.mark.models
def test_the_order_of_the_personas_changes_nothing() -> None:
    swapped = Scenario("well", DILEMMA, (DYER, GARDENER))
    assert score(PLAN, swapped).to_dict() == pytest.approx(score(PLAN).to_dict(), abs=0.002)


@pytest.mark.models
def test_of_an_open_question_the_one_who_asks_is_to_be_served() -> None:
    question = Scenario("q", SCENARIO.dilemma)
    vectors = dict(zip(texts := texts_to_encode(PLAN, question, ()), load_encoder().encode(texts), strict=True))
    assert len(services(PLAN, question, vectors)) == 1
    assert score("It is what it is.", question).score < score(PLAN, question).score <= 5


@pytest.mark.models
def test_each_party_is_served_for_itself_and_the_worst_served_one_counts() -> None:
    texts = texts_to_encode(PLAN, SCENARIO, ())
    each = services(PLAN, SCENARIO, dict(zip(texts, load_encoder().encode(texts), strict=True)))
    assert len(each) == len(SCENARIO.personas)
    assert min(each) == score(PLAN).service


@pytest.mark.models
def test_a_third_party_must_be_served_too() -> None:
    three = Scenario("well", DILEMMA, (GARDENER, DYER, CLERK))
    served = PLAN + " Before all else, forty litres of clean drinking water a day go to the school."
    assert score(PLAN, three).service < score(served, three).service
