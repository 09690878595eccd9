"""Runs re-read under guards: who broke what and when, of what was said."""

import json
from pathlib import Path

import pytest

from negotiation_env import ScriptedAgent, ScriptedJudge, load_scenarios
from negotiation_env.environment.episode import latest_episodes
from negotiation_env.episodes.evaluate import evaluate
from negotiation_env.episodes.guarding import Breach, breaches, guard_run
from negotiation_env.guards.files import SHIPPED, load_guards
from tests.helpers.command_line import negotiate

LEARNING = Path(__file__).parents[2] / "examples" / "results" / "learning_embedded" / "held_out"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two that press each other."""
    out, pushy = tmp_path_factory.mktemp("runs") / "a", ScriptedAgent("pushy")
    evaluate([pushy, pushy], ScriptedJudge(), load_scenarios("eval_conflict")[:3], out, max_turns=4)
    return out


def test_each_breach_is_told_with_its_turn_and_seat(run):
    for episode in latest_episodes(run / "episodes.jsonl").values():
        found = [each for each in breaches(load_guards("safety"), episode) if each.constraint == "no_pressure"]
        assert found == [Breach(episode.id, turn, (turn - 1) % 2, "no_pressure") for turn in (1, 2, 3, 4)]


def test_a_run_is_counted_by_constraint_seat_and_turn(run):
    report = guard_run(run, load_guards(SHIPPED))
    assert (report.negotiations, report.turns, report.instant) == (3, 12, 0)
    by_seat, by_turn = report.tables()
    (row,) = (row for row in by_seat.rows if row[0] == "no_pressure")
    assert (row[1], row[2].value, *row[3:]) == (12, 1.0, 6, 6)
    (row,) = (row for row in by_turn.rows if row[0] == "no_pressure")
    assert row[1:] == (3, 3, 3, 3)


def test_the_command_prints_tables_or_json_and_writes_nothing(run):
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    done = negotiate("guard", run, "--guards", "careful", "safety")
    assert done.returncode == 0
    assert "3 negotiations, 12 turns under the guards careful+safety" in done.stdout
    told = json.loads(negotiate("guard", run, "--guards", "safety", "--json").stdout)
    assert {each["constraint"] for each in told["breaches"]} == {"no_pressure"}
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--guards", "kind"), "no guards 'kind'; expected one of careful, anti_hacking, safety, or the path"),
        (("--guards", "safety", "safety"), "two constraints are called 'no_pressure'; rename one"),
        ((), "Missing option '--guards'"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(run, arguments, told):
    done = negotiate("guard", run, *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert not done.stdout


def test_anti_hacking_catches_the_instant_acceptances_that_training_on_the_smoke_test_judge_brought():
    before, after = (guard_run(LEARNING / step, load_guards("anti_hacking")) for step in ("step-0", "step-40"))
    assert (before.instant, after.instant) == (7, 53)
    assert before.caught.value == after.caught.value == 1.0
    assert sum(each.constraint == "instant_acceptance" for each in after.breaches) == 55
