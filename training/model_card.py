"""The page that goes with trained weights: what they are made of, how, and how far to believe them.

Everything in it stands in the run's folder; it is written last, in place of the empty form that PEFT leaves.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from negotiation_env.agents.models.training_card import TrainingCard, read_card
from negotiation_env.episodes.provenance import Provenance, last_provenance
from negotiation_env.episodes.run_folder import CONFIG, SUMMARY
from negotiation_env.episodes.verify import read_object
from negotiation_env.files.durable import write_whole
from negotiation_env.loading.models import SMOLLM2
from negotiation_env.statistics.intervals import Estimate
from negotiation_env.text.untrusted import one_line
from negotiation_env.training.config import TrainConfig, load_config
from negotiation_env.training.run_folder import to_toml

__all__ = ["write_model_card"]

_EMBEDDED: Final = f"HuggingFaceTB/{SMOLLM2.name}"
_MADE_BY: Final = ("torch", "transformers", "trl", "peft")
_FIGURES: Final = {
    "agreement_rate": "agreement rate",
    "score": "Collective Agency, 0–5",
    "reward": "reward (0 without agreement)",
    "turns": "turns",
}
_LIMITS: Final = """\
One run with one seed. The reward is what the judge above says, and whoever learns to please a judge need not have
learned what the judge is for: put another one to the same games (`negotiate rejudge`). Scenarios and personas are made
up, in one language. Nothing was done to make the weights safe for people."""


def write_model_card(run: Path) -> None:
    """Put the card, README.md, beside the weights of a finished run.

    Args:
        run: The run's folder, with its settings, summary, provenance and weights.

    Raises:
        UserError: One of its files is missing or cannot be read.
    """
    config = load_config(run / CONFIG)
    folder = run / ("adapter" if config.fine_tuning == "lora" else "model")
    base = _EMBEDDED if config.model == "embedded" else config.model
    _name_base(folder / "adapter_config.json", base)
    made, card, summary = last_provenance(run), read_card(folder), read_object(run / SUMMARY)
    write_whole(folder / "README.md", "\n".join(_lines(config, base, made, card, summary)) + "\n")


def _name_base(path: Path, base: str) -> None:
    """In the adapter's own file too, where PEFT writes the folder that the base was loaded from."""
    if path.is_file():
        told = read_object(path) | {"base_model_name_or_path": base}
        write_whole(path, json.dumps(told, indent=2, sort_keys=True) + "\n")


def _lines(
    config: TrainConfig, base: str, made: Provenance | None, card: TrainingCard | None, summary: Mapping[str, Any]
) -> Iterator[str]:
    yield from ("---", f"base_model: {json.dumps(base)}", "tags: [grpo, self-play, negotiation]")
    if config.model == "embedded":
        yield f"license: {SMOLLM2.licence.lower()}"
    what = "A LoRA adapter" if config.fine_tuning == "lora" else "Weights"
    yield from ("---", "", f"# {what} of {base} after {summary['steps']} steps of {config.method}", "")
    yield f"Trained by GRPO in `negotiation_env` on the split `{config.split}` of its scenarios. The reward is that of"
    yield f"{one_line(card.judge if card else config.judge)}."
    yield from ("", *_held_out(summary), "", "## Settings", "", "```toml", to_toml(config).rstrip(), "```")
    yield from _made_with(made)
    licence = f"of the base, {SMOLLM2.licence}" if config.model == "embedded" else f"of the base; see {base}"
    yield from ("", "## Licence", "", f"The licence {licence}.", "", "## Limits", "", _LIMITS)


def _held_out(summary: Mapping[str, Any]) -> Iterator[str]:
    """Figures before and after, with their 95 % intervals."""
    sides = {name: summary[name] for name in ("before", "after") if summary[name]}
    if not sides:
        yield "Nothing was played on held-out scenarios."
        return
    yield f"On {next(iter(sides.values()))['episodes']} held-out scenarios (95 % intervals):"
    yield from ("", f"| | {' | '.join(sides)} |", f"|---|{'---|' * len(sides)}")
    for key, label in _FIGURES.items():
        yield f"| {label} | {' | '.join(str(Estimate(**side[key])) for side in sides.values())} |"


def _made_with(made: Provenance | None) -> Iterator[str]:
    """Versions, and the digests of what went in."""
    if made is None:
        return
    packages = ", ".join(f"{name} {made.packages[name]}" for name in _MADE_BY if name in made.packages)
    yield from (
        "",
        "## Made with",
        "",
        f"Commit {made.commit or 'unknown'}, Python {made.python}, {packages}; {made.device}.",
    )
    yield from ("", "| SHA-256 of | |", "|---|---|")
    yield from (f"| {one_line(name)} | `{value}` |" for name, value in made.sha256.items())
