"""Train the reading judge's heads from the committed labels, and say how they do on what they have not seen.

    python -m measurements.reading_heads FEATURES [--out measurements/results/reading_heads.json]

Trained on `labels/judge_dev.jsonl` and on what is marked `train` in the other labels, unless their two graders are a
level or more apart, or of two minds on an agreement. Never trained on: the shipped `judge_check.jsonl` (another author,
other dilemmas), the texts of two more authors, and what else is marked `unseen`. The
strength of each ridge is the one with the least squared error when a tenth of the dilemmas is left out at a time;
calibration, interval, threshold and farthest distance come from the same predictions.

In the folder FEATURES is kept what was read, a file a text, for the next time; a text takes about a second.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from measurements.harness import grid, machine, options, tell
from measurements.label_passes import AUTHORS, LABELS, both_passes
from negotiation_env.game.events import Question, Verdict
from negotiation_env.judges.check.figures import Figures, Rating, accuracy_figures, agreement_figures
from negotiation_env.judges.check.labelled import Labelled, read_labelled
from negotiation_env.judges.reading.heads import Floats, Heads, of_answers, of_dialogues, squeezed
from negotiation_env.judges.reading.passages import passage
from negotiation_env.judges.reading.reader import PLACES, WIDTH, Passage, Reading, load_reader
from negotiation_env.judges.reading.refused import unread
from negotiation_env.judges.smoke_test.judge import EmbeddedJudge
from negotiation_env.statistics.rater_agreement import spearman

HEADS: Final = Path(__file__).parents[1] / "negotiation_env" / "judges" / "reading" / "heads.npz"
STRENGTHS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
FOLDS: Final = 10
AXES: Final = 32
"""Main axes of the training answers in which a distance is measured."""
FALSE_AGREEMENTS: Final = 0.05
SEEN: Final = dict(islice(AUTHORS.items(), 5))
"""The authors that there were when these heads were trained."""
OF_ANSWERS: Final = 2
"""Places that the heads of answers look at; the others are for dialogues."""
PARTS: Final[Mapping[str, tuple[int, ...]]] = {"question": (0,), "text": (1, 2, 3), "both": (0, 1, 2, 3)}
"""Places that are tried apart; the heads see both."""
NONSENSE: Final = 0.5
"""The highest grade of a text that says nothing one could do."""


@dataclass(frozen=True, slots=True)
class Set:
    """Labelled texts of one kind and what was read of them.

    Attributes:
        items: The texts.
        read: What was read: shape [n, PLACES, WIDTH]; of answers 0 behind the first `OF_ANSWERS` places.
    """

    items: tuple[Labelled, ...]
    read: Reading

    @property
    def found(self) -> Floats:
        """Features, where all texts are of one kind: shape [n, features]."""
        return (of_answers if all(item.is_answer for item in self.items) else of_dialogues)(self.read)

    @property
    def labels(self) -> Floats:
        """What a perfect judge would say."""
        return np.array([item.label for item in self.items])

    @property
    def dilemmas(self) -> list[str]:
        """What is left out together."""
        return [item.dilemma for item in self.items]

    def where(self, keep: Callable[[Labelled], bool]) -> "Set":
        """Those of the texts."""
        places = [place for place, item in enumerate(self.items) if keep(item)]
        return Set(tuple(self.items[place] for place in places), self.read[places])


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, write the heads, print how they do and write the JSON."""
    chosen = options(__doc__, arguments, "features")
    chosen.features.mkdir(parents=True, exist_ok=True)
    dev, check = (read(path, chosen.features) for path in (LABELS / "judge_dev.jsonl", None))
    *new, fourth, fifth = (read(LABELS / name, chosen.features) for names in SEEN.values() for name in names)
    unseen, unsettled = of_split("unseen"), disputed()
    train = joined(dev, *(each.where(lambda item: item.id not in unseen | unsettled) for each in new))
    kept = joined(*(each.where(lambda item: item.id in unseen) for each in new))
    heads = trained(train)
    answers, given = scored(heads, kept)
    np.savez_compressed(HEADS, **packed(heads))
    found = {
        **machine(),
        "heads": HEADS.stat().st_size,
        "trained on": counts(train) | {"left out": len(unsettled - unseen)},
        "readings, author to author": table(dev, check),
        "judge_check.jsonl": checked(heads, check),
        "fourth author": checked(heads, fourth) | by_kind(*scored(heads, fourth)),
        "fifth author": checked(heads, fifth) | by_kind(*scored(heads, fifth)),
        "unseen": checked(heads, kept) | by_kind(answers, given),
        "unseen, by the rubric": by_kind(answers, by_rubric(answers)),
        "unseen, outside": round(float(np.mean(heads.distances(answers.found) > heads.farthest)), 3),
    }
    tell(found, chosen.out, *shown(found))


