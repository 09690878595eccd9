import pytest

from negotiation_env.errors import UserError
from negotiation_env.game.events import Question, QuestionKind, Utterance
from negotiation_env.game.scenario import Persona, Scenario
from negotiation_env.judges.ratings import RatedGame, RatingsJudge, append_rating, read_ratings
from tests.helpers.command_line import negotiate


def rated(place, level, *, agreed=5, words="We share.", participant="1"):
    scenario = Scenario(f"s{place}", f"Dilemma {place}.", (Persona("A", "Win."), Persona("B", "Win.")))
    end = f"Yes, {place}.\nACCEPT" if agreed > 3 else "No."
    said = (Utterance(0, "Shall we?\nPROPOSE: We share."), Utterance(1, end))
    answers = {"acceptable": level, "fair": level, "agreed": agreed}
    return RatedGame("pilot@0", participant, place, "base", 0, scenario, said, words, answers)


@pytest.fixture
def ratings(tmp_path):
    path = tmp_path / "ratings.jsonl"
    for game in [rated(0, 1), rated(1, 5), rated(2, 3, agreed=1), rated(3, 4, agreed=3)]:
        append_rating(path, game)
    return path


def test_a_rating_is_read_as_it_was_written(ratings):
    assert read_ratings(ratings)[0] == rated(0, 1)


@pytest.mark.parametrize(("level", "score"), [(1, 0.0), (2, 1.25), (3, 2.5), (5, 5.0)])
def test_levels_from_1_to_5_are_scores_from_0_to_5(tmp_path, level, score):
    append_rating(tmp_path / "r", rated(0, level))
    (verdict,) = RatingsJudge(tmp_path / "r").judge(rated(0, 1).questions[:1])
    assert verdict.value == score


def test_several_people_s_ratings_of_the_same_words_are_averaged(tmp_path):
    append_rating(tmp_path / "r", rated(0, 1))
    append_rating(tmp_path / "r", rated(0, 5, participant="2"))
    (verdict,) = RatingsJudge(tmp_path / "r").judge(rated(0, 1).questions[:1])
    assert (verdict.value, verdict.details["raters"]) == (2.5, 2)


def test_who_is_undecided_or_was_not_asked_says_neither_yes_nor_no(ratings):
    judge = RatingsJudge(ratings)
    decided = [judge.judge(game.questions[1:])[0].value for game in read_ratings(ratings)]
    assert decided == [1.0, 1.0, 0.0, None]
    other = Question(QuestionKind.SCORE, rated(0, 1).scenario, completion="Other words.")
    assert judge.judge([other])[0].value is None


@pytest.mark.parametrize("answers", [{}, {"acceptable": 3, "fair": 3}, {"acceptable": 0, "fair": 3, "agreed": 3}])
def test_a_rating_answers_each_question_from_1_to_5(answers):
    with pytest.raises(ValueError, match="expected ratings from 1 to 5"):
        RatedGame("pilot@0", "1", 0, "base", 0, rated(0, 1).scenario, (), "", answers)


def test_no_ratings_are_one_clear_line(tmp_path):
    with pytest.raises(UserError, match=r"expected the ratings\.jsonl of a study"):
        RatingsJudge(tmp_path / "none.jsonl")
    (tmp_path / "other.jsonl").write_text('{"id": "x"}\n')
    with pytest.raises(UserError, match="line 1 is no rated game"):
        RatingsJudge(tmp_path / "other.jsonl")


def test_a_judge_s_agreement_with_people_is_one_command(ratings):
    done = negotiate("judge-compare", f"ratings:{ratings}", "scripted")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["set:", "ratings.jsonl"] in lines
    assert next(line for line in lines if line[:1] == ["all"])[1] == "4"
    assert next(line for line in lines if line[:2] == ["decided", "alike"])[2] == "1.00"
