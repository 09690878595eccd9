import pytest

from negotiation_env import Rules
from negotiation_env.game.events import Outcome, Status
from negotiation_env.game.rewards import reward


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome(Status.AGREED, 3, True, "plan", 4.2), 4.2),
        (Outcome(Status.NO_AGREEMENT, 7), 0.0),
        (Outcome(Status.NO_AGREEMENT, 7, False, "written for the evaluation", 4.2), 0.0),
        (Outcome(Status.ANSWERED, 0, False, "a single agent's", 4.2), 4.2),
        (Outcome(Status.UNSCORED, 3, True, "plan", None, "timeout"), None),
    ],
)
def test_the_reward_is_the_score_of_an_agreement_and_unscored_is_no_number(outcome, expected):
    assert reward(outcome, Rules()) == expected


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome(Status.AGREED, 3, True, "plan", 4.2), 4.2),
        (Outcome(Status.NO_AGREEMENT, 7, False, "plan", 4.2), 4.2),
        (Outcome(Status.UNSCORED, 7, False, "plan", None, "timeout"), None),
    ],
)
def test_the_rules_can_reward_a_completion_without_agreement(outcome, expected):
    assert reward(outcome, Rules(complete_without_agreement=True, reward_without_agreement=True)) == expected
