"""A training run from end to end: its folder, the training itself, the held-out games, the report."""

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import set_seed

from negotiation_env.agents.models.training_card import TrainingCard, write_card
from negotiation_env.environment.prompting import planned_prompts
from negotiation_env.environment.stepping import Wrap
from negotiation_env.episodes.evaluate import wrapped
from negotiation_env.episodes.provenance import digests, note_provenance
from negotiation_env.episodes.run_folder import SUMMARY, claim
from negotiation_env.episodes.summary import Summary
from negotiation_env.errors import Diverged, UserError
from negotiation_env.game.scenario import Scenario
from negotiation_env.guards.files import load_guards
from negotiation_env.interfaces import ChatRequest, Judge, Reply
from negotiation_env.judges.specs import resolve_judge
from negotiation_env.specs import names, parse
from negotiation_env.training.checkpoints import check_checkpoint, last_checkpoint, remove_after, steps_behind
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.contents import check_contents, run_contents, run_sha256, write_contents
from negotiation_env.training.engines import Engine
from negotiation_env.training.engines.adapters import LEARNER
from negotiation_env.training.engines.in_process import InProcess
from negotiation_env.training.engines.snapshots import Snapshots
from negotiation_env.training.grpo import build_trainer
from negotiation_env.training.held_out import HeldOutPlay
from negotiation_env.training.learner import card_of, load_learner
from negotiation_env.training.model_card import write_model_card
from negotiation_env.training.needs import require_for
from negotiation_env.training.players import Players
from negotiation_env.training.plots import draw_plots
from negotiation_env.training.progress import StepLog
from negotiation_env.training.report import before_and_after, groups_with_signal
from negotiation_env.training.run_folder import (
    CHECKPOINTS,
    CONFIG,
    check_played,
    check_records,
    check_run,
    rewind,
    write_config,
)
from negotiation_env.training.scenarios import dilemmas_of
from negotiation_env.training.trl_seam import NegotiationTrainer

__all__ = ["TrainResult", "judge_of", "train", "way_on"]


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a run left behind.

    Attributes:
        out: The run's folder.
        before: The held-out evaluation before training; None where the config leaves it out.
        after: The same evaluation after it.
        log: One entry a step: TRL's and our metrics.
    """

    out: Path
    before: Summary | None
    after: Summary | None
    log: list[dict[str, Any]]

    @property
    def signal(self) -> float:
        """Share of the training groups whose rewards differed, 0 to 1."""
        return groups_with_signal(self.log)


def train(
    config: TrainConfig,
    out: Path,
    *,
    resume: bool = False,
    judge: Judge | None = None,
    scenarios: Sequence[Scenario] = (),
    wrap: Wrap | None = None,
) -> TrainResult:
    """Run a training.

    Args:
        config: The settings.
        out: The run's folder; receives config.toml, episodes.jsonl, metrics.jsonl, checkpoints, the trained adapter or
            model, the held-out games, summary.json and the plots.
        resume: Go on from the folder's last whole checkpoint.
        judge: Used instead of the one that the config names.
        scenarios: Used instead of the config's split.
        wrap: As for `play_many`, around training's and held-out games alike; a run goes on only with the same.

    Raises:
        Diverged: A loss, gradient, weight or log-probability is not finite; the checkpoints are from before.
        UserError: Another process holds the folder, it holds a run already, or one that cannot be resumed: with other
            settings or another judge, or without a checkpoint; or a key, package or adapter lacks that opponents or
            judges need. Then nothing in it was changed.
    """
    main = os.environ.get("RANK", "0") == "0"
    if main:
        _start(config, out, resume=resume)  # also before the weights are loaded, which takes long
        require_for(config, judge=judge is None)
    set_seed(config.seed)  # a new adapter begins alike in every process, and after a kill
    model, tokenizer = load_learner(config)
    snapshots = Snapshots(model)
    players = Players(config, _engine(config, model, tokenizer, snapshots, out), snapshots)
    judge = judge or judge_of(config.judge, players)
    second = None if config.held_out_judge == "none" else resolve_judge(config.held_out_judge)
    trainer = build_trainer(config, model, tokenizer, judge, players, out, scenarios, wrap)
    model.to(trainer.accelerator.device)  # DeepSpeed and FSDP leave that to `train`, and held-out games come before
    held_out = HeldOutPlay(config, model, players, judge, second, out, wrap)
    trainer.add_callback(held_out)
    contents = run_contents(config, second) | wrapped(wrap) if main else {}
    with claim(out) if main else nullcontext():
        checkpoint = _start(config, out, resume=resume) if main else _last(out, resume)
        if main:
            _clear(config, contents, out, checkpoint, held_out)
            own = (each for some in dilemmas_of(config, scenarios) for each in some)
            note_provenance(out, digests(own, [held_out.prompts]) | run_sha256(config))
        try:
            return _train(config, trainer, players, held_out, out, checkpoint)
        except Diverged as error:
            raise Diverged(f"{error}; {_remedy(config, out, error.good)}", error.good) from error


def way_on(out: Path) -> str:
    """What an interrupted run has kept, and how to go on with it."""
    checkpoint = last_checkpoint(out / CHECKPOINTS)
    try:
        check_records(out, checkpoint)
    except UserError:
        return f"{out} keeps every negotiation that has ended, but there is no checkpoint yet; begin with another --out"
    if checkpoint:
        return f"{out} keeps every negotiation that has ended, and {checkpoint.name}; go on from there with --resume"
    return "nothing was played for training yet; begin again" + " with --resume" * (out / CONFIG).is_file()


def _last(out: Path, resume: bool) -> Path | None:
    return last_checkpoint(out / CHECKPOINTS) if resume else None


def _start(config: TrainConfig, out: Path, *, resume: bool) -> Path | None:
    """See that the run can begin or go on; the checkpoint to go on from."""
    planned_prompts(config.prompts, config.judge)
    check_run(config, out, resume=resume)
    checkpoint = _last(out, resume)
    if resume:
        check_records(out, checkpoint)
    return checkpoint


def _clear(
    config: TrainConfig, contents: Mapping[str, str], out: Path, checkpoint: Path | None, held_out: HeldOutPlay
) -> None:
    """Take away what is trained anew, once the last thing is checked; only then the folder is this run's."""
    check_contents(out, contents)
    guards = load_guards(config.guards).id if config.guards else ""
    check_played(out, held_out.judge.name, held_out.prompts, guards)
    if checkpoint:
        check_checkpoint(checkpoint)
    step = steps_behind(checkpoint)
    rewind(out, step)
    remove_after(out / CHECKPOINTS, step)
    held_out.forget_after(step)
    write_contents(out, contents)
    write_config(config, out)


