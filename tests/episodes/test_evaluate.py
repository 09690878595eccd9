import json
from dataclasses import replace

import pytest

from negotiation_env import Reply, ScriptedJudge, load_scenarios
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.episodes.evaluate import evaluate, pick
from negotiation_env.episodes.rejudge import rejudge
from negotiation_env.episodes.summary import Summary, summary_table
from negotiation_env.errors import UserError

COMPROMISING, STUBBORN = ScriptedAgent("compromising"), ScriptedAgent("stubborn")


def run(out, agents=(COMPROMISING, STUBBORN), **settings):
    judge = settings.pop("judge", ScriptedJudge(score=lambda question: float(len(question.scenario.id) % 3)))
    return evaluate(agents, judge, load_scenarios("eval_conflict")[:6], out, **settings)


def test_an_evaluation_leaves_episodes_and_a_summary(tmp_path):
    summary = run(tmp_path / "run")
    assert len((tmp_path / "run" / "episodes.jsonl").read_text().splitlines()) == 6
    assert Summary.from_json((tmp_path / "run" / "summary.json").read_text()) == summary
    assert json.loads((tmp_path / "run" / "run.json").read_text())["rules"]["max_turns"] == 7
    assert (summary.agreement_rate.value, summary.turns.value, summary.judge) == (1.0, 3.0, "scripted judge (a fake)")


def test_two_stubborn_parties_never_agree_and_their_completion_can_still_be_scored(tmp_path):
    summary = run(tmp_path, (STUBBORN,), complete_without_agreement=True, judge=ScriptedJudge(score=2.0))
    assert (summary.agreement_rate.value, summary.reward.value, summary.score.value) == (0.0, 0.0, 2.0)


def test_a_single_agent_has_a_score_and_no_agreement_rate(tmp_path):
    summary = run(tmp_path, (STUBBORN,), max_turns=0, judge=ScriptedJudge(score=2.0))
    assert (summary.score.value, summary.reward.value, summary.turns.value) == (2.0, 2.0, 0.0)
    assert (summary.agreement_rate.n, summary.agreement_rate.value) == (0, None)


def test_a_single_agents_answers_can_be_judged_again(tmp_path):
    run(tmp_path, (STUBBORN,), max_turns=0, judge=ScriptedJudge(score=2.0))
    report = rejudge(tmp_path, ScriptedJudge(score=3.0))
    assert (report.shift.value, report.shift.n, report.flipped.n, report.unscored_after) == (1.0, 6, 0, 0)


def test_what_was_not_scored_counts_nowhere(tmp_path):
    summary = run(tmp_path, judge=ScriptedJudge(score=None), unscored_limit=1.0)
    assert (summary.unscored, summary.reward.n, summary.reward.value) == (6, 0, None)


def test_the_share_of_thoughts_is_told_where_there_are_any(tmp_path):
    party = ChatAgent(FakeModel(lambda _: Reply("Half?", thought="h" * 15)))
    thoughtful = run(tmp_path / "thoughtful", (party,))
    assert thoughtful.thought == 0.75
    assert Summary.from_json((tmp_path / "thoughtful" / "summary.json").read_text()) == thoughtful
    assert "private thoughts, of all characters" in str(summary_table({"a": thoughtful}))
    plain = run(tmp_path / "plain")
    assert "thought" not in (tmp_path / "plain" / "summary.json").read_text() + str(summary_table({"a": plain}))


def test_the_seats_beyond_the_agents_given_are_taken_by_the_last(tmp_path):
    summary = evaluate([COMPROMISING], ScriptedJudge(), load_scenarios("eval_multi")[:2], tmp_path, max_turns=12)
    assert summary.episodes == 2


def test_earlier_episodes_are_not_mixed_with_new_ones(tmp_path):
    run(tmp_path)
    with pytest.raises(UserError, match="holds episodes already"):
        run(tmp_path)


def test_scenarios_are_there_and_their_ids_differ(tmp_path):
    scenarios = load_scenarios("eval_conflict")[:2]
    for again in (scenarios[0], replace(scenarios[1], id=f"{scenarios[0].id}\u200b")):
        with pytest.raises(UserError, match=f"got '{scenarios[0].id}' twice"):
            evaluate([STUBBORN], ScriptedJudge(), [*scenarios, again], tmp_path)
    with pytest.raises(UserError, match="got none"):
        evaluate([STUBBORN], ScriptedJudge(), [], tmp_path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"agents": []}, r"agents: expected a sequence of agents, one for each seat; got \[\]"),
        ({"agents": "scripted:pushy"}, "expected a sequence of agents.*got 'scripted:pushy'"),
        ({"agents": STUBBORN}, "expected a sequence of agents"),
        ({"agents": ["scripted:pushy"]}, "expected an Agent .*resolve_agent makes one of it"),
        ({"agents": [len]}, "expected an Agent .*FunctionAgent makes one of it"),
        ({"agents": [5]}, r"expected an Agent \(name, act\), got 5$"),
        ({"workers": 0}, "expected at least 1 game at a time; got batch=40, workers=0"),
        ({"batch": 0}, "expected at least 1 game at a time; got batch=0, workers=1"),
        ({"batch": "4"}, "expected at least 1 game at a time; got batch='4', workers=1"),
        ({"workers": None}, "expected at least 1 game at a time; got batch=40, workers=None"),
        ({"max_turn": 3}, r"no rule 'max_turn' \(did you mean max_turns\?\); there are max_turns, history_turns"),
    ],
)
def test_what_it_cannot_play_is_told_before_the_folder_is_there(tmp_path, change, told):
    with pytest.raises((UserError, ValueError, TypeError), match=told):
        run(tmp_path / "run", **change)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("given", [["ec-001"], [{"id": "ec-001"}], b"train", 5], ids=str)
def test_what_is_no_scenario_is_told(tmp_path, given):
    with pytest.raises(ValueError, match="scenarios: expected Scenario values, or the name of a split or file; got"):
        evaluate([STUBBORN], ScriptedJudge(), given, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_scenarios_may_be_named(tmp_path):
    named = evaluate([STUBBORN], ScriptedJudge(), "eval_multi", tmp_path / "named")
    assert named == evaluate([STUBBORN], ScriptedJudge(), load_scenarios("eval_multi"), tmp_path / "listed")


def test_the_same_seed_picks_the_same_scenarios():
    scenarios = load_scenarios("eval_conflict")
    assert pick(scenarios, 5, seed=1) == pick(scenarios, 5, seed=1) != pick(scenarios, 5, seed=2)
    assert pick(scenarios, 999, seed=1) == scenarios
