"""The real command in two processes trains as it does in one."""

import pytest

pytest.importorskip("torch")

from negotiation_env.game.events import Task
from tests.training.command import episodes, finish, log_of, metrics, run_to_the_end, training, write_config

pytestmark = pytest.mark.models

SHARED = {"groups_per_step": 2, "max_steps": 2, "eval_every": 0, "prompts": "handshake"}


def spoken(out):
    """All that was said and how it was seeded, in the order of the file."""
    return [(each.id, each.seed, each.tags, each.reward, [said.text for said in each.turns]) for each in episodes(out)]


def log_probabilities(out):
    return [value for each in episodes(out) for said in each.turns for value in said.tokens.logprobs]


def learnt(out):
    """The metrics, but for two that differ by right.

    TRL averages the entropy over micro-batches as if each had as many tokens; an epoch is all that `max_steps` play.
    """
    apart = ("entropy", "epoch")
    return [{name: value for name, value in step.items() if name not in apart} for step in metrics(out)]


def assert_the_same(shared, alone):
    assert spoken(shared) == spoken(alone)
    assert log_probabilities(shared) == pytest.approx(log_probabilities(alone), abs=1e-4)
    for ours, theirs in zip(learnt(shared), learnt(alone), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)
    assert all(step["grad_norm"] > 1e-3 for step in metrics(alone))
    assert any(abs(step["loss"]) > 1e-3 for step in metrics(alone))  # it is 0 where a group's rows are of one length


def test_two_processes_play_and_learn_what_one_does_and_one_speaks_for_both(model_folder, tmp_path):
    config = write_config(tmp_path / "run.toml", model_folder, **SHARED)
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    with training(config, alone) as process:
        run_to_the_end(config, shared, processes=2)
        finish(process, alone)
    assert_the_same(shared, alone)
    for told in ("step    1", "of the training groups carried a signal"):
        assert log_of(shared).read_text(encoding="utf-8").count(told) == 1


def test_so_they_do_with_several_rows_a_game_in_a_run_that_is_resumed(model_folder, tmp_path):
    config = write_config(tmp_path / "run.toml", model_folder, **SHARED, history_turns=1)
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    with training(config, alone) as process:
        run_to_the_end(config, shared, "--max_steps", "1", processes=2)
        (shared / "checkpoints" / "checkpoint-2" / "what a kill left").mkdir(parents=True)
        run_to_the_end(config, shared, processes=2, resume=True)
        finish(process, alone)
    assert_the_same(shared, alone)
    assert any(begins_a_second_row(each) for each in episodes(alone))


def test_so_they_do_under_guards(model_folder, tmp_path):
    guards = tmp_path / "brief.toml"
    brief = '[[constraint]]\nname = "brief"\nformula = "characters < 12"\nladder = ["ask_again", "replace", "record"]\n'
    guards.write_text(brief, encoding="utf-8")
    config = write_config(tmp_path / "run.toml", model_folder, **SHARED, guards=str(guards), guard_penalty=0.5)
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    with training(config, alone) as process:
        run_to_the_end(config, shared, processes=2)
        finish(process, alone)
    assert_the_same(shared, alone)
    refused = [[tried.text for said in each.turns for tried in said.refused] for each in episodes(alone)]
    assert refused == [[tried.text for said in each.turns for tried in said.refused] for each in episodes(shared)]
    assert any(refused)


def begins_a_second_row(episode):
    third = episode.turns[2]
    return third.seat == episode.tags["learner_seat"] and third.task is Task.UTTERANCE and third.tokens.fresh
