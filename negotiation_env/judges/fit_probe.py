"""Fit the agreement probe: `python -m negotiation_env.judges.fit_probe`.

Rows are the beginnings of the shipped demonstration dialogues, from two turns on; a row is positive when the
handshake has agreed by then, so that an agreed dialogue's own beginnings are negatives. Tags are stripped. The
accuracy that is printed and stored comes from ten fits, each on nine tenths of the dilemmas and tested on the
other tenth. The demonstrations have one author and one style: on 24 short dialogues by another author the
area under the curve was 0.52, no better than chance. The probe speaks of dialogues like the demonstrations only.
"""

import json
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negotiation_env.events import Utterance
from negotiation_env.judges.encoder import load_encoder
from negotiation_env.judges.handshake import handshake
from negotiation_env.judges.probe import TURNS_READ, features, last_words

__all__ = ["area_under_curve", "fit", "main"]

Floats = npt.NDArray[np.float64]
Dialogue = list[Utterance]

_FOLDS: Final = 10
_RIDGE: Final = 1.0
_STEPS: Final = 12  # Newton steps; it converges in six


def main() -> None:
    """Fit, validate, print and write `agreement_probe.json` beside this module."""
    dialogues, dilemmas, agreed = read_beginnings()
    texts = sorted({text for dialogue in dialogues for text in last_words(dialogue)})
    vectors = dict(zip(texts, load_encoder().encode(texts), strict=True))
    inputs = np.stack([features(dialogue, vectors) for dialogue in dialogues]).astype(np.float64)
    result: dict[str, Any] = validate(inputs, agreed, dilemmas)
    weights = fit(inputs, agreed)
    path = Path(str(resources.files("negotiation_env.judges"))) / "agreement_probe.json"
    print(json.dumps(result))
    result |= {"bias": round(float(weights[-1]), 3), "weights": [round(float(weight), 3) for weight in weights[:-1]]}
    path.write_text(json.dumps(result) + "\n", "utf-8")


def read_beginnings() -> tuple[list[Dialogue], list[str], Floats]:
    """All beginnings of the demonstrations, their dilemmas' ids, and 1.0 where agreed by then, else 0.0."""
    dialogues, dilemmas, agreed = [], [], []
    lines = (resources.files("negotiation_env.data") / "demos.jsonl").read_text("utf-8").splitlines()
    for demo in map(json.loads, lines):
        turns = [Utterance(turn["seat"], turn["text"]) for turn in demo["dialogue"]]
        for length in range(TURNS_READ, len(turns) + 1):
            dialogues.append(turns[:length])
            dilemmas.append(demo["dilemma_id"])
            agreed.append(float(handshake(turns[:length], len(demo["personas"])).agreed))
    return dialogues, dilemmas, np.array(agreed)


def fit(inputs: Floats, agreed: Floats) -> Floats:
    """Logistic regression with a ridge, both classes weighing the same; by Newton's method.

    Returns:
        The weights, and the bias, which the ridge spares, as the last.
    """
    rows = np.hstack([inputs, np.ones((len(inputs), 1))])
    share = agreed.mean()
    balance = np.where(agreed == 1, 0.5 / share, 0.5 / (1 - share))
    ridge = np.append(np.full(inputs.shape[1], _RIDGE), 1e-6)
    weights = np.zeros(rows.shape[1])
    for _ in range(_STEPS):
        guess = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (balance * (guess - agreed)) + ridge * weights
        curve = (rows.T * (balance * guess * (1 - guess))) @ rows + np.diag(ridge)
        weights -= np.linalg.solve(curve, slope)
    return weights


def validate(inputs: Floats, agreed: Floats, dilemmas: list[str]) -> dict[str, float | int]:
    """Accuracy, balanced accuracy and area under the curve on dilemmas that the fit has not seen."""
    names = sorted(set(dilemmas))
    fold = np.array([names.index(dilemma) % _FOLDS for dilemma in dilemmas])
    logits = np.zeros(len(agreed))
    for number in range(_FOLDS):
        weights = fit(inputs[fold != number], agreed[fold != number])
        logits[fold == number] = inputs[fold == number] @ weights[:-1] + weights[-1]
    right = (logits > 0) == (agreed == 1)
    balanced = (right[agreed == 1].mean() + right[agreed == 0].mean()) / 2
    counts = {"rows": len(agreed), "agreed": int(agreed.sum()), "dilemmas": len(names)}
    measured = {"accuracy": right.mean(), "balanced": balanced, "auc": area_under_curve(logits, agreed)}
    return counts | {name: round(float(value), 3) for name, value in measured.items()}


def area_under_curve(logits: Floats, agreed: Floats) -> float:
    """Share of the pairs of an agreed and a not agreed row that are ranked right; a tie counts one half."""
    yes, no = logits[agreed == 1][:, None], logits[agreed == 0][None, :]
    return float(((yes > no) + 0.5 * (yes == no)).mean())


if __name__ == "__main__":
    main()
