"""What somebody may have meant who wrote a name that there is not."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

__all__ = ["did_you_mean"]

_TELLING = 3
"""As many letters of a name say which is meant."""


def did_you_mean(name: str, known: Sequence[str] | Mapping[str, str]) -> str:
    """What to add to a message: the known name that it begins, or else looks like; "" where there is none.

    Args:
        name: As somebody wrote it.
        known: The names that there are, or by name how it is written.
    """
    begun = [each for each in known if len(name) >= _TELLING and each.startswith(name)]
    near = sorted(begun, key=len)[:1] or get_close_matches(name, list(known), 1)
    told = [known[each] if isinstance(known, Mapping) else each for each in near]
    return f" (did you mean {told[0]}?)" if told else ""
