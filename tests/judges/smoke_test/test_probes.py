"""What the smoke-test judge answers to probes: shallow, and told apart from having nothing to say."""

import pytest

from negotiation_env.game.events import Utterance
from negotiation_env.game.scenario import Persona, Scenario
from negotiation_env.judges.probes import Examiner, Probe, ProbeKind
from negotiation_env.judges.smoke_test.judge import EmbeddedJudge

SCENARIO = Scenario(
    "well",
    "A hill village has one well. In a dry summer it cannot feed both the orchard and the dye works.",
    (
        Persona("Ines", "keep the orchard of old apple trees alive through the dry summer"),
        Persona("Tarek", "keep the dye works and its nine jobs running"),
    ),
)
PLAN = (
    "The dye works rinses by day and its rinse water, filtered through a gravel bed that Tarek's crew digs in April, "
    "runs to the apple trees at night. Ines pays for the pipe with a third of her cider, and if the well drops below "
    "two metres both stop for a day and measure again."
)
ONE_SIDED = "The orchard gets all of the water. Tarek will have to accept that his dye works closes; it is his problem."
PROPOSED = Utterance(0, "PROPOSE: The rinse water is filtered through gravel and runs to the apple trees at night.")
AGREED = (PROPOSED, Utterance(1, "Good.\nACCEPT"))


def acceptance(text: str, seat: int = 0) -> Probe:
    return Probe(ProbeKind.ACCEPTANCE, SCENARIO, text, seat)


def faithfulness(text: str, *dialogue: Utterance) -> Probe:
    return Probe(ProbeKind.FAITHFULNESS, SCENARIO, text, dialogue=dialogue)


@pytest.mark.usefixtures("no_encoder")
def test_a_refused_answer_satisfies_nobody_and_keeps_nothing() -> None:
    accepted, kept = EmbeddedJudge().examine([acceptance(""), faithfulness("", *AGREED)])
    assert (accepted.value, accepted.reason, accepted.details["accepts"]) == (0.0, "empty", False)
    assert (kept.value, kept.reason) == (0.0, "empty")


@pytest.mark.usefixtures("no_encoder")
def test_where_nothing_was_agreed_nothing_can_be_kept() -> None:
    for dialogue in ((), (PROPOSED,)):
        (verdict,) = EmbeddedJudge().examine([faithfulness("", *dialogue)])
        assert (verdict.value, verdict.reason) == (None, "nothing was agreed")


@pytest.mark.models
def test_parties_accept_a_plan_for_both_and_the_loser_of_a_one_sided_one_rejects_it() -> None:
    judge = EmbeddedJudge()
    assert isinstance(judge, Examiner)
    first, second, loser = judge.examine([acceptance(PLAN), acceptance(PLAN, 1), acceptance(ONE_SIDED, 1)])
    assert [each.details["accepts"] for each in (first, second, loser)] == [True, True, False]
    assert all(0.0 <= each.value <= 5.0 for each in (first, second, loser) if each.value is not None)


@pytest.mark.models
def test_an_answer_that_says_the_accepted_plan_keeps_more_of_it_than_another_answer() -> None:
    kept, lost = EmbeddedJudge().examine([faithfulness(PLAN, *AGREED), faithfulness(ONE_SIDED, *AGREED)])
    assert kept.value is not None
    assert lost.value is not None
    assert 1.0 >= kept.value > lost.value + 0.3
