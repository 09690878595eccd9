"""What is a GRPO step, id by id? Two games of the embedded model, from the dataset row to the loss that it steps by.

Run: python -m measurements.grpo_step [--page docs/grpo_step.md]

The page's blocks are drawn anew where they stand, each below its marker. Nothing is made up: the step is taken by
`negotiate train`'s own code, and what the loss was given is looked at on its way there.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import Any
from unittest.mock import patch

from negotiation_env.environment.episode import Episode, read_episodes
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.run import train
from negotiation_env.training.trl_seam import NegotiationTrainer

__all__ = ["Step", "blocks", "drawn", "main", "take_step"]

CONFIG = TrainConfig(
    seed=7,
    split="everyday",
    max_steps=1,
    group_size=2,
    groups_per_step=1,
    micro_batch=2,
    learning_rate=1e-4,
    max_turns=3,
    max_turn_tokens=40,
    max_completion_tokens=48,
    eval_split="none",
)
_SHOWN = ("prompt_ids", "prompt_mask", "completion_ids", "completion_mask", "tool_mask", "sampling_per_token_logps")
_ENDS = 3
"""Ids that are shown of either end of a run of them."""
_LETTERS = 30
"""Of either end of what they stand for."""
_WIDTH = 88
"""Characters a line, which a page shows without scrolling."""


@dataclass(frozen=True, slots=True)
class Step:
    """One optimizer step, as it was taken.

    Attributes:
        row: The dataset row that both games began with.
        episodes: The two games.
        inputs: What the loss was given, tensors with one row a game.
        loss: The loss.
        metrics: The step's line of `metrics.jsonl`.
        tokenizer: Turns ids into text.
    """

    row: dict[str, str]
    episodes: list[Episode]
    inputs: dict[str, Any]
    loss: float
    metrics: dict[str, Any]
    tokenizer: Any


def take_step(config: TrainConfig = CONFIG) -> Step:
    """Train for one step in a folder of its own, and keep what passed."""
    seen: dict[str, Any] = {}
    compute = NegotiationTrainer.compute_loss

    def watched(trainer: Any, model: Any, inputs: dict[str, Any], *others: Any, **named: Any) -> Any:
        loss = compute(trainer, model, inputs, *others, **named)
        seen.update(inputs=inputs, loss=loss.item(), row=trainer.train_dataset[0], tokenizer=trainer.processing_class)
        return loss

    with tempfile.TemporaryDirectory() as folder, patch.object(NegotiationTrainer, "compute_loss", watched):
        [metrics] = train(config, Path(folder) / "run").log
        episodes = list(read_episodes(Path(folder) / "run" / "episodes.jsonl"))
    return Step(episodes=episodes, metrics=metrics, **seen)


def blocks(step: Step) -> dict[str, str]:
    """What the page shows, by the names of its markers."""
    return {
        "row": json.dumps(step.row),
        "games": "\n\n".join(_game(episode) for episode in step.episodes),
        "turns": _turns(step),
        "rows": "\n\n".join(_row(step, row) for row in range(len(step.episodes))),
        "tensors": _tensors(step.inputs),
        "loss": _loss(step),
    }


def drawn(page: str, found: Mapping[str, str]) -> str:
    """The page with each block's text in place of what stands below its marker."""
    for name, text in found.items():
        block = re.compile(rf"(<!-- grpo_step: {name} -->\n```\w+\n).*?(\n```)", re.DOTALL)
        page, count = block.subn(lambda found, text=text: f"{found[1]}{text}{found[2]}", page)
        if count != 1:
            raise ValueError(f"expected one block below <!-- grpo_step: {name} -->, found {count}")
    return page


def _game(episode: Episode) -> str:
    outcome = episode.outcome
    lines = [f"game {episode.id}: {outcome.status} after {outcome.turns} turns, reward {episode.reward}"]
    for said in episode.turns:
        text = f"seat {said.seat}, {said.task}: {json.dumps(said.text, ensure_ascii=False)}"
        lines += wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    return "\n".join([*lines, f"  advantage {episode.tags['advantage']:+.4f}"])


