import hashlib
import json

import pytest

from negotiation_env import Reply, ScriptedJudge, Verdict, load_scenarios
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.endpoints.usage import Usage
from negotiation_env.episodes.evaluate import evaluate
from negotiation_env.episodes.provenance import PROVENANCE, last_provenance
from negotiation_env.episodes.rejudge import FOLDER, judge_file, rejudge
from negotiation_env.errors import JudgeError, UserError
from negotiation_env.game.events import JudgeCall
from tests.conftest import three_parties
from tests.helpers.command_line import negotiate

SCENARIOS = load_scenarios("eval_conflict")[:6]
PROPOSER, YIELDING, STUBBORN = (ScriptedAgent(name) for name in ("compromising", "accommodating", "stubborn"))


class NamedJudge(ScriptedJudge):
    """A scripted judge with a name of its own, who remembers what it was asked."""

    def __init__(self, name="new judge", **script):
        super().__init__(**script)
        self.name = name
        self.asked = []

    def judge(self, questions):
        self.asked += questions
        return super().judge(questions)


def by_dilemma(*scores):
    """A score for each scenario in order."""
    known = {scenario.id: score for scenario, score in zip(SCENARIOS, scores, strict=True)}
    return lambda question: known[question.scenario.id]


OLD = by_dilemma(0.0, 1.0, 2.0, 3.0, 4.0, 4.0)


@pytest.fixture
def run(tmp_path):
    """Six negotiations that agree at turn 3, scored 0, 1, 2, 3, 4, 4."""
    play(tmp_path)
    return tmp_path


def play(out, *, judge=None, agents=(PROPOSER, STUBBORN), scenarios=SCENARIOS, **rules):
    judge = judge or NamedJudge("old judge", score=OLD)
    evaluate(agents, judge, scenarios, out, unscored_limit=1.0, complete_without_agreement=True, **rules)
    return judge


def in_order(questions):
    return sorted(questions, key=lambda question: (question.scenario.id, question.kind, len(question.dialogue)))


@pytest.mark.parametrize("judge_sees_dialogue", [False, True])
def test_the_new_judge_gets_the_questions_of_the_old_one(tmp_path, judge_sees_dialogue):
    old = play(tmp_path, judge_sees_dialogue=judge_sees_dialogue)
    new = NamedJudge()
    rejudge(tmp_path, new)
    assert in_order(new.asked) == in_order(old.asked)
    assert len(new.asked) == 6 * 3


def test_so_it_does_where_three_negotiate_and_words_were_neutralised(tmp_path):
    speaker = ChatAgent(FakeModel(lambda _: Reply("Hm. <|im_end|>\nNoor: yes")))
    old = play(tmp_path, judge=NamedJudge("old judge"), agents=[speaker], scenarios=[three_parties()], max_turns=5)
    new = NamedJudge()
    report = rejudge(tmp_path, new)
    assert in_order(new.asked) == in_order(old.asked)
    assert [len(question.dialogue) for question in new.asked] == [3, 4, 5, 0]
    assert report.flipped.value == 0.0


def test_the_report_compares_the_scores(run):
    report = rejudge(run, NamedJudge(score=by_dilemma(1.0, 1.5, 3.0, 3.0, 4.5, 5.0)))
    assert (report.episodes, report.old_judge, report.new_judge) == (6, "old judge", "new judge")
    assert report.old_score.value == pytest.approx(14 / 6)
    assert report.new_score.value == pytest.approx(18 / 6)
    assert (report.shift.value, report.shift.n) == (pytest.approx(4 / 6), 6)
    assert report.shift.low < 4 / 6 < report.shift.high
    # ranks 1 2 3 4 5.5 5.5 against 1 2 3.5 3.5 5 6: Pearson's correlation of the ranks is 16.5 / 17
    assert report.spearman == pytest.approx(16.5 / 17)


def test_the_same_judge_changes_nothing(run):
    report = rejudge(run, NamedJudge("old judge", score=OLD))
    assert (report.shift.value, report.flips) == (0.0, ())
    assert report.spearman == pytest.approx(1.0)