def of_split(split: str) -> set[str]:
    """The ids of the labels that are marked so."""
    return {row["id"] for author in SEEN for row, _ in both_passes(author) if row["split"] == split}


def disputed() -> set[str]:
    """The ids of texts of which two graders think differently."""
    return {row["id"] for author in SEEN for row, other in both_passes(author) if apart(row, other)}


def apart(row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two passes are a level or more apart, or of two minds on an agreement."""
    if "score" in row:
        return bool(abs(row["score"] - other["score"]) >= 1)
    return bool(row["agreement"] != other["agreement"])


def read(path: Path | None, kept: Path) -> Set:
    """A labelled set and its features; a text without words cannot be read, and is refused anyway."""
    items = readable(path)
    return Set(tuple(items), kept_readings([item.question for item in items], kept))


def readable(path: Path | None) -> list[Labelled]:
    """The texts of a labelled set that have words."""
    return [item for item in read_labelled(path).items if not item.is_answer or item.question.completion.strip()]


def kept_readings(questions: Sequence[Question], kept: Path) -> Reading:
    """What was read of each question's text, out of the folder where it is there, read and put there where not."""
    passages = [passage(question) for question in questions]
    fresh = {place(each, kept): each for each in passages if not place(each, kept).exists()}
    if fresh:
        for (path, each), reading in zip(fresh.items(), load_reader().read([*fresh.values()]), strict=True):
            np.save(path, reading if each.closing else reading[:OF_ANSWERS])
    found = np.zeros((len(passages), PLACES, WIDTH), np.float32)
    for number, each in enumerate(passages):
        reading = np.load(place(each, kept))
        found[number, : len(reading)] = reading
    return found


def place(each: Passage, kept: Path) -> Path:
    """Where a text's features are kept."""
    parts = (each.scene, each.text, each.question, each.closing, str(each.layer))
    name = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    return kept / f"{name}.npy"


def joined(*sets: Set) -> Set:
    """All of them as one."""
    return Set(tuple(item for each in sets for item in each.items), np.concatenate([each.read for each in sets]))


def trained(train: Set) -> Heads:
    """All heads."""
    answers, dialogues = train.where(lambda item: item.is_answer), train.where(lambda item: not item.is_answer)
    score, predicted = calibrated(answers.found, answers.labels, answers.dilemmas)
    known = answers.where(lambda item: served(item) is not None)
    wanted = np.array([served(item) for item in known.items])
    satisfaction = [calibrated(known.found, each, known.dilemmas)[0] for each in wanted.T]
    agreement, threshold = decided(dialogues)
    centre, axes = main_axes(answers.found)
    far = left_out(answers.dilemmas, partial(distances, answers.found))
    return Heads(
        score=score,
        satisfaction=np.stack(satisfaction),
        agreement=agreement,
        agreed=threshold,
        interval=np.quantile(answers.labels - squeezed(predicted), (0.1, 0.9)),
        centre=centre,
        axes=axes,
        farthest=float(np.quantile(far, 0.99)),
    )


def served(item: Labelled) -> tuple[float, float] | None:
    """How well the first and the second party are served, where the label says so; one-sided: 4 and 1."""
    if item.group.startswith(("lop_", "one_sided", "third_party", "harm")):
        return {"lop_A": (4.0, 1.0), "lop_B": (1.0, 4.0)}.get(item.group)
    return item.label, item.label


def ridge(found: Floats, labels: Floats, strength: float) -> Floats:
    """Weights and the constant of a ridge on standardised features, for features as they are."""
    centre, spread = found.mean(0), found.std(0) + 1e-6
    known = (found - centre) / spread
    width = known.shape[1]
    pull = np.linalg.solve(known @ known.T / width + strength * np.eye(len(known)), labels - labels.mean())
    weights = known.T @ pull / width / spread
    return np.append(weights, labels.mean() - weights @ centre)


def applied(head: Floats, found: Floats) -> Floats:
    """A head's values."""
    values: Floats = found @ head[:-1] + head[-1]
    return values


def left_out(dilemmas: Sequence[str], values: Callable[[npt.NDArray[np.bool_]], Floats]) -> Floats:
    """Values of each text by what was learned without its dilemma; `values` is told which texts are left out."""
    order = {dilemma: number % FOLDS for number, dilemma in enumerate(sorted(set(dilemmas)))}
    fold = np.array([order[dilemma] for dilemma in dilemmas])
    found = np.zeros(len(dilemmas))
    for number in range(FOLDS):
        if (out := fold == number).any():
            found[out] = values(out)
    return found


def strongest(found: Floats, labels: Floats, dilemmas: Sequence[str]) -> tuple[float, Floats]:
    """The best strength of a ridge, and its predictions for what was left out."""

    def predicted(strength: float) -> Floats:
        return left_out(dilemmas, lambda out: applied(ridge(found[~out], labels[~out], strength), found[out]))

    tried = {strength: predicted(strength) for strength in STRENGTHS}
    best = min(tried, key=lambda strength: float(np.square(tried[strength] - labels).mean()))
    return best, tried[best]


def calibrated(found: Floats, labels: Floats, dilemmas: Sequence[str]) -> tuple[Floats, Floats]:
    """A head on the scale of its labels, and its predictions for what was left out."""
    strength, predicted = strongest(found, labels, dilemmas)
    slope, shift = np.polyfit(predicted, labels, 1)
    return moved(ridge(found, labels, strength), slope, shift), predicted * slope + shift


def moved(head: Floats, slope: float, shift: float) -> Floats:
    """A head whose values are others' times a slope, and a shift."""
    other: Floats = head * slope
    other[-1] += shift
    return other


def decided(dialogues: Set) -> tuple[Floats, float]:
    """The head of agreement as log-odds, and the probability above which few that do not agree are taken for it."""
    strength, predicted = strongest(dialogues.found, dialogues.labels, dialogues.dilemmas)
    return as_odds(ridge(dialogues.found, dialogues.labels, strength), predicted, dialogues.labels)


def as_odds(head: Floats, predicted: Floats, truth: Floats) -> tuple[Floats, float]:
    """A head as log-odds, and the threshold, by its values for dialogues that it was not trained on."""

    def loss(line: Floats) -> float:
        odds = line[0] * predicted + line[1]
        return float(np.logaddexp(0, np.where(truth > 0, -odds, odds)).mean())

    slope, shift = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    probabilities = 1 / (1 + np.exp(-(slope * predicted + shift)))
    return moved(head, slope, shift), max(0.5, float(np.quantile(probabilities[truth == 0], 1 - FALSE_AGREEMENTS)))


def main_axes(found: Floats) -> tuple[Floats, Floats]:
    """The centre of answers, and their main axes over the spread on each, which lies within standardised features."""
    centre, spread = found.mean(0), found.std(0) + 1e-6
    _, size, axes = np.linalg.svd((found - centre) / spread, full_matrices=False)
    return centre, axes[:AXES] / spread / (size[:AXES, None] / np.sqrt(len(found)))


def distances(found: Floats, out: npt.NDArray[np.bool_]) -> Floats:
    """How far those that are left out lie from the others."""
    centre, axes = main_axes(found[~out])
    far: Floats = np.square((found[out] - centre) @ axes.T).mean(axis=1)
    return far


def packed(heads: Heads) -> dict[str, Any]:
    """The heads in as few bytes as they need."""
    return {name: np.asarray(getattr(heads, name), np.float32) for name in Heads.__dataclass_fields__}


def verdict(heads: Heads, item: Labelled, read: Reading) -> Verdict:
    """What the judge says of a text by its features."""
    if not item.is_answer:
        probability = float(heads.probabilities(of_dialogues(read[None]))[0])
        return Verdict(float(probability > heads.agreed), "heads", "", {"probability": probability})
    refused = unread(item.question.completion, item.question.scenario)
    return Verdict(0.0 if refused else float(heads.scores(of_answers(read[None]))[0]), "heads", refused or "")


def checked(heads: Heads, kept: Set) -> Figures:
    """The figures of `judge-check` on texts that the heads have not seen."""
    ratings = [Rating(item, verdict(heads, item, read)) for item, read in zip(kept.items, kept.read, strict=True)]
    answers = accuracy_figures([each for each in ratings if each.item.is_answer])
    agreement = agreement_figures([each for each in ratings if not each.item.is_answer])
    lopsided = kept.where(lambda item: item.group in ("lop_A", "lop_B"))
    return rounded({**answers, **agreement, "served.told_apart": told_apart(heads, lopsided)})


def told_apart(heads: Heads, lopsided: Set) -> float | None:
    """The share of one-sided answers of which the served party is the more satisfied one."""
    if not lopsided.items:
        return None
    first, second = heads.satisfactions(lopsided.found).T
    return float(np.mean((first > second) == [item.group == "lop_A" for item in lopsided.items]))


def by_kind(answers: Set, scores: Floats) -> Figures:
    """Mean score of each kind of answer, and how many of a policy's that say nothing one could do score below 1."""
    kinds = [item.group for item in answers.items]
    nonsense = [kind == "policy" and item.label <= NONSENSE for kind, item in zip(kinds, answers.items, strict=True)]
    return rounded(
        {f"mean.{kind}": float(scores[[each == kind for each in kinds]].mean()) for kind in sorted(set(kinds))}
        | {"nonsense.below_1": float(np.mean(scores[nonsense] < 1)) if any(nonsense) else None}
        | {"nonsense.n": sum(nonsense)}
        | {"ca.spearman": spearman(scores, answers.labels)}
    )


def scored(heads: Heads, texts: Set) -> tuple[Set, Floats]:
    """The answers among some texts, and what the heads give them."""
    answers = texts.where(lambda item: item.is_answer)
    return answers, heads.scores(answers.found)


def by_rubric(answers: Set) -> Floats:
    """What the smoke-test judge says of the same answers."""
    verdicts = EmbeddedJudge().judge([item.question for item in answers.items])
    return np.array([verdict.value for verdict in verdicts], np.float64)


def table(dev: Set, check: Set) -> dict[str, Any]:
    """How each reading does when one author's labels train it and the other's try it."""
    return {
        f"{name}, {'dev to check' if train is dev else 'check to dev'}": author_to_author(train, tried, part)
        for name, part in PARTS.items()
        for train, tried in ((dev, check), (check, dev))
    }


def author_to_author(train: Set, tried: Set, places: tuple[int, ...]) -> Figures:
    """Pairwise accuracy, Spearman, and the area under the curve of agreement."""
    train, tried = (Set(each.items, each.read[:, places]) for each in (train, tried))
    taught, asked = (each.where(lambda item: item.is_answer) for each in (train, tried))
    head = calibrated(taught.found, taught.labels, taught.dilemmas)[0]
    verdicts = [Verdict(float(value), "heads") for value in squeezed(applied(head, asked.found))]
    figures = accuracy_figures([Rating(*pair) for pair in zip(asked.items, verdicts, strict=True)])
    taught, asked = (each.where(lambda item: not item.is_answer) for each in (train, tried))
    strength, _ = strongest(taught.found, taught.labels, taught.dilemmas)
    odds = applied(ridge(taught.found, taught.labels, strength), asked.found)
    said = [Verdict(float(value > 0.5), "heads", "", {"probability": float(value)}) for value in odds]
    agreement = agreement_figures([Rating(*pair) for pair in zip(asked.items, said, strict=True)])
    wanted = ("macro_pairwise", "spearman", "pairwise.", "auc")
    return rounded(
        {name: value for name, value in (figures | agreement).items() if any(each in name for each in wanted)}
    )


def counts(train: Set) -> dict[str, int]:
    """Answers and dialogues."""
    answers = sum(item.is_answer for item in train.items)
    return {"answers": answers, "dialogues": len(train.items) - answers, "dilemmas": len(set(train.dilemmas))}


def rounded(figures: Mapping[str, float | None]) -> Figures:
    """To three digits."""
    return {name: None if value is None else round(float(value), 3) for name, value in figures.items()}


def shown(found: Mapping[str, Any]) -> list[Any]:
    """The tables to print: of each figure the value alone."""
    columns = {
        name: found[name]
        for name in ("judge_check.jsonl", "fourth author", "fifth author", "unseen", "unseen, by the rubric")
    }
    left_out = (".low", ".high", ".n")
    told = {
        title: {name: value for name, value in figures.items() if not name.endswith(left_out) and value is not None}
        for title, figures in columns.items()
    }
    return [grid(found["readings, author to author"]), grid(told)]


if __name__ == "__main__":
    main()
