from dataclasses import dataclass

import pytest

from negotiation_env.episodes.answer_file import AnswerFile
from negotiation_env.episodes.unscored_limit import UnscoredLimit
from negotiation_env.errors import JudgeError, UserError

QUESTIONS = {name: name.upper() for name in "abcde"}


@dataclass(frozen=True)
class Echo:
    id: str
    words: str
    failure: str | None = None
    subject_digest: str = ""


def echo(questions):
    return [Echo(question.lower(), f"{question}!") for question in questions]


class Asked:
    """Answers, or fails on some, and remembers the batches that it was asked."""

    def __init__(self, fails=()):
        self.batches = []
        self._fails = fails

    def __call__(self, questions):
        self.batches.append("".join(questions))
        return [Echo(each.id, "", "ill") if each.id in self._fails else each for each in echo(questions)]


def complete(path, ask=echo, *, subject="", whole=False, limit=1.0, told=None):
    file = AnswerFile(path, Echo)
    note = [].append if told is None else told.append
    limit = UnscoredLimit(limit)
    return file.complete(QUESTIONS, lambda _: subject, ask, batch=2, whole=whole, limit=limit, progress=note)


def ids(path):
    return [each.id for each in AnswerFile(path, Echo).answers()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "answers.jsonl"


def test_every_question_is_asked_once_in_batches_and_answered_in_its_order(path):
    ask, told = Asked(), []
    answers = complete(path, ask, told=told)
    assert ask.batches == ["AB", "CD", "E"]
    assert list(answers.items()) == [(id, Echo(id, f"{text}!")) for id, text in QUESTIONS.items()]
    assert told == list(answers.values())


def test_what_is_on_file_is_not_asked_again(path):
    complete(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[1::2]))
    ask, told = Asked(), []
    assert list(complete(path, ask, told=told)) == list(QUESTIONS)
    assert ask.batches == ["AC", "E"]
    assert [each.id for each in told] == ["b", "d", "a", "c", "e"]
    complete(path, ask)
    assert ask.batches == ["AC", "E"]


def test_half_a_last_line_is_cut_off_and_asked_again(path):
    complete(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    ask = Asked()
    complete(path, ask)
    assert (ask.batches, path.read_bytes()) == (["E"], whole)


def test_a_batch_is_on_file_before_the_next_is_asked(path):
    def breaks_at_the_second(questions):
        if "C" in questions:
            raise RuntimeError("killed")
        return echo(questions)

    with pytest.raises(RuntimeError, match="killed"):
        complete(path, breaks_at_the_second)
    assert ids(path) == ["a", "b"]


def test_what_was_not_answered_is_asked_again_and_the_last_line_of_an_id_counts(path):
    assert [each.failure for each in complete(path, Asked(fails="bd")).values()] == [None, "ill", None, "ill", None]
    ask = Asked(fails="d")
    answers = complete(path, ask)
    assert ask.batches == ["BD"]
    assert [each.failure for each in answers.values()] == [None, None, None, "ill", None]
    assert ids(path) == ["a", "b", "c", "d", "e", "b", "d"]


def test_a_batch_that_lacks_an_answer_can_be_asked_whole_and_only_what_is_missing_is_written(path):
    complete(path, Asked(fails="d"))
    ask = Asked()
    answers = complete(path, ask, whole=True)
    assert ask.batches == ["CD"]
    assert ids(path) == ["a", "b", "c", "d", "e", "d"]
    assert [each.failure for each in answers.values()] == [None] * 5


def test_an_answer_about_other_words_is_asked_for_again(path):
    complete(path)
    ask = Asked()
    complete(path, ask, subject="something else")
    assert ask.batches == ["AB", "CD", "E"]


def test_lines_about_other_questions_are_passed_over(path):
    path.write_bytes(b'{"id": "z", "words": "Z!"}\n')
    assert list(complete(path)) == list(QUESTIONS)


def test_too_many_without_answer_stop_the_run_and_are_on_file_also_where_they_are_few(path):
    with pytest.raises(JudgeError, match=r"2 of the last 5 .* last reason: ill"):
        complete(path, Asked(fails="ab"), limit=0.3)
    assert len(ids(path)) == 5
    assert complete(path, limit=0.0)["a"].failure is None


def test_those_that_are_kept_count_for_the_limit(path):
    complete(path, Asked(fails="e"))
    assert complete(path, Asked(fails="e"), limit=0.2)["e"].failure == "ill"


@pytest.mark.parametrize("line", ["{}", "?", '{"id": "a"}'])
def test_a_line_that_is_no_answer_is_told(path, line):
    path.write_text(f'{{"id": "a", "words": "A!"}}\n{line}\n')
    with pytest.raises(UserError, match=r"answers\.jsonl, line 2 is not what a benchmark wrote"):
        complete(path)