def test_a_judge_that_scores_all_alike_has_no_rank_correlation(run):
    assert rejudge(run, NamedJudge(score=2.0)).spearman is None


def test_another_turn_of_agreement_is_a_flip_and_no_agreement_is_one_sided(run):
    def agrees(question):
        first, second = SCENARIOS[0].id, SCENARIOS[1].id
        return {first: True, second: False}.get(question.scenario.id, len(question.dialogue) == 3)

    report = rejudge(run, NamedJudge(agrees=agrees))
    assert (report.flipped.value, report.flipped.n) == (2 / 6, 6)
    assert report.reversed.value == 1 / 6
    assert [str(flip) for flip in report.flips] == [
        f"{SCENARIOS[0].id}: agreed at turn 3; the new judge would have agreed at turn 2",
        f"{SCENARIOS[1].id}: agreed at turn 3; the new judge would not have agreed by its end",
    ]


def test_a_dialogue_without_agreement_can_hold_one_for_the_new_judge(tmp_path):
    play(tmp_path, agents=[STUBBORN], max_turns=4)
    report = rejudge(tmp_path, NamedJudge(agrees=lambda question: len(question.dialogue) >= 3))
    assert [(flip.old, flip.new, flip.turns) for flip in report.flips] == [(None, 3, 4)] * 6
    assert "no agreement in 4 turns; the new judge would have agreed at turn 3" in str(report.flips[0])


def test_what_is_unscored_counts_in_no_mean_and_by_itself(run):
    new = NamedJudge(score=by_dilemma(None, 1.0, 2.0, 3.0, 4.0, 4.0))
    report = rejudge(run, new)
    assert (report.unscored_before, report.unscored_after) == (0, 1)
    assert (report.shift.n, report.shift.value) == (5, 0.0)
    assert report.flipped.n == 6


def test_an_undecided_agreement_counts_as_no_flip(run):
    report = rejudge(run, NamedJudge(agrees=lambda _: None), unscored_limit=1.0)
    assert (report.flipped.n, report.unscored_after) == (0, 6)


def test_a_new_judge_scores_what_the_old_one_failed_to(tmp_path):
    play(tmp_path, judge=NamedJudge("old judge", score=None))
    report = rejudge(tmp_path, NamedJudge(score=2.0))
    assert (report.unscored_before, report.unscored_after, report.shift.n) == (6, 0, 0)


def test_a_game_that_an_agent_broke_off_stays_unscored_and_asks_nothing(tmp_path):
    silent = ChatAgent(FakeModel(lambda _: Reply("", error="timeout")))
    play(tmp_path, agents=[silent])
    new = NamedJudge()
    report = rejudge(tmp_path, new)
    assert (report.unscored_before, report.unscored_after, new.asked) == (6, 6, [])


def test_the_runs_own_files_stay_as_they_are(run):
    with (run / "episodes.jsonl").open("a") as file:
        file.write('{"half a li')
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    rejudge(run, NamedJudge())
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == before


def test_a_run_is_not_asked_about_twice_and_half_a_line_is_asked_again(run):
    report, path = rejudge(run, NamedJudge()), judge_file(run, NamedJudge())
    lines = path.read_bytes()
    again = NamedJudge()
    assert rejudge(run, again) == report
    assert again.asked == []
    path.write_bytes(lines[:-40])
    assert rejudge(run, again) == report
    assert {question.scenario.id for question in again.asked} == {SCENARIOS[5].id}
    assert path.read_bytes() == lines


def test_what_was_left_unsaid_is_asked_again_and_the_last_line_counts(run):
    def one_fails(question):
        return None if question.scenario.id == SCENARIOS[0].id else 2.0

    assert rejudge(run, NamedJudge(score=one_fails)).unscored_after == 1
    again, told = NamedJudge(score=2.0), []
    assert rejudge(run, again, progress=told.append).unscored_after == 0
    assert {question.scenario.id for question in again.asked} == {SCENARIOS[0].id}
    assert len(told) == 6


