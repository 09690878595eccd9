"""The smoke-test judge's rubric: a transparent score of a joint answer, from words and sentence vectors.

Pure functions: text and vectors in, numbers out. `texts_to_encode` says which vectors `measure` will want, so
that a judge can have those of a whole batch made in one go. Everything but a refusal is smooth, so that even
rambling answers of a small model differ in score.

The rubric is no judge of truth, feasibility, harm or wisdom. It sees whether an answer says new concrete things
about this dilemma, touches every party's goal, ties the parts together, and does not wave a party away.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Final

import numpy as np

from negotiation_env.game.scenario import Persona, Scenario
from negotiation_env.judges.smoke_test.refusals import copied_words, has_word, word_data, words_of

__all__ = ["Features", "Vector", "clauses", "measure", "services", "texts_to_encode"]

Vector = np.ndarray[tuple[int], np.dtype[np.float32]]

_WEIGHTS: Final = {"service": 0.36, "substance": 0.34, "exchange": 0.14, "concreteness": 0.08, "renewal": 0.08}
_FAULTS: Final = {"dismissal": 0.6, "courtesy": 0.5, "split": 0.5, "copied": 1.0, "boast": 0.6, "repetition": 0.6}
_SCALE = 0.38  # faultless merit (0..1) that scores 3.2; a merit of 1 scores 4.6
_CLAUSE = 7  # words; a shorter piece is joined to what stands before it


@dataclass(frozen=True, slots=True)
class Features:
    """What the rubric measured on one answer; every feature lies in 0..1, the score in 0..5.

    Attributes:
        service: How well the worst-served party's goal is met by clauses that do something.
        substance: How much is said that is specific, and new over the dilemma and the goals.
        exchange: Cues that one thing is given for another, pays for it or depends on it.
        concreteness: Cues of who does what, when and how much.
        renewal: Cues that the plan is looked at again or grows.
        relevance: The answer is about this dilemma rather than about others.
        dismissal: A party is waved away.
        courtesy: A party is thanked instead of served.
        split: The cake is cut instead of enlarged.
        copied: Share of the words that are copied from the dilemma or the goals in runs.
        boast: The answer praises itself, or talks to the judge in words that no refusal caught.
        repetition: Share of three-word phrases said before.
        score: The score that these give together.
    """

    service: float
    substance: float
    exchange: float
    concreteness: float
    renewal: float
    relevance: float
    dismissal: float
    courtesy: float
    split: float
    copied: float
    boast: float
    repetition: float
    score: float = 0.0

    def to_dict(self) -> dict[str, float]:
        """The features by name, rounded to 3 decimals."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class _Clause:
    """A piece of the answer.

    Attributes:
        text: The piece.
        fresh: Stems of its specific words that the scenario does not hold.
        vector: Its sentence vector.
        deed: How much it counts as something done, 0..1; little for copied, vague, courteous or boastful talk.
        courtesy: How surely it thanks or praises a party, 0..1.
        boast: How surely it praises the answer itself, 0..1.
    """

    text: str
    fresh: tuple[str, ...]
    vector: Vector
    deed: float
    courtesy: float
    boast: float


def clauses(text: str) -> list[str]:
    """Split an answer into pieces of about a statement each; nothing is lost but white space."""
    pieces: list[str] = []
    for sentence in re.split(r"(?<=[.!?;:])\s+|\n+", text.strip()):
        start = len(pieces)
        for piece in re.split(r"(?<=,)\s+|\s+(?=(?:and|but|while|so|which|until|because|as)\s)", sentence):
            if len(pieces) > start and min(len(pieces[-1].split()), len(piece.split())) < _CLAUSE:
                pieces[-1] += f" {piece}"
            elif piece:
                pieces.append(piece)
    return pieces


def texts_to_encode(completion: str, scenario: Scenario, pool: Sequence[str]) -> list[str]:
    """All texts whose vectors `measure` looks up."""
    examples = [example for group in word_data()["examples"].values() for example in group]
    texts = [completion, *clauses(completion), scenario.dilemma]
    return texts + [aim for persona in _parties(scenario) for aim in _aims(persona)] + examples + list(pool)


