"""Whether a training run's summary is what its held-out games and its log come to."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from negotiation_env.episodes.run_folder import CONFIG, EPISODES, SETTINGS, SUMMARY
from negotiation_env.episodes.summary import Summary
from negotiation_env.episodes.verify import differing, read_object, require_ended, summary_again, verify_evaluation
from negotiation_env.training.config import load_config
from negotiation_env.training.held_out_log import HELD_OUT, HeldOut, read_held_out
from negotiation_env.training.report import groups_with_signal, read_metrics
from negotiation_env.training.run_folder import numbered

__all__ = ["verify_training"]

_FOLDER: Final = "held_out"


def verify_training(run: Path) -> list[str]:
    """What of a training's folder does not agree with its held-out games and its log, a sentence each.

    Figures whose games are not in the folder are told too, for nobody can derive them there.

    Raises:
        UserError: A file is missing or cannot be read.
    """
    folders = {step: path for step, path in numbered(run / _FOLDER, "step-").items() if (path / EPISODES).is_file()}
    wrong = [f"{path.relative_to(run)}/{told}" for path in folders.values() for told in verify_evaluation(path)]
    again = {step: summary_again(path, read_object(path / SETTINGS), []) for step, path in folders.items()}
    for line in read_held_out(run / HELD_OUT):
        wrong += _line(line, again)
    return wrong + _summary(run, again)


def _line(line: HeldOut, again: Mapping[int, Summary]) -> list[str]:
    """The held-out judge's lines are `rejudged/`'s figures, and left to it."""
    where = f"{HELD_OUT}, step {line.step}"
    if line.role == "held-out judge":
        return []
    if (found := again.get(line.step)) is None:
        return [f"{where}: its games are not here, so that nothing of it can be derived"]
    due = HeldOut(line.step, found.judge, found.score, found.agreement_rate)
    return differing(where, asdict(line), asdict(due))


def _summary(run: Path, again: Mapping[int, Summary]) -> list[str]:
    """Its settings, both evaluations, and the share of groups that carried a signal."""
    require_ended(run)
    told, log = read_object(run / SUMMARY), read_metrics(run)
    config = load_config(run / CONFIG).model_dump(mode="json")
    kept = {name: value for name, value in told["config"].items() if name in config}  # older versions had others
    wrong = differing(f"{SUMMARY}, config", kept, {name: config[name] for name in kept})
    due: dict[str, Any] = {"steps": len({each["step"] for each in log}), "groups_with_signal": groups_with_signal(log)}
    for name, step in (("before", 0), ("after", due["steps"])):
        if told[name] is not None and step not in again:
            wrong.append(f"{SUMMARY}: {name}: the games of step {step} are not here, so that it cannot be derived")
        elif told[name] is not None:
            due[name] = asdict(again[step])
    return wrong + differing(SUMMARY, {name: told[name] for name in due}, due)