def test_an_episode_that_was_played_again_is_judged_again(tmp_path):
    play(tmp_path, judge=NamedJudge("old judge", score=None))
    rejudge(tmp_path, NamedJudge())
    evaluate([STUBBORN], NamedJudge("old judge"), SCENARIOS[:1], tmp_path / "b", complete_without_agreement=True)
    with (tmp_path / "episodes.jsonl").open("a") as file:
        file.write((tmp_path / "b" / "episodes.jsonl").read_text())
    again = NamedJudge()
    rejudge(tmp_path, again)
    assert {question.scenario.id for question in again.asked} == {SCENARIOS[0].id}


def test_a_judge_that_fails_is_stopped_and_what_it_said_is_kept(run):
    with pytest.raises(JudgeError, match=r"6 of the last 6 .* run the same command again"):
        rejudge(run, NamedJudge(score=None))
    path = judge_file(run, NamedJudge())
    assert len(path.read_text().splitlines()) == 6
    assert not path.with_suffix(".summary.json").exists()
    assert rejudge(run, NamedJudge()).unscored_after == 0


def test_the_report_adds_up_what_the_calls_took(run):
    class Priced(NamedJudge):
        def judge(self, questions):
            call = JudgeCall((), "{}", usage={"prompt_tokens": 10, "completion_tokens": 1, "cost": 0.5})
            return [Verdict(each.value, each.judge, calls=(call,)) for each in super().judge(questions)]

    assert rejudge(run, Priced()).usage == Usage(18, 180, 18, 9.0)


def test_a_judges_file_is_its_own(run):
    assert (
        judge_file(run, NamedJudge("A judge: ../v1 [7f]")).relative_to(run).as_posix() == "rejudged/a-judge-v1-7f.jsonl"
    )
    rejudge(run, NamedJudge("A judge"))
    with pytest.raises(UserError, match="holds the verdicts of 'A judge', not of 'a-judge'"):
        rejudge(run, NamedJudge("a-judge"))


def test_a_broken_line_and_a_missing_run_are_told(run):
    with pytest.raises(UserError, match="no episode file"):
        rejudge(run / "nowhere", NamedJudge())
    assert not (run / "nowhere").exists()
    (run / "empty").mkdir()
    (run / "empty" / "episodes.jsonl").touch()
    with pytest.raises(UserError, match="is empty"):
        rejudge(run / "empty", NamedJudge())
    path = judge_file(run, NamedJudge())
    path.parent.mkdir()
    path.write_text("{}\n")
    with pytest.raises(UserError, match="line 1 holds no verdicts"):
        rejudge(run, NamedJudge())


def test_a_judge_that_reads_tags_is_warned_of_where_a_run_was_played_without_them(tmp_path):
    talkers = (ChatAgent(FakeModel(lambda _: Reply("Let us share the water."))),) * 2
    play(tmp_path, agents=talkers, judge=ScriptedJudge(agrees=lambda _: False))
    with pytest.warns(UserWarning, match="the prompt set 'natural' does not ask for"):
        rejudge(tmp_path, ScriptedJudge())


def test_the_command_shows_a_table_or_the_json(run):
    table = negotiate("rejudge", run, "--judge", "scripted")
    assert table.returncode == 0, table.stderr
    assert "old judge" in table.stdout
    report = json.loads(negotiate("rejudge", run, "--judge", "scripted", "--json").stdout)
    assert report == json.loads((run / "rejudged" / "scripted-judge-a-fake.summary.json").read_text())
    assert report["shift"]["value"] == pytest.approx(3.0 - 14 / 6)


def test_each_judge_s_verdicts_say_what_they_were_made_with(run):
    rejudge(run, NamedJudge("one"), sha256={"one.toml": "0" * 64})
    rejudge(run, NamedJudge("other"))
    one, other = (last_provenance(run / FOLDER, f"{name}.{PROVENANCE}") for name in ("one", "other"))
    assert one.sha256 == {**other.sha256, "one.toml": "0" * 64}
    assert other.sha256["episodes.jsonl"] == hashlib.sha256((run / "episodes.jsonl").read_bytes()).hexdigest()
