import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from negotiation_env import Reply, ScriptedJudge, Verdict
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.endpoints.usage import Usage, amount
from negotiation_env.episodes.runner import Game, play
from negotiation_env.episodes.summary import Summary, judge_usage, policy_usage, summarise, summary_table
from negotiation_env.game.events import JudgeCall
from tests.conftest import two_parties

PRICED = {"prompt_tokens": 100, "completion_tokens": 10, "cost": 0.1, "seconds": 2.0}
UNPRICED = {"prompt_tokens": 50}


class CostlyJudge(ScriptedJudge):
    """Every verdict took a failed call and a good one."""

    def judge(self, questions):
        calls = (JudgeCall((), error="no JSON", usage=PRICED), JudgeCall((), "{}", usage=PRICED, cached=True))
        return [Verdict(each.value, each.judge, calls=calls) for each in super().judge(questions)]


def episode(usage, judge):
    reply = Reply("Fine.\nPROPOSE: Share.", usage=usage)
    agent = ChatAgent(FakeModel(lambda _: reply))
    return play(Game("g", two_parties(), (agent, agent)), judge, max_turns=2, complete_without_agreement=True)


def test_the_agents_turns_and_completions_are_summed():
    assert policy_usage([episode(PRICED, ScriptedJudge())] * 2) == Usage(6, 600, 60, pytest.approx(0.6))


def test_the_judges_calls_are_summed_failed_and_cached_ones_too():
    assert judge_usage([episode({}, CostlyJudge())]) == Usage(4, 400, 40, pytest.approx(0.4))


def test_without_prices_there_is_no_cost_and_scripts_make_no_calls():
    assert policy_usage([episode(UNPRICED, ScriptedJudge())]) == Usage(3, 150, 0, None)
    assert policy_usage([episode({}, ScriptedJudge())]) == judge_usage([episode({}, ScriptedJudge())]) == Usage()


@pytest.mark.parametrize(
    ("told", "counted"),
    [(3, 3.0), (2.5, 2.5), ("12", 12.0), (0, 0.0)]
    + [(bad, None) for bad in (None, True, "", "many", float("nan"), float("inf"), -1, [3], {}, 10**400, "nan")],
)
def test_a_call_counts_as_what_it_reports_and_what_is_no_number_counts_nothing(told, counted):
    assert amount({"cost": told}, "cost") == counted
    reply = Reply("Fine.", usage={"completion_tokens": told, "cost": told})
    agent = ChatAgent(FakeModel(lambda _: reply))
    used = policy_usage([play(Game("g", two_parties(), (agent, agent)), ScriptedJudge(), max_turns=2)])
    assert used.completion_tokens == 2 * int(counted or 0)


def shown(*summaries):
    out = io.StringIO()
    headed = {f"[bold]{'abc'[number]}[/bold]": summary for number, summary in enumerate(summaries)}
    Console(file=out, width=150).print(summary_table(headed))
    return out.getvalue()


def test_a_summary_carries_the_usage_of_both_roles_and_shows_it_where_there_are_tokens():
    summary = summarise([episode({}, CostlyJudge())])
    assert Summary.from_json(summary.to_json()) == summary
    assert re.search(r"judge tokens, in \+ out +│ 400 \+ 40, \$0\.4000", shown(summary))
    assert "policy tokens" not in shown(summary)


def renaming(*names):
    told = iter(names)
    return ChatAgent(FakeModel(lambda _: Reply("Fine.\nPROPOSE: Share.", model=next(told))), name="[b]api[/b]")


class RenamingJudge(ScriptedJudge):
    def judge(self, questions):
        calls = tuple(JudgeCall((), model=name) for name in ("j-1 fp_1", "j-1 fp_2", "j-2", ""))
        return [replace(each, calls=calls, details=self.details) for each in super().judge(questions)]


def test_a_model_that_changes_its_name_within_a_run_is_said_so():
    same, other = renaming("m-1 fp_1", "m-1 fp_2", ""), renaming("m-1", "m-2", "m-3")
    kept, changed = (
        summarise([play(Game("g", two_parties(), (a, a)), ScriptedJudge(), max_turns=2)]) for a in (same, other)
    )
    assert (kept.renamed, changed.renamed) == ({}, {"[b]api[/b]": ["m-1", "m-2"]})
    assert "renamed" not in kept.to_json()
    assert Summary.from_json(changed.to_json()) == changed
    assert re.search(r"names of the model of \[b\]api\[/b\] +│ – +│ m-1, m-2", shown(kept, changed))


@pytest.mark.parametrize(("members", "renamed"), [(0, True), (1, True), (2, False)])
def test_a_judge_has_as_many_names_as_members(members, renamed):
    judge = RenamingJudge()
    judge.details = {"members": [{}] * members} if members else {}
    agent = ChatAgent(FakeModel())
    found = summarise([play(Game("g", two_parties(), (agent, agent)), judge)]).renamed
    assert found == ({judge.name: ["j-1", "j-2"]} if renamed else {})


@pytest.mark.parametrize("members", [3, "two", [1, 2], [{}], [{"value": "high"}], None, {"a": {"value": 1.0}}])
def test_details_of_a_judge_of_one_s_own_may_mean_anything(members):
    judge = RenamingJudge()
    judge.details = {"members": members, "probability": "high"}
    agent = ChatAgent(FakeModel())
    assert summarise([play(Game("g", two_parties(), (agent, agent)), judge)]).panel == {}


def test_headings_are_shown_as_they_are():
    assert "[bold]a[/bold]" in shown(summarise([episode({}, ScriptedJudge())]))


def test_a_summary_from_before_usage_was_counted_can_still_be_read():
    lines = summarise([episode({}, ScriptedJudge())]).to_json()
    old = Summary.from_json(lines[: lines.index(',\n "usage"')] + "\n}")
    assert old.usage == {}
    assert "tokens, in" not in shown(old)
