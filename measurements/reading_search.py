"""What a search finds that the reading judge likes: poor answers, changed word by word as long as their score rises.

    python -m measurements.reading_search [--texts 12] [--rounds 60] [--out measurements/results/reading_search.json]

It begins with answers of small models that trained no head and that both graders gave at most 1.5. A round tries six
changes of the best text so far and keeps the best of them if it scores higher: a word becomes another one of the
dilemma, of its parties or of a good answer to another dilemma; a word goes; a sentence of such a good answer is put
before or behind; two words change places. None of these makes a plan out of what was none, so that what the score gains
is the judge's mistake, but for luck. The texts that it ends with are in the JSON, to be read.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from statistics import mean
from typing import Any, Final

from rich.progress import track

from measurements.harness import grid, machine, options, tell
from measurements.label_passes import LABELS, both_passes
from negotiation_env.data import load_demos
from negotiation_env.game.events import Question
from negotiation_env.judges.check.labelled import read_labelled
from negotiation_env.judges.reading.judge import ReadingJudge

TRIES: Final = 6
POOR: Final = 1.5
_SENTENCES: Final = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True)
class Climb:
    """The best text after each round.

    Attributes:
        id: Of the answer that it begins with.
        texts: From the first to the last.
        scores: Theirs, 0 to 5.
    """

    id: str
    texts: tuple[str, ...]
    scores: tuple[float, ...]


def main(arguments: Sequence[str] | None = None) -> None:
    """Search, print how far it comes and write the JSON."""
    chosen = options(__doc__, arguments, texts=12, rounds=60)
    judge, begun = ReadingJudge(), Random(0).sample(list(poor()), chosen.texts)
    climbs = [climb(judge, *each, chosen.rounds) for each in track(begun, "texts")]
    after = [each for each in (0, 5, 10, 20, 40, 60) if each <= chosen.rounds]
    found = {f"round {each}": figures([climb.scores[each] for climb in climbs]) for each in after}
    ends = {climb.id: [climb.scores[0], climb.texts[0], climb.scores[-1], climb.texts[-1]] for climb in climbs}
    told: dict[str, Any] = machine() | {"texts": len(climbs), "judgements a round": TRIES}
    tell(told | {"scores": found, "first and last": ends}, chosen.out, grid(found))


def poor() -> Iterator[tuple[str, Question]]:
    """What small models wrote on dilemmas that trained nothing, where both graders call it poor."""
    asked = {item.id: item.question for item in read_labelled(LABELS / "policy_answers.jsonl").items}
    for row, other in both_passes("what policies write"):
        if row["type"] == "completion" and row["split"] == "unseen" and max(row["score"], other["score"]) <= POOR:
            yield row["id"], asked[row["id"]]


def climb(judge: ReadingJudge, id: str, question: Question, rounds: int) -> Climb:
    """Uphill, one text."""
    random = Random(id)
    texts, scores = [question.completion], [score(judge, question, [question.completion])[0]]
    for _ in range(rounds):
        tried = [random.choice(MOVES)(texts[-1], question, random) for _ in range(TRIES)]
        best, text = max(zip(score(judge, question, tried), tried, strict=True))
        higher = best > scores[-1]
        texts.append(text if higher else texts[-1])
        scores.append(best if higher else scores[-1])
    return Climb(id, tuple(texts), tuple(scores))


def score(judge: ReadingJudge, question: Question, texts: Sequence[str]) -> list[float]:
    """What the judge gives texts as answers to a question's dilemma; what it refuses has 0."""
    asked = [Question(question.kind, question.scenario, completion=text) for text in texts]
    return [float(verdict.value or 0) for verdict in judge.judge(asked)]


def another_word(text: str, question: Question, random: Random) -> str:
    """A word of the dilemma, of its parties or of a good answer takes a word's place."""
    goals = [f"{each.name} {each.goal}" for each in question.scenario.personas]
    source = random.choice([question.scenario.dilemma, *goals, good_answer(random)])
    words = text.split()
    words[random.randrange(len(words))] = random.choice(source.split())
    return " ".join(words)


def without_a_word(text: str, _: Question, random: Random) -> str:
    """A word goes."""
    words = text.split()
    del words[random.randrange(len(words))]
    return " ".join(words) or text


def two_change_places(text: str, _: Question, random: Random) -> str:
    """Two words do."""
    words = text.split()
    one, other = random.randrange(len(words)), random.randrange(len(words))
    words[one], words[other] = words[other], words[one]
    return " ".join(words)


def foreign_sentence(text: str, _: Question, random: Random) -> str:
    """A sentence of a good answer to another dilemma is put before or behind."""
    foreign = random.choice(_SENTENCES.split(good_answer(random)))
    return " ".join(random.sample([text, foreign], 2))


def good_answer(random: Random) -> str:
    """A shipped demonstration's."""
    return random.choice([demo["completion"] for demo in load_demos() if demo["completion"]])


def figures(scores: Sequence[float]) -> dict[str, float]:
    """Their mean, and how many would pass for a plan or for a good one."""
    return {
        "mean": round(mean(scores), 2),
        "highest": round(max(scores), 2),
        "1.5 or more": round(mean(each >= POOR for each in scores), 2),
        "2.5 or more": round(mean(each >= 2.5 for each in scores), 2),
    }


Move = Callable[[str, Question, Random], str]
MOVES: Final[tuple[Move, ...]] = (another_word, another_word, without_a_word, two_change_places, foreign_sentence)


if __name__ == "__main__":
    main()