def measure(completion: str, scenario: Scenario, vectors: Mapping[str, Vector], pool: Sequence[str]) -> Features:
    """Measure and score one answer.

    Args:
        completion: The joint answer; not refused, at least a few words.
        scenario: What it answers.
        vectors: A unit vector for each of `texts_to_encode`.
        pool: Other dilemmas, always the same; the scenario's own one may be among them.

    Returns:
        The features and the score, 0 to 5.
    """
    pieces = _weigh(completion, scenario, vectors)
    deeds = " ".join(piece.text for piece in pieces if piece.deed > 0.3)
    words = words_of(completion)
    exchange = _saturate(_cues("trade", deeds) + _cues("condition", deeds), 2.0)
    substance = _substance(pieces)
    features = Features(
        service=_service(pieces, scenario, vectors),
        substance=substance,
        exchange=exchange,
        concreteness=_concreteness(words_of(deeds)),
        renewal=_saturate(_cues("renewal", deeds), 1.0),
        relevance=_relevance(completion, scenario, vectors, pool),
        dismissal=_dismissal(pieces, exchange, vectors),
        courtesy=max(piece.courtesy for piece in pieces),
        split=_split(pieces, vectors) * (1 - 0.6 * substance),
        copied=sum(copied_words(words, scenario)) / max(1, len(words)),
        boast=max(piece.boast for piece in pieces),
        repetition=_repetition(words_of(deeds)),
    )
    return replace(features, score=round(_score(features), 3))


def services(completion: str, scenario: Scenario, vectors: Mapping[str, Vector]) -> tuple[float, ...]:
    """How well each party's goal is met by clauses that do something, 0..1, by seat; arguments as for `measure`."""
    pieces = _weigh(completion, scenario, vectors)
    return tuple(_served(pieces, persona, vectors) for persona in _parties(scenario))


def _score(features: Features) -> float:
    """Merit, times what is left of it after each fault; no fault is a cliff."""
    merit = sum(weight * float(getattr(features, name)) for name, weight in _WEIGHTS.items())
    merit *= (0.25 + 0.75 * features.substance) * (0.6 + 0.4 * features.exchange)
    faults = [1 - share * float(getattr(features, name)) for name, share in _FAULTS.items()]
    return 5 * _saturate(merit * (0.1 + 0.9 * features.relevance) * math.prod(faults), _SCALE)


def _weigh(completion: str, scenario: Scenario, vectors: Mapping[str, Vector]) -> list[_Clause]:
    """Split the answer and say of each piece what it is good for."""
    given = _given_words(scenario)
    marks = iter(copied_words(words_of(completion), scenario))
    pieces = []
    for text in clauses(completion):
        words = words_of(text)
        copied = [next(marks, False) for _ in words]
        specific = [word for word, old in zip(words, copied, strict=True) if not old and _is_specific(word)]
        platitude = _like("platitude", vectors[text], vectors)
        courtesy = _courtesy(text, platitude, scenario, vectors)
        boast = _ramp(_like("judge_directed", vectors[text], vectors), 0.4, 0.6)
        filler = 1 - _ramp(_topic(vectors[text], scenario, vectors) - platitude, -0.22, 0.02)
        talk = (courtesy, boast, filler, sum(copied) / max(1, len(words)))
        deed = math.prod(1 - share for share in talk) * _ramp(len(specific), 0, 3)
        fresh = tuple(stem for stem in map(_stem, specific) if stem not in given)
        pieces.append(_Clause(text, fresh, vectors[text], deed, courtesy, boast))
    return pieces


def _topic(vector: Vector, scenario: Scenario, vectors: Mapping[str, Vector]) -> float:
    """Likeness to whatever in the scenario is nearest: the dilemma, a goal, or all of it."""
    texts = [scenario.dilemma, *(aim for persona in _parties(scenario) for aim in _aims(persona))]
    own = max(float(vector @ vectors[text]) for text in texts)
    return max(own, float(vector @ _in_context(scenario, vectors)))


def _courtesy(text: str, platitude: float, scenario: Scenario, vectors: Mapping[str, Vector]) -> float:
    """Thanks or praise for a party; more surely so where it is named."""
    names = {word for persona in scenario.personas for word in words_of(persona.name) if _is_specific(word)}
    named = any(_stem(word) in map(_stem, names) for word in words_of(text))
    thanks = _like("courtesy", vectors[text], vectors) + 0.1 * named + 0.1 * bool(_cues("courtesy", text))
    return _ramp(thanks, 0.4, 0.55) * _ramp(thanks - platitude, 0.0, 0.1)


def _service(pieces: Sequence[_Clause], scenario: Scenario, vectors: Mapping[str, Vector]) -> float:
    """The worst-served party's share."""
    return min(_served(pieces, persona, vectors) for persona in _parties(scenario))


def _served(pieces: Sequence[_Clause], persona: Persona, vectors: Mapping[str, Vector]) -> float:
    """The goal's likeness to the best piece that does something."""
    return max(piece.deed * _ramp(_nearness(piece.vector, persona, vectors), 0.05, 0.45) for piece in pieces)


