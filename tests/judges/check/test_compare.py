import json
from math import nan

import numpy as np
import pytest

from negotiation_env.judges.check.compare import compare_judges, compare_values
from negotiation_env.judges.check.labelled import LabelledSet, read_labelled
from negotiation_env.judges.scripted import ScriptedJudge
from tests.judges.check.test_check import answer, dialogue

NAMES = ("first judge", "second judge")
ANSWERS = tuple(answer(tier) for tier in ("integ_long", "lop_A", "lop_B", "a tier of one's own"))
DIALOGUES = tuple(dialogue(kind, False) for kind in ("no_spam", "no_values", "no_polite"))
LABELLED = LabelledSet("mine.jsonl", ANSWERS, DIALOGUES)


def compared(first, second):
    return compare_values(NAMES, LABELLED, np.array(first, float), np.array(second, float))


def test_scores_are_compared_over_all_and_by_stratum():
    found = compared([0, 1, 2, 3, 1, 0, 0], [0, 2, 2, 1, 1, 1, 0])
    everything, integrative, compromise, one_sided, *_ = found.scores
    assert (everything.stratum, everything.n, everything.exact, everything.within_one) == ("all", 4, 0.5, 0.75)
    assert everything.kappa.value == pytest.approx(0.375)
    assert everything.difference == 0.25
    assert (one_sided.stratum, one_sided.n, one_sided.exact, one_sided.difference) == ("one-sided", 2, 0.5, -0.5)
    assert (integrative.n, integrative.exact, integrative.pearson) == (1, 1, None)
    assert (compromise.n, compromise.exact, compromise.kappa.value) == (0, None, None)


def test_decisions_are_compared_with_both_rates_of_agreement():
    decisions = compared([0, 1, 2, 3, 1, 0, 0], [0, 2, 2, 1, 1, 1, 0]).decisions
    assert (decisions.n, decisions.exact) == (3, pytest.approx(2 / 3))
    assert (decisions.first_rate.value, decisions.second_rate.value) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    # Observed 2/3; by chance 1/3 * 2/3 + 2/3 * 1/3 = 4/9; kappa (2/3 - 4/9) / (5/9).
    assert decisions.kappa.value == pytest.approx(0.4)


def test_what_either_judge_failed_to_say_counts_as_unscored_only():
    found = compared([nan, 1, 2, 3, 1, 0, nan], [0, nan, 2, 1, 1, 1, 0])
    assert (found.first_unscored, found.second_unscored) == (2, 1)
    assert (found.scores[0].n, found.decisions.n, found.decisions.first_rate.n) == (2, 2, 2)


def test_a_judge_agrees_with_itself_and_all_is_in_the_json():
    judge = ScriptedJudge(score=lambda question: len(question.completion) % 6, agrees=lambda q: len(q.dialogue) > 4)
    told = []
    found = compare_judges(judge, judge, read_labelled(), progress=told.append)
    assert len(told) == 480
    assert [row.n for row in found.scores] == [210, 40, 10, 40, 30, 90]
    assert {row.exact for row in found.scores} == {row.kappa.value for row in found.scores} == {1}
    assert (found.decisions.n, found.decisions.kappa.value) == (30, 1)
    stored = json.loads(found.to_json())
    assert (stored["first"], stored["set"]) == ("scripted judge (a fake)", "judge_check.jsonl")
    assert stored["scores"][0]["kappa"]["n"] == 210
