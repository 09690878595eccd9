import pytest

from negotiation_env.episodes.unscored_limit import UnscoredLimit
from negotiation_env.errors import JudgeError


def stops_at(limit, outcomes):
    """The number of negotiations after which the run stops; None where it goes on to the end."""
    for number, scored in enumerate(outcomes, start=1):
        try:
            limit.count(None if scored else "timeout")
        except JudgeError:
            return number
    return None


def test_a_dead_judge_stops_a_run_after_twenty_negotiations():
    assert stops_at(UnscoredLimit(0.2), [False] * 50) == 20


def test_the_allowed_share_itself_is_allowed():
    assert stops_at(UnscoredLimit(0.2), [True, True, True, True, False] * 40) is None
    assert stops_at(UnscoredLimit(0.29), ([False] * 29 + [True] * 71)[::-1]) is None  # 29 / 100 is no more than 0.29


def test_a_judge_that_dies_late_is_noticed_by_the_last_hundred():
    assert stops_at(UnscoredLimit(0.2), [True] * 1000 + [False] * 1000) == 1021


def test_a_limit_of_one_never_stops():
    limit = UnscoredLimit(1.0)
    assert stops_at(limit, [False] * 50) is None
    limit.finish()


def test_a_run_of_fewer_than_twenty_is_looked_at_when_it_ends():
    limit = UnscoredLimit(0.2)
    assert stops_at(limit, [False, True, True]) is None
    with pytest.raises(JudgeError, match="1 of the last 3"):
        limit.finish()
    UnscoredLimit(0.0).finish()  # a run without negotiations


def test_the_message_says_how_many_why_and_what_to_do_in_one_line():
    limit = UnscoredLimit(0.2)
    assert stops_at(limit, [True] * 10) is None
    for _ in range(9):
        limit.count("timeout")
    with pytest.raises(JudgeError) as caught:
        limit.count("HTTP 503:\n\x1b[31mtry later")
    assert str(caught.value) == (
        "stopped: 10 of the last 20 negotiations ended unscored (limit 20 %); "
        "last reason: HTTP 503: [31mtry later; mend that and go on with --resume"
    )


def test_the_message_names_what_was_counted():
    limit = UnscoredLimit(0.0, what="probes")
    limit.count("timeout")
    with pytest.raises(JudgeError, match="1 of the last 1 probes ended unscored"):
        limit.finish()


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_limit_is_a_share(share):
    with pytest.raises(ValueError, match="from 0 to 1"):
        UnscoredLimit(share)
