"""A training's summary is derived again out of its held-out games and its log."""

import json

import pytest

from negotiation_env import ScriptedJudge, load_scenarios
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.episodes.evaluate import evaluate
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.held_out_log import HeldOut, append_held_out
from negotiation_env.training.report import before_and_after
from negotiation_env.training.run_folder import write_config
from negotiation_env.training.verify import verify_training

LOG = [{"step": 1, "reward": 1.0, "no_signal": 0.0}, {"step": 2, "reward": 1.5, "no_signal": 1.0}]


@pytest.fixture
def run(tmp_path):
    """What a run of two steps leaves, but for its weights."""
    config = TrainConfig(max_steps=2)
    write_config(config, tmp_path)
    judge = ScriptedJudge(score=lambda question: float(len(question.scenario.dilemma) % 5))
    found = {}
    for step, agent in ((0, ScriptedAgent("stubborn")), (2, ScriptedAgent("compromising"))):
        folder = tmp_path / "held_out" / f"step-{step}"
        found[step] = evaluate([agent], judge, load_scenarios("eval_conflict")[:5], folder)
        line = HeldOut(step, judge.name, found[step].score, found[step].agreement_rate)
        append_held_out(tmp_path / "held_out.jsonl", line)
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in LOG), encoding="utf-8")
    before_and_after(config, found[0], found[2], LOG, tmp_path / "summary.json")
    return tmp_path


def edit(path, change):
    told = json.loads(path.read_text(encoding="utf-8"))
    change(told)
    path.write_text(json.dumps(told), encoding="utf-8")


def test_a_training_verifies(run):
    assert verify_training(run) == []


def test_changed_figures_of_the_summary_are_told(run):
    def change(told):
        told["after"]["reward"]["value"] = told["groups_with_signal"] = 0.75
        told["config"]["learning_rate"] = 1.0

    edit(run / "summary.json", change)
    names = [told.partition(" is ")[0] for told in verify_training(run)]
    assert names == [
        "summary.json, config: learning_rate",
        "summary.json: groups_with_signal",
        "summary.json: after.reward.value",
    ]


def test_a_changed_figure_of_the_held_out_log_is_told(run):
    path = run / "held_out.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace('"value":1.0', '"value":0.9'), encoding="utf-8")
    assert verify_training(run) == ["held_out.jsonl, step 2: agreement_rate.value is 0.9; its records come to 1.0"]


def test_figures_whose_games_are_not_there_are_told(run):
    (run / "held_out" / "step-2" / "episodes.jsonl").unlink()
    assert verify_training(run) == [
        "held_out.jsonl, step 2: its games are not here, so that nothing of it can be derived",
        "summary.json: after: the games of step 2 are not here, so that it cannot be derived",
    ]


def test_a_lost_step_of_the_log_is_told(run):
    (run / "metrics.jsonl").write_text(json.dumps(LOG[0]) + "\n", encoding="utf-8")
    assert "summary.json: steps is 2; its records come to 1" in verify_training(run)


def test_a_held_out_folders_own_figures_are_verified_too(run):
    edit(run / "held_out" / "step-0" / "summary.json", lambda told: told.update(unscored=3))
    assert verify_training(run) == ["held_out/step-0/summary.json: unscored is 3; its records come to 0"]
