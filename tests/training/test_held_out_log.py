import pytest

from negotiation_env.errors import UserError
from negotiation_env.statistics.intervals import Estimate
from negotiation_env.training.held_out_log import HeldOut, append_held_out, read_held_out


def held_out(step, score, judge="a judge", agreed=None):
    rate = agreed if agreed is None else Estimate(agreed, None, None, 10)
    return HeldOut(step, judge, Estimate(score, score - 0.5, score + 0.5, 10), rate)


def test_what_was_written_is_read_by_step(tmp_path):
    written = [held_out(50, 3.0), held_out(0, 2.0, agreed=0.8), held_out(0, 1.0, "another judge")]
    for each in written:
        append_held_out(tmp_path / "log", each)
    assert read_held_out(tmp_path / "log") == [written[1], written[2], written[0]]


def test_a_judge_without_agreement_rate_only_scores_and_is_the_held_out_one():
    assert (held_out(0, 2.0, agreed=0.8).role, held_out(0, 2.0).role) == ("training judge", "held-out judge")


def test_the_last_line_of_a_step_and_judge_counts(tmp_path):
    for each in (held_out(0, 2.0), held_out(0, 4.0, "another judge"), held_out(0, 3.0)):
        append_held_out(tmp_path / "log", each)
    assert read_held_out(tmp_path / "log") == [held_out(0, 3.0), held_out(0, 4.0, "another judge")]


def test_one_judge_in_both_roles_keeps_both(tmp_path):
    for each in (held_out(0, 2.0, agreed=0.8), held_out(0, 2.1)):
        append_held_out(tmp_path / "log", each)
    assert len(read_held_out(tmp_path / "log")) == 2


def test_half_a_line_is_passed_over_and_then_cut(tmp_path):
    path = tmp_path / "log"
    append_held_out(path, held_out(0, 2.0))
    whole = path.read_bytes()
    path.write_bytes(whole + '{"step": 50, "judge": "ä'.encode()[:-1])
    assert read_held_out(path) == [held_out(0, 2.0)]
    append_held_out(path, held_out(50, 3.0))
    assert read_held_out(path) == [held_out(0, 2.0), held_out(50, 3.0)]


def test_a_run_that_never_evaluated_has_no_evaluations(tmp_path):
    assert read_held_out(tmp_path / "log") == []


def test_a_line_that_is_no_evaluation_is_named(tmp_path):
    append_held_out(tmp_path / "log", held_out(0, 2.0))
    with (tmp_path / "log").open("a") as file:
        file.write('{"step": 1}\n')
    with pytest.raises(UserError, match="log, line 2 is not a held-out evaluation"):
        read_held_out(tmp_path / "log")
