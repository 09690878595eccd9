"""What a training run shows at its end: a reward curve, and held-out figures before and after."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from negotiation_env.evaluate import Summary
from training.config import TrainConfig

__all__ = ["before_and_after", "groups_with_signal", "plot_rewards"]


def plot_rewards(log: Sequence[dict[str, Any]], judge: str, path: Path) -> None:
    """Draw the groups' minimum, mean and maximum reward and the agreement rate over the steps, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    steps = [entry["step"] for entry in log]
    low, mean, high = ([entry[f"group_{name}"] for entry in log] for name in ("min", "mean", "max"))
    top.fill_between(steps, low, high, alpha=0.25, label="group minimum to maximum")
    top.plot(steps, mean, marker="o", label="group mean")
    top.set(ylim=(0, 5), ylabel="reward", title=f"Reward in training, by the {judge}")
    top.legend(loc="upper left")
    bottom.plot(steps, [entry["agreement_rate"] for entry in log], marker="o", color="tab:green", label="agreed")
    bottom.plot(
        steps, [entry["no_signal"] for entry in log], marker=".", color="tab:grey", label="groups without signal"
    )
    bottom.set(ylim=(-0.05, 1.05), ylabel="share", xlabel="optimizer step")
    bottom.legend(loc="upper left", ncols=2)
    figure.savefig(path, dpi=120)


def groups_with_signal(log: Sequence[dict[str, Any]]) -> float:
    """Share of the training groups whose rewards differed, 0 to 1."""
    return 1.0 - fmean([float(entry["no_signal"]) for entry in log] or [1.0])


def before_and_after(
    config: TrainConfig, before: Summary | None, after: Summary | None, log: Sequence[dict[str, Any]], path: Path
) -> None:
    """Write the run's summary: settings, both evaluations, and the share of groups that carried a signal."""
    summary = {
        "config": config.model_dump(mode="json"),
        "before": before and asdict(before),
        "after": after and asdict(after),
        "steps": len(log),
        "groups_with_signal": groups_with_signal(log),
    }
    path.write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
