"""What a trained adapter or model says of its training, in a file beside its weights that goes wherever they go."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from negotiation_env.agents.models.embedded import shipped_adapter
from negotiation_env.files.durable import read_whole, write_whole
from negotiation_env.specs import parse, source_and_adapter

__all__ = ["CARD", "TrainingCard", "cards_of", "read_card", "write_card"]

CARD: Final = "training.json"


@dataclass(frozen=True, slots=True)
class TrainingCard:
    """How weights were trained, as far as it matters to those who play and compare them.

    Attributes:
        judge: The id of the judge whose scores were the reward.
        judged_by: The models behind it, see `negotiation_env.judges.voices`.
        quantise: How the frozen weights under an adapter were held: "none", or "4bit" for NF4.
    """

    judge: str
    judged_by: tuple[str, ...]
    quantise: str = "none"


def write_card(folder: Path, card: TrainingCard) -> None:
    """Put the card beside the weights."""
    from pydantic import TypeAdapter

    write_whole(folder / CARD, TypeAdapter(TrainingCard).dump_json(card, indent=1).decode() + "\n")


def read_card(folder: str | Path | None) -> TrainingCard | None:
    """The card beside some weights; None where they have none, or are no folder on this machine.

    Raises:
        UserError: The card cannot be read.
    """
    from pydantic import TypeAdapter

    if folder is None or not (path := Path(folder) / CARD).is_file():
        return None
    return read_whole(path, TypeAdapter(TrainingCard), f"is no card of a training; mend it, or take {CARD} away")


def cards_of(agent: str) -> list[TrainingCard]:
    """The cards of an agent's spec: of its model and of its adapter, where they have any."""
    spec = parse(agent)
    if shipped := shipped_adapter(spec):
        folders: Sequence[str | Path | None] = [shipped]
    else:
        folders = source_and_adapter(spec.rest) if spec.kind in ("hf", "vllm") else ()
    return [card for folder in folders if (card := read_card(folder))]
