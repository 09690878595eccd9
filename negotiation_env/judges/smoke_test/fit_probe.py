"""Fit the agreement probe: `python -m negotiation_env.judges.smoke_test.fit_probe`.

Rows are the shipped `agreement_dialogues.jsonl`: 200 dialogues without tags over 40 dilemmas, half of which agree;
the other half only look like it. The figures that are printed and stored come from ten fits, each on nine tenths of
the dilemmas and tested on the other tenth. No dilemma of a set that checks judges is among them.
"""

import json
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negotiation_env.console.terminal import say_json
from negotiation_env.judges.check.labelled import read_labelled
from negotiation_env.judges.smoke_test.encoder import load_encoder
from negotiation_env.judges.smoke_test.probe import features, last_words
from negotiation_env.statistics.rater_agreement import area_under_curve

__all__ = ["fit", "main", "validate"]

Floats = npt.NDArray[np.float64]

_FOLDS: Final = 10
_RIDGE: Final = 1.0
_STEPS: Final = 12  # Newton steps; it converges in six


def main() -> None:
    """Fit, validate, print and write `agreement_probe.json` beside this module."""
    rows = read_labelled(Path(str(resources.files("negotiation_env.data"))) / "agreement_dialogues.jsonl").dialogues
    texts = sorted({text for row in rows for text in last_words(row.question.dialogue)})
    vectors = dict(zip(texts, load_encoder().encode(texts), strict=True))
    inputs = np.stack([features(row.question.dialogue, vectors) for row in rows]).astype(np.float64)
    agreed = np.array([row.label for row in rows])
    result: dict[str, Any] = validate(inputs, agreed, [row.dilemma for row in rows])
    say_json(json.dumps(result) + "\n")
    weights = fit(inputs, agreed)
    result |= {"bias": round(float(weights[-1]), 3), "weights": [round(float(weight), 3) for weight in weights[:-1]]}
    path = Path(str(resources.files("negotiation_env.judges.smoke_test"))) / "agreement_probe.json"
    path.write_text(json.dumps(result) + "\n", "utf-8")


def fit(inputs: Floats, agreed: Floats) -> Floats:
    """Logistic regression with a ridge, by Newton's method.

    Args:
        inputs: Shape [rows, features].
        agreed: 1.0 or 0.0 a row.

    Returns:
        The weights, and the bias, which the ridge spares, as the last; shape [features + 1].
    """
    rows = np.hstack([inputs, np.ones((len(inputs), 1))])
    ridge = np.append(np.full(inputs.shape[1], _RIDGE), 1e-6)
    weights = np.zeros(rows.shape[1])
    for _ in range(_STEPS):
        guess = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (guess - agreed) + ridge * weights
        curve = (rows.T * (guess * (1 - guess))) @ rows + np.diag(ridge)
        weights -= np.linalg.solve(curve, slope)
    return weights


def validate(inputs: Floats, agreed: Floats, dilemmas: list[str]) -> dict[str, Any]:
    """Accuracy and area under the curve on dilemmas that the fit has not seen, with the counts behind them."""
    names = sorted(set(dilemmas))
    fold = np.array([names.index(dilemma) % _FOLDS for dilemma in dilemmas])
    logits = np.zeros(len(agreed))
    for number in range(_FOLDS):
        weights = fit(inputs[fold != number], agreed[fold != number])
        logits[fold == number] = inputs[fold == number] @ weights[:-1] + weights[-1]
    accuracy = float(((logits > 0) == (agreed == 1)).mean())
    counts = {"rows": len(agreed), "agreed": int(agreed.sum()), "dilemmas": len(names)}
    return counts | {"accuracy": round(accuracy, 3), "auc": round(area_under_curve(logits, agreed) or 0.0, 3)}


if __name__ == "__main__":
    main()