def _nearness(vector: Vector, persona: Persona, vectors: Mapping[str, Vector]) -> float:
    return max(float(vector @ vectors[text]) for text in _aims(persona))


def _substance(pieces: Sequence[_Clause]) -> float:
    """Specific new words, each counted once at the weight of its best piece."""
    best: dict[str, float] = {}
    for piece in pieces:
        for stem in piece.fresh:
            best[stem] = max(best.get(stem, 0.0), piece.deed)
    return _saturate(sum(best.values()), 9.0)


def _concreteness(words: Sequence[str]) -> float:
    """The mean over who, when and how much."""
    who = len({word for word in words if has_word("who", word)})
    when = len({word for word in words if has_word("time", word)})
    amount = len({word for word in words if has_word("amount", word) or word[0].isdigit()})
    return (_saturate(who, 2.0) + _saturate(when, 2.0) + _saturate(amount, 2.0)) / 3


def _relevance(completion: str, scenario: Scenario, vectors: Mapping[str, Vector], pool: Sequence[str]) -> float:
    """How much nearer the answer is to its own dilemma than to the nearest of the others; a soft step."""
    vector = vectors[completion]
    own = max(float(vector @ vectors[scenario.dilemma]), float(vector @ _in_context(scenario, vectors)))
    others = max(float(vector @ vectors[text]) for text in pool if text != scenario.dilemma)
    return 1 / (1 + math.exp(-(own - others + 0.07) / 0.025))


def _dismissal(pieces: Sequence[_Clause], exchange: float, vectors: Mapping[str, Vector]) -> float:
    """Cues and likeness; words without measure count where nothing is given in return."""
    total = likest = 0.0
    for piece in pieces:
        likeness = _like("dismissal", piece.vector, vectors)
        contrast = likeness - _like("accommodation", piece.vector, vectors)
        likest = max(likest, _ramp(contrast, 0.0, 0.2) * _ramp(likeness, 0.2, 0.45))
        total += _cues("dismissal", piece.text) + 0.4 * (1 - exchange) * piece.deed * _cues("extreme", piece.text)
    return _saturate(max(0.0, total + 1.5 * likest - 0.3), 1.5)


def _split(pieces: Sequence[_Clause], vectors: Mapping[str, Vector]) -> float:
    """Cues of halves and turns, and likeness to the halving examples."""
    total = 0.0
    for piece in pieces:
        total += _cues("split", piece.text) + piece.deed * _ramp(_like("split", piece.vector, vectors), 0.3, 0.5)
    return _saturate(total, 1.0)


def _repetition(words: Sequence[str]) -> float:
    phrases = [tuple(words[start : start + 3]) for start in range(len(words) - 2)]
    return 1 - len(set(phrases)) / len(phrases) if phrases else 0.0


def _is_specific(word: str) -> bool:
    return len(word) > 2 and not any(has_word(name, word) for name in ("function", "vague", "process"))


def _given_words(scenario: Scenario) -> frozenset[str]:
    """Stems of the words of the scenario; to say them is nothing new."""
    texts = [scenario.dilemma]
    for persona in scenario.personas:
        texts += [persona.name, persona.goal, persona.red_line]
    return frozenset(_stem(word) for text in texts for word in words_of(text))


def _stem(word: str) -> str:
    return word.removesuffix("'s")[:6]


def _in_context(scenario: Scenario, vectors: Mapping[str, Vector]) -> Vector:
    """The dilemma with all goals as one unit vector, whatever their order."""
    goals = np.mean([vectors[persona.goal] for persona in _parties(scenario)], axis=0)
    total = vectors[scenario.dilemma] + goals
    return np.asarray(total / np.linalg.norm(total), np.float32)


def _parties(scenario: Scenario) -> tuple[Persona, ...]:
    """Who is to be served; of an open question the one who asks, whose goal is the question."""
    return scenario.personas or (Persona("you", scenario.dilemma),)


def _aims(persona: Persona) -> list[str]:
    return [persona.goal, ", ".join(persona.values)] if persona.values else [persona.goal]


def _like(group: str, vector: Vector, vectors: Mapping[str, Vector]) -> float:
    """Likeness to the nearest example sentence of a group."""
    return max(float(vector @ vectors[example]) for example in word_data()["examples"][group])


@cache
def _pattern(group: str) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(word_data()["cues"][group]) + r")(?!\w)", re.IGNORECASE)


def _cues(group: str, text: str) -> int:
    """Number of different cues of a group in a text."""
    return len({found.group().lower() for found in _pattern(group).finditer(text)})


def _ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high`, straight between."""
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _saturate(amount: float, scale: float) -> float:
    """0 at 0, 0.63 at `scale`, towards 1."""
    return 1 - math.exp(-amount / scale)
