"""What the embedded judge takes over encoding alone: batches of answers to score, over the floor that their words set.

    python -m measurements.embedded_judge [--rounds 15] [--out measurements/results/embedded_judge.json]

The shipped labelled answers of the set on which the judge was tuned, 16 a batch, as a training step of 16 negotiations
asks; one thread. As in training, the judge knows its own example sentences and the scenarios already, and has never
seen an answer before.

- floor: the encoder on as many tokens in as many rows, all of the mean length, so that nothing is padding; texts are
  cut into tokens before the clock starts.
- a call a question, a call a text: the same without batches.
- rubric: the judge on what it has seen before, so that nothing is left to encode.
"""

from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any

import torch

from measurements.harness import grid, machine, options, seconds, tell
from negotiation_env.game.events import Question
from negotiation_env.judges.check.labelled import read_labelled
from negotiation_env.judges.smoke_test.encoder import _LONGEST_TEXT, Encoder, load_encoder
from negotiation_env.judges.smoke_test.judge import EmbeddedJudge, other_dilemmas
from negotiation_env.judges.smoke_test.refusals import refusal
from negotiation_env.judges.smoke_test.rubric import clauses, texts_to_encode

BATCH, BATCHES = 16, 5
Batch = list[Question]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON."""
    chosen = options(__doc__, arguments, rounds=15)
    torch.set_num_threads(1)
    batches = list(answers())
    laps = [{name: lap(work, batches) for name, work in SUBJECTS.items()} for _ in range(chosen.rounds + 1)][1:]
    found = figures(laps, batches)
    tell(found, chosen.out, grid({name: found[name] for name in ("milliseconds a batch", "over floor")}))


def answers() -> Iterator[Batch]:
    """The first labelled answers that are not refused, a batch at a time."""
    questions = [each.question for each in read_labelled().items if each.is_answer]
    kept = [each for each in questions if refusal(each.completion, each.scenario) is None]
    for start in range(0, BATCHES * BATCH, BATCH):
        yield kept[start : start + BATCH]


def lap(work: Callable[[Batch], float], batches: Sequence[Batch]) -> float:
    """Milliseconds a batch."""
    return sum(map(work, batches)) / len(batches) * 1000


def judged(batch: Batch) -> float:
    """The judge on a batch."""
    prepared(batch)
    return seconds(lambda: EmbeddedJudge().judge(batch))


def one_by_one(batch: Batch) -> float:
    """The judge on each question by itself."""
    prepared(batch)
    return seconds(lambda: [EmbeddedJudge().judge([question]) for question in batch])


def text_by_text(batch: Batch) -> float:
    """The encoder on each text by itself, then the judge."""
    encoder = prepared(batch)

    def work() -> None:
        for text in fresh(batch):
            encoder.encode([text])
        EmbeddedJudge().judge(batch)

    return seconds(work)


def rubric(batch: Batch) -> float:
    """The judge where everything has been seen before."""
    EmbeddedJudge().judge(batch)
    return seconds(lambda: EmbeddedJudge().judge(batch))


def floor(batch: Batch) -> float:
    """The encoder's network alone."""
    encoder, tokens = load_encoder(), sizes(batch)
    ids = torch.randint(1000, 2000, (len(tokens), round(sum(tokens) / len(tokens))))
    with torch.inference_mode():
        return seconds(lambda: encoder._model(input_ids=ids, attention_mask=torch.ones_like(ids)))


SUBJECTS = {
    "judge": judged,
    "floor": floor,
    "judge, a call a question": one_by_one,
    "judge, a call a text": text_by_text,
    "rubric": rubric,
}


def prepared(batch: Batch) -> Encoder:
    """The encoder with all in its memory but the answers."""
    encoder = load_encoder()
    encoder.encode(
        [text for each in batch for text in texts_to_encode(each.completion, each.scenario, other_dilemmas())]
    )
    for text in fresh(batch):
        encoder._known.pop(text, None)
    return encoder


def fresh(batch: Batch) -> list[str]:
    """The answers and their clauses, each once."""
    return list(dict.fromkeys(text for each in batch for text in (each.completion, *clauses(each.completion))))


def sizes(batch: Batch) -> list[int]:
    """Tokens of each fresh text, as many as the encoder reads."""
    found = load_encoder()._tokenizer(fresh(batch), truncation=True, max_length=_LONGEST_TEXT)["input_ids"]
    return [len(ids) for ids in found]


def figures(laps: Sequence[dict[str, float]], batches: Sequence[Batch]) -> dict[str, Any]:
    """Medians."""
    tokens = [sizes(batch) for batch in batches]
    return {
        **machine(),
        "batches": len(batches),
        "answers a batch": BATCH,
        "texts a batch": round(sum(map(len, tokens)) / len(batches), 1),
        "tokens a batch": round(sum(map(sum, tokens)) / len(batches), 1),
        "rounds": len(laps),
        "milliseconds a batch": {name: round(median(each[name] for each in laps), 1) for name in SUBJECTS},
        "over floor": {name: round(median(each[name] / each["floor"] for each in laps), 2) for name in SUBJECTS},
    }


if __name__ == "__main__":
    main()
