"""Ctrl-C in a training run."""

import signal
import time

import pytest

pytest.importorskip("torch")

from tests.training.command import PATIENCE, log_of, training, write_config


@pytest.mark.models
def test_ctrl_c_ends_a_training_in_one_line_that_offers_to_resume(tmp_path, model_folder):
    config, out = (
        write_config(tmp_path / "config.toml", model_folder, max_steps=40, eval_split="none"),
        tmp_path / "run",
    )
    with training(config, out) as process:
        deadline = time.monotonic() + PATIENCE
        while not list(out.glob("checkpoints/checkpoint-*")):
            assert process.poll() is None, log_of(out).read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
    told = log_of(out).read_text()
    assert told.endswith(f"negotiate: stopped; every checkpoint is kept in {out}; go on with --resume\n")
    assert "Traceback" not in told
