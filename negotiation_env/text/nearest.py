"""What somebody may have meant who wrote a name that there is not."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

__all__ = ["did_you_mean"]


def did_you_mean(name: str, known: Sequence[str] | Mapping[str, str]) -> str:
    """What to add to a message: the known name that it looks like; "" where it looks like none.

    Args:
        name: As somebody wrote it.
        known: The names that there are, or by name how it is written.
    """
    near = [each for each in known if name and each.startswith(name)] or get_close_matches(name, list(known), 1)
    told = [known[each] if isinstance(known, Mapping) else each for each in near]
    return f" (did you mean {told[0]}?)" if told else ""
