"""A text probe of agreement: what a logistic regression on MiniLM vectors makes of a dialogue's last turns.

A diagnostic only, never a reward. It is logged beside the handshake; where the two part ways often, the tags and
the words say different things. `negotiation_env.judges.smoke_test.fit_probe` fitted it on dialogues without tags.
"""

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from negotiation_env.game.events import Utterance
from negotiation_env.game.turn_grammar import parse_turn
from negotiation_env.judges.smoke_test.encoder import DIMENSIONS, Vectors
from negotiation_env.judges.smoke_test.rubric import Vector

__all__ = ["TURNS_READ", "agreement_probability", "features", "last_words"]

TURNS_READ = 2


def last_words(dialogue: Sequence[Utterance]) -> list[str]:
    """The words of the last two turns without their tags, the last turn first; fewer where fewer were said.

    An `ACCEPT` disappears and a proposal's text stays: the probe must read the words, not the handshake.
    """
    turns = [parse_turn(utterance.text) for utterance in dialogue[-TURNS_READ:]]
    return [" ".join(filter(None, (turn.words, turn.proposal))) for turn in reversed(turns)]


def features(dialogue: Sequence[Utterance], vectors: Mapping[str, Vector]) -> Vector:
    """The probe's input: the vectors of the last turn and of the one before, zeros where there is none.

    Returns:
        Shape [2 * 384].
    """
    rows: Vectors = np.zeros((TURNS_READ, DIMENSIONS), np.float32)
    for row, text in enumerate(last_words(dialogue)):
        rows[row] = vectors[text]
    return np.ravel(rows)


def agreement_probability(dialogue: Sequence[Utterance], vectors: Mapping[str, Vector]) -> float:
    """How likely the parties agree, by their last words alone; 0 to 1, rounded to 3 decimals.

    Args:
        dialogue: What was said so far; with fewer than two turns nobody agrees, and the answer is 0.
        vectors: A unit vector for each of `last_words`.
    """
    if len({utterance.seat for utterance in dialogue}) < 2:
        return 0.0
    fitted = _fitted()
    weights = np.asarray(fitted["weights"], np.float32)
    logit = float(features(dialogue, vectors) @ weights) + float(fitted["bias"])
    return round(1 / (1 + math.exp(-logit)), 3)


@cache
def _fitted() -> dict[str, Any]:
    """The coefficients that `python -m negotiation_env.judges.smoke_test.fit_probe` wrote."""
    path = resources.files("negotiation_env.judges.smoke_test") / "agreement_probe.json"
    fitted: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return fitted
