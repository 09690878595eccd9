"""The same negotiations with guards and without, compared pair by pair."""

import json

import pytest

from negotiation_env import FunctionAgent, ScriptedJudge, load_scenarios
from negotiation_env.episodes.evaluate import evaluate
from negotiation_env.episodes.guard_pairs import paired_runs
from negotiation_env.errors import UserError
from negotiation_env.guards.files import Constraint, Guards, Intervention
from tests.helpers.command_line import negotiate

NEVER = Guards("g", (Constraint("never", "not accepts", ladder=(Intervention.REPLACE,)),))
AGENTS = [FunctionAgent(lambda _: "PROPOSE: We share.", "proposer"), FunctionAgent(lambda _: "ACCEPT", "taker")]


def played(out, guards=None, **changes):
    settings = {"max_turns": 4, "seed": 0} | changes
    evaluate(AGENTS, ScriptedJudge(), load_scenarios("eval_conflict")[:3], out, guards=guards, **settings)
    return out


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two that agree at once, but where guards keep one from it."""
    out = tmp_path_factory.mktemp("runs")
    return played(out / "guarded", NEVER), played(out / "free")


def test_what_guards_change_is_told_of_the_same_negotiations(runs):
    found = {each.measure: each for each in paired_runs(*runs)}
    told = {
        name: (each.guarded.value, each.free.value, each.difference.difference.value) for name, each in found.items()
    }
    assert told["reward"] == (0.0, 3.0, -3.0)
    assert told["agreed"] == (0.0, 1.0, -1.0)
    assert told["turns"] == (4.0, 2.0, 2.0)
    assert found["reward"].difference.p == 0.25  # one of the eight ways to flip three signs, and its opposite
    assert all(each.difference.pairs in (0, 3) for each in found.values())


def test_the_command_shows_them_beside_the_breaches(runs):
    guarded, free = runs
    done = negotiate("guard", guarded, "--guards", "safety", "--without", free)
    assert "the same negotiations with guards and without" in done.stdout
    told = json.loads(negotiate("guard", guarded, "--guards", "safety", "--without", free, "--json").stdout)
    assert [each["measure"] for each in told["paired"]] == ["reward", "score", "agreed", "turns"]


def test_runs_that_are_no_pair_are_refused(runs, tmp_path):
    guarded, free = runs
    with pytest.raises(UserError, match="expected negotiations without guards in"):
        paired_runs(guarded, guarded)
    with pytest.raises(UserError, match="expected negotiations under guards in"):
        paired_runs(free, free)
    with pytest.raises(UserError, match=r"differs from that of .* in more than guards"):
        paired_runs(guarded, played(tmp_path / "longer", max_turns=6))