def _turns(step: Step) -> str:
    """Of the first game, which tokens went in and which came out at each turn."""
    lines = []
    for number, said in enumerate(step.episodes[0].turns, start=1):
        assert said.tokens is not None  # the policy is a model in this process
        kind = "new" if said.tokens.fresh else "goes on"
        lines.append(f"turn {number}, seat {said.seat}, {said.task}")
        lines.append(_ids(f"fed ({kind})", said.tokens.context, step.tokenizer))
        lines.append(_ids("drawn", said.tokens.sampled, step.tokenizer))
    return "\n".join(lines)


def _row(step: Step, row: int) -> str:
    """A row of the batch as runs of equal mask: the prompt, what is trained, and what stands between."""
    inputs = {name: step.inputs[name][row].tolist() for name in _SHOWN}
    prompt = [each for each, real in zip(inputs["prompt_ids"], inputs["prompt_mask"], strict=True) if real]
    game = _game_of(step, inputs["completion_ids"])
    lines = [f"row {row}, of game {game.id}", _ids("prompt", prompt, step.tokenizer)]
    columns = zip(*(inputs[name] for name in _SHOWN[2:]), strict=True)
    for (real, trained), run in groupby(columns, key=lambda column: (column[1], column[2])):
        ids, *_, logprobs = zip(*run, strict=True)
        lines.append(_ids(f"mask {trained}", ids, step.tokenizer) if real else f"  {'padding':<14}{len(ids):>3} ids")
        if real and trained:
            lines.append(f"{'':<25}log-probabilities {logprobs[0]:.2f} … {logprobs[-1]:.2f}")
    return "\n".join(lines)


def _game_of(step: Step, completion: list[int]) -> Episode:
    """Whose first words these are: TRL shuffles the rows before the loss."""
    first = {episode.turns[0].tokens.sampled: episode for episode in step.episodes if episode.turns[0].tokens}
    return next(episode for sampled, episode in first.items() if completion[: len(sampled)] == list(sampled))


def _ids(label: str, ids: Sequence[int], tokenizer: Any) -> str:
    """How many, the first and last ones, and below them the ends of what they stand for."""
    text = json.dumps(tokenizer.decode(ids), ensure_ascii=False)
    shown = list(ids) if len(ids) <= 2 * _ENDS else [*ids[:_ENDS], "…", *ids[-_ENDS:]]
    told = text if len(text) <= 2 * _LETTERS else f"{text[:_LETTERS]} … {text[-_LETTERS:]}"
    return f"  {label:<14}{len(ids):>3} ids  {' '.join(map(str, shown))}\n{'':<25}{told}"


def _tensors(inputs: Mapping[str, Any]) -> str:
    shapes = {name: tuple(inputs[name].shape) for name in (*_SHOWN, "advantages")}
    width = max(map(len, shapes))
    return "\n".join(f"{name:<{width}}  {' × '.join(map(str, shape))}" for name, shape in shapes.items())


def _loss(step: Step) -> str:
    trained = (step.inputs["tool_mask"] * step.inputs["completion_mask"]).sum(dim=1).tolist()
    advantages = [f"{value:+.4f}" for value in step.inputs["advantages"].tolist()]
    sums = " + ".join(f"{count} × {value}" for count, value in zip(trained, advantages, strict=True))
    return f"-({sums}) / {sum(trained)} = {step.loss:+.4f}\ngradient norm {step.metrics['grad_norm']:.2f}"


def main() -> None:
    """Take the step, and print the blocks or draw them into the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", type=Path, help="draw the blocks into this page")
    page = parser.parse_args().page
    found = blocks(take_step())
    if page:
        page.write_text(drawn(page.read_text(encoding="utf-8"), found), encoding="utf-8")
    else:
        print(*(f"{name}\n\n{text}\n" for name, text in found.items()), sep="\n")


if __name__ == "__main__":
    main()
