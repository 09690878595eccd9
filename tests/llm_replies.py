"""How a good judge would reply: readable, with evidence out of the material; by rules that a test can redo."""

import json
import zlib
from collections.abc import Mapping
from typing import Any


def material(asked: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(asked["messages"][-1]["content"])
    return found


def judge_reply(asked: Mapping[str, Any]) -> str:
    """The reply to any of the three forms."""
    fields = asked["response_format"]["json_schema"]["schema"]["properties"]
    if "agreed" in fields:
        return json.dumps(agreement(material(asked)))
    if "better" in fields:
        return json.dumps(comparison(material(asked)))
    return json.dumps(score(material(asked)))


def agreement(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Agreed as soon as somebody accepts; every party is quoted with its last turn's first words."""
    last = {turn["speaker"]: turn["says"] for turn in shown["dialogue"]}
    quotes = {key: first_words(last.get(key, "")) for key in shown["parties"]}
    agreed = any("ACCEPT" in turn["says"] for turn in shown["dialogue"])
    return {"parties": quotes, "direction": "the plan" if agreed else "", "agreed": agreed}


def score(shown: Mapping[str, Any]) -> dict[str, Any]:
    quote = first_words(shown["answer"])
    level = level_of(shown["answer"])
    return {
        "parties": {key: {"quote": quote, "served": level} for key in shown["parties"]},
        "aspects": dict.fromkeys(("knowledge", "benevolence", "power", "vitality"), level),
        "harms": [],
        "reason": "by its checksum",
        "score": level,
    }


def comparison(shown: Mapping[str, Any]) -> dict[str, Any]:
    first, second = shown["first"], shown["second"]
    better = "tie" if first == second else "first" if len(first) > len(second) else "second"
    quotes = {name: first_words(shown[name]) for name in ("first", "second")}
    return {**quotes, "reason": "longer", "better": better}


def first_words(text: str) -> str:
    return " ".join(text.split()[:5])


def level_of(text: str) -> int:
    """The level that `score` gives a text: any, but the same each time."""
    return zlib.crc32(text.encode()) % 6
