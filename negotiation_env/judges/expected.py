"""What a judge nearly said: expected values over the log-probabilities of the token that decides.

A greedy judge that is torn between 3 and 4 says 3 today and 4 tomorrow; the expected value over the score token says
3.5 both times (as in G-Eval, Liu et al. 2023, arXiv 2303.16634).
"""

import math
import re
from collections.abc import Callable, Mapping

from negotiation_env.endpoints.log_probabilities import log_probability
from negotiation_env.interfaces import Reply
from negotiation_env.judges.criteria import LEVELS

__all__ = ["expected_level", "probability_of_true"]


def expected_level(reply: Reply, key: str) -> float | None:
    """The expected level, 0 to 5, at the value of `key` in a JSON reply.

    Args:
        reply: With the alternatives of its tokens.
        key: Stands once in the reply as a key.

    Returns:
        The mean of the levels, weighted by their probabilities; None without log-probabilities, or where no single
        token holds the level, or none is told for what the model sampled.
    """
    mass = _mass(reply, key, lambda text: text if text in _DIGITS else None)
    return sum(_DIGITS[digit] * share for digit, share in mass.items()) if mass else None


def probability_of_true(reply: Reply, key: str) -> float | None:
    """The probability, 0 to 1, of true at the value of `key`; None without log-probabilities."""
    mass = _mass(reply, key, lambda text: next((w for w in ("true", "false") if text and w.startswith(text)), None))
    return mass.get("true", 0.0) if mass else None


_DIGITS = {str(level): level for level in LEVELS}
_AROUND = ' \t\n:"'
"""What a token may hold beside a value."""


def _mass(reply: Reply, key: str, option: Callable[[str], str | None]) -> Mapping[str, float]:
    """Probabilities of the options at the value of a key, scaled to sum to 1; empty where there are none."""
    place = _place(reply, key)
    if place is None:
        return {}
    sampled = reply.alternatives[place]
    mass: dict[str, float] = {}
    for text, told in sampled.logprobs.items():
        name, logprob = option(text.strip(_AROUND)), log_probability(told)  # not every model is an endpoint
        if name and logprob is not None:
            mass[name] = mass.get(name, 0.0) + math.exp(logprob)
    if not mass.get(option(sampled.text.strip(_AROUND)) or ""):  # or the others would decide without it
        return {}
    total = sum(mass.values())
    return {name: share / total for name, share in mass.items()}


def _place(reply: Reply, key: str) -> int | None:
    """Which token holds the first character of the key's value.

    A quotation mark inside a JSON string is escaped, so that only a key can match.
    """
    text = "".join(each.text for each in reply.alternatives)
    found = re.search(rf'"{re.escape(key)}"\s*:\s*(?=\S)', text)
    if found is None or not text.lstrip().startswith(reply.text.strip()):  # some engines report the end token too
        return None
    end = 0
    for index, each in enumerate(reply.alternatives):
        end += len(each.text)
        if end > found.end():
            return index
    return None
