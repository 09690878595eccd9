"""`negotiate train` in processes of its own, on a tiny scale: a judge, settings, and what a run left behind."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from negotiation_env import ScriptedJudge
from negotiation_env.environment.episode import read_episodes
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.run_folder import to_toml

ROOT = Path(__file__).parents[2]
PATIENCE = 540.0  # seconds that a run may take on a busy machine


def judge():
    """Negotiations of two or three turns; scores that differ from completion to completion."""
    return ScriptedJudge(
        score=lambda question: _sum(question.completion) % 50 / 10,
        agrees=lambda question: len(question.dialogue) == 3 or _sum(question.dialogue[-1].text) % 2 == 1,
    )


def _sum(text):
    return sum(map(ord, text))


def write_config(path, model, **changes):
    """Settings of a run of four steps; two scenarios make every second step with one group begin an epoch."""
    settings = {
        "model": str(model),
        "adapter": "none",
        "lora_rank": 4,
        "judge": f"python:{__name__}:judge",
        "split": "everyday",
        "scenarios": 2,
        "max_steps": 4,
        "group_size": 2,
        "groups_per_step": 1,
        "learning_rate": 1e-2,
        "opponent": {"pool:1,2,rated": 1.0, "frozen:2": 1.0},
        "learner_seat": "alternate",
        "max_turns": 3,
        "temperature": 2.0,
        "max_turn_tokens": 4,
        "completion_temperature": 2.0,
        "max_completion_tokens": 4,
        "save_steps": 1,
        "eval_scenarios": 2,
        "eval_every": 2,
    }
    path.write_text(to_toml(TrainConfig(**settings | changes)), encoding="utf-8")
    return path


@contextmanager
def training(config, out, *overrides, resume=False, processes=1):
    """The command while it runs; one that still does when the block ends is stopped."""
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [sys.executable, *(several if processes > 1 else []), "-m", "negotiation_env", "train", str(config)]
    command += ["--out", str(out), *(["--resume"] if resume else []), *overrides]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with (
        log_of(out).open("a") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()


def log_of(out):
    return out.with_suffix(".log")


def run_to_the_end(config, out, *overrides, **options):
    with training(config, out, *overrides, **options) as process:
        finish(process, out)


def finish(process, out):
    assert process.wait(PATIENCE) == 0, log_of(out).read_text()


def episodes(out):
    return list(read_episodes(out / "episodes.jsonl"))


def metrics(out):
    """Every step's metrics, without the clock's."""
    lines = (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        {name: value for name, value in json.loads(line).items() if not name.startswith(("seconds/", "step_time"))}
        for line in lines
    ]


def checkpoints(out):
    """The names of the checkpoints, in the order of their steps."""
    return sorted((path.name for path in (out / "checkpoints").glob("checkpoint-*")), key=lambda name: int(name[11:]))


def tensors(path):
    from safetensors.torch import load_file

    return load_file(path)
