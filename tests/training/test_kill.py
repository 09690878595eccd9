"""The real command, killed by SIGKILL at any moment and resumed, ends as one that was never killed."""

from functools import partial

import pytest

torch = pytest.importorskip("torch")

from negotiation_env.training.checkpoints import last_checkpoint, steps_behind  # noqa: E402
from negotiation_env.training.held_out_log import HELD_OUT, read_held_out  # noqa: E402
from negotiation_env.training.opponents import RATINGS  # noqa: E402
from tests.helpers.killing import interrupt_when, kill_when  # noqa: E402
from tests.training.command import (  # noqa: E402
    PATIENCE,
    episodes,
    finish,
    log_of,
    metrics,
    run_to_the_end,
    tensors,
    training,
    write_config,
)

pytestmark = pytest.mark.models


def the_first_held_out_games_are_begun(out):
    return (out / "held_out" / "step-0" / "run.json").is_file()


def a_checkpoint_is_begun(out):
    return (out / "checkpoints" / "checkpoint-2").is_dir()


def the_last_held_out_games_are_begun(out):
    return (out / "held_out" / "step-4" / "run.json").is_file()


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_that_is_killed_again_and_again_ends_as_an_unbroken_one(model_folder, tmp_path):
    config = write_config(tmp_path / "run.toml", model_folder)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    moments = (the_first_held_out_games_are_begun, a_checkpoint_is_begun, the_last_held_out_games_are_begun)
    with training(config, whole) as unbroken:
        for number, moment in enumerate(moments):
            with training(config, killed, resume=number > 0) as process:
                kill_when(partial(moment, killed), process, patience=PATIENCE, pause=0.001)
        run_to_the_end(config, killed, resume=True)
        finish(unbroken, whole)
    assert episodes(killed) == episodes(whole)
    assert len({episode.scenario.id for episode in episodes(whole)}) == 2  # of four groups: a second epoch
    assert metrics(killed) == metrics(whole)
    assert all(step["grad_norm"] > 0 for step in metrics(whole))
    assert read_held_out(killed / HELD_OUT) == read_held_out(whole / HELD_OUT)
    trained, last = "adapter/adapter_model.safetensors", "checkpoints/checkpoint-4"
    assert same(tensors(killed / trained), tensors(whole / trained))
    assert same(*(tensors(out / last / "snapshots.safetensors") for out in (killed, whole)))
    assert (killed / last / RATINGS).read_text() == (whole / last / RATINGS).read_text()


def test_ctrl_c_stops_at_once_keeps_what_was_played_and_says_how_to_go_on(model_folder, tmp_path):
    config = write_config(tmp_path / "run.toml", model_folder, eval_split="none", eval_every=0, max_steps=500)
    out = tmp_path / "run"
    with training(config, out) as process:
        interrupt_when(partial(a_checkpoint_is_begun, out), process, patience=PATIENCE)
        assert process.wait(60) == 130
    told = log_of(out).read_text()
    assert "Traceback" not in told
    assert told.splitlines()[-1].startswith(f"negotiate: stopped; {out} keeps every negotiation that has ended, and ")
    assert told.splitlines()[-1].endswith("go on from there with --resume")
    steps = steps_behind(last_checkpoint(out / "checkpoints"))
    run_to_the_end(config, out, "--max_steps", str(steps + 1), resume=True)
    assert [step["step"] for step in metrics(out)] == list(range(1, steps + 2))
    assert [episode.tags["step"] for episode in episodes(out)] == [n for n in range(steps + 1) for _ in range(2)]
