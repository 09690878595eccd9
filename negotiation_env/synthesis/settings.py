"""The settings of a run, and what it may take at most."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from negotiation_env.endpoints.usage import Usage, guessed_tokens
from negotiation_env.errors import UserError
from negotiation_env.synthesis.forms import VERSION, kind_of
from negotiation_env.synthesis.neighbours import NearLimits
from negotiation_env.synthesis.plan import Slot, plan_slots
from negotiation_env.synthesis.quality import MAX_TOKENS, Grading
from negotiation_env.synthesis.sources import KindName, Known, Sources

__all__ = ["Settings", "at_most", "fingerprint", "plan_of"]

_LONG_TEXT = "x" * 900
"""As long as a text within the limits of words gets."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is written, and what is taken.

    Attributes:
        kind: What is written.
        n: Slots, each for one text.
        seed: Seeds the plan, the author's draws, the split and the scenarios' pairing.
        prefix: Begins the ids of the rows; letters, digits, "-" and "_".
        attempts: Most candidates of a slot until one is accepted; also most times that the judge is asked about one.
        temperature: Of the author.
        max_tokens: Longest reply of the author.
        batch: Requests that go to a model at a time.
        min_level: The judge's lowest level, 0 to 5, that a text may have in any aspect.
        near: From where on a text is a near-duplicate.
        held_out: Share of the domains whose texts are held out, 0 to 1.

    Raises:
        UserError: The prefix has other characters.
    """

    kind: KindName
    n: int
    seed: int = 0
    prefix: str = "gen"
    attempts: int = 3
    temperature: float = 1.0
    max_tokens: int = 800
    batch: int = 16
    min_level: int = 3
    near: NearLimits = field(default_factory=NearLimits)
    held_out: float = 0.1

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w-]+", self.prefix):
            raise UserError(f"expected a prefix of letters, digits, '-' and '_', got {self.prefix!r}")


def plan_of(settings: Settings, sources: Sources) -> list[Slot]:
    """The slots of a run."""
    tensions = tuple(sources.pairs) if settings.kind == "dilemmas" else ()
    return plan_slots(settings.n, settings.seed, sources.domains, tensions)


def fingerprint(sources: Sources) -> dict[str, str]:
    """What else decides the texts, as hashes, and the version of the prompts."""
    pairs = {id: [asdict(each) for each in pair] for id, pair in sources.pairs.items()}
    texts = [asdict(each) for each in sources.known]
    return {
        "domains": _digest(sources.domains),
        "personas": _digest(pairs),
        "known": f"{len(texts)} texts {_digest(texts)}",
        "prompts": VERSION,
    }


def at_most(settings: Settings, sources: Sources, *, judged: bool) -> dict[str, Usage]:
    """Upper limits of calls and tokens by role, where every attempt fails; tokens to read at 4 characters each."""
    kind, calls = kind_of(settings.kind, sources.pairs), settings.n * settings.attempts
    shown = [
        (slot, [Known("keeping_a_vs_losing_b", _LONG_TEXT, slot.domain)] * 100) for slot in plan_of(settings, sources)
    ]
    asked = settings.attempts * sum(guessed_tokens(kind.messages(slot, known)) for slot, known in shown)
    limits = {"author": Usage(calls, asked, calls * settings.max_tokens)}
    if judged:
        material = {"text": _LONG_TEXT, "tensions": [_LONG_TEXT]}
        calls *= settings.attempts
        asked = calls * guessed_tokens(Grading(settings.kind, material).request(0).messages)
        limits["judge"] = Usage(calls, asked, calls * MAX_TOKENS)
    return limits


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
