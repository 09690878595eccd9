"""Fake authors and judges: what they say depends on nothing but the request."""

import json
import random
import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.game.scenario import Persona
from negotiation_env.interfaces import ChatRequest, Reply
from negotiation_env.synthesis.quality import ASPECTS
from negotiation_env.synthesis.settings import Settings
from negotiation_env.synthesis.sources import Sources

WORDS = [f"{start}{middle}{end}" for start in "bdfklmnprst" for middle in ("a", "e", "i", "o") for end in "bdfklmnrst"]
USAGE = {"prompt_tokens": 100, "completion_tokens": 50, "cost": 0.001}
PAIRS = {
    f"{first}_vs_{second}": (
        Persona("The " + first, f"You want {first}."),
        Persona("The " + second, f"You want {second}."),
    )
    for first, second in (("cost", "quality"), ("speed", "care"), ("rules", "mercy"), ("local", "global"))
}
SOURCES = Sources({name: tuple(f"{name} {number}" for number in range(5)) for name in ("work", "home")}, PAIRS)
SETTINGS = Settings("dilemmas", 30, near=replace(Settings("open", 1).near, cosine=0.9), held_out=0.3)


def words(seed: object, count: int) -> str:
    """A text that shares next to nothing with that of another seed."""
    return " ".join(random.Random(str(seed)).choices(WORDS, k=count))


def dilemma(text: str, tensions: Sequence[str]) -> str:
    return json.dumps({"dilemma": text, "tensions": list(tensions)})


def material(request: ChatRequest) -> dict:
    return json.loads(request.messages[-1]["content"])


def write(request: ChatRequest) -> Reply:
    """Mostly a dilemma that the whole prompt decides; sometimes no JSON, one too short, or one that comes often."""
    offered = [each["id"] for each in material(request)["tensions"]]
    text = words((request.seed, request.messages), 60) + " or not?"
    said = {0: "Sure! Here is one.", 1: dilemma("Too short?", offered), 2: dilemma(words("again", 60) + "?", offered)}
    return Reply(said.get(request.seed % 10, dilemma(text, offered)), usage=USAGE)


def levels(text: str, **other: int) -> str:
    quote = " ".join(text.split()[:4])
    return json.dumps({aspect: {"quote": quote, "level": other.get(aspect, 4)} for aspect in ASPECTS})


def judge_by_checksum(request: ChatRequest) -> Reply:
    """A fifth of the texts are poor."""
    text = material(request)["text"]
    return Reply(levels(text, solvable=1 if zlib.crc32(text.encode()) % 5 == 0 else 3), usage=USAGE)


def author() -> FakeModel:
    return named("author", write)


def judge() -> FakeModel:
    return named("judge", judge_by_checksum)


def named(name, reply) -> FakeModel:
    model = FakeModel(reply)
    model.name = name
    return model


def bags_of_words(texts: Sequence[str]) -> np.ndarray:
    """Vectors of hashed words: a stand-in for MiniLM."""
    rows = np.zeros((len(texts), 256), np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in text.lower().split():
            row[zlib.crc32(word.encode()) % 256] += 1
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