def _remedy(config: TrainConfig, out: Path, good: int) -> str:
    """What to do about a run that diverged: with the same settings a resumed one would again."""
    checkpoint = last_checkpoint(out / CHECKPOINTS, good)
    source = {"lora": f"--adapter {checkpoint}", "full": f"--model {checkpoint} --adapter none"}[config.fine_tuning]
    return (
        f"begin a new run {f'with {source}, ' if checkpoint else 'with '}another --out, a lower learning_rate (it is "
        f"{config.learning_rate:g}), a lower max_grad_norm ({config.max_grad_norm:g}) or more warmup_steps "
        f"({config.warmup_steps})"
    )


def _train(
    config: TrainConfig,
    trainer: NegotiationTrainer,
    players: Players,
    held_out: HeldOutPlay,
    out: Path,
    checkpoint: Path | None,
) -> TrainResult:
    main = trainer.accelerator.is_main_process
    before = held_out.play(0, main=main)
    trainer.accelerator.wait_for_everyone()
    if checkpoint:
        players.load(checkpoint)
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    finally:
        trainer.pop_callback(StepLog).close()
    log = [entry for entry in trainer.state.log_history if "reward" in entry]
    if main:
        _save(trainer, config, card_of(config, held_out.judge), out)
    after = held_out.play(trainer.state.global_step, main=main)
    if main:
        _report(config, before, after, log, held_out.judge.name, out)
        write_model_card(out)
    return TrainResult(out, before, after, log)


def _engine(config: TrainConfig, model: Any, tokenizer: Any, snapshots: Snapshots, out: Path) -> Engine:
    if config.engine == "in-process":
        return InProcess(model, tokenizer, snapshots, config.max_thought_tokens)
    from negotiation_env.training.engines.vllm_server import VllmServers

    urls = names(parse(config.engine).rest)
    return VllmServers(
        model,
        tokenizer,
        snapshots,
        urls,
        out / "adapters",
        temperature=config.temperature,
        tolerance=config.engine_tolerance,
        max_thought_tokens=config.max_thought_tokens,
    )


def judge_of(spec: str, players: Players) -> Judge:
    """The judge of a spec; "self" is the learner as it is at each call, under the LLM judge's prompts."""
    if spec != "self":
        return resolve_judge(spec)
    from negotiation_env.judges.llm import LLMJudge

    return LLMJudge(_LearnerNow(players))


class _LearnerNow:
    """The learner's model as it is at each call."""

    name = "learner"

    def __init__(self, players: Players) -> None:
        self._players = players

    def chat(self, requests: Sequence[ChatRequest]) -> list[Reply]:
        """Ask the learner."""
        return self._players.learner.model.chat(requests)


def _save(trainer: NegotiationTrainer, config: TrainConfig, card: TrainingCard, out: Path) -> None:
    """The learner alone, with its card: an adapter, or the whole model with its tokenizer."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    folder = out / ("adapter" if config.fine_tuning == "lora" else "model")
    if config.fine_tuning == "lora":
        model.save_pretrained(str(folder), selected_adapters=[LEARNER])
    else:
        model.save_pretrained(str(folder))
        trainer.processing_class.save_pretrained(str(folder))
    write_card(folder, card)


def _report(
    config: TrainConfig,
    before: Summary | None,
    after: Summary | None,
    log: list[dict[str, Any]],
    judge: str,
    out: Path,
) -> None:
    draw_plots(out, judge)
    before_and_after(config, before, after, log, out / SUMMARY)
