"""How two values of a JSON file differ, leaf by leaf."""

from collections.abc import Mapping
from typing import Any, Final

from negotiation_env.text.untrusted import one_line

__all__ = ["differences", "leaves"]

_SHOWN: Final = 80
"""Characters of a value that a message shows."""


def differences(before: Any, after: Any) -> list[str]:
    """How settings differ, a sentence for each leaf that does: "rules.max_turns was 7 and is 5"."""
    then, now = leaves(before), leaves(after)
    pairs = {name: (then.get(name), now.get(name)) for name in {**then, **now}}
    return [
        f"{one_line(name)} was {_short(old)} and is {_short(new)}" for name, (old, new) in pairs.items() if old != new
    ]


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def leaves(value: Any, name: str = "") -> dict[str, Any]:
    """The leaves of a value by their dotted names, such as "rules.max_turns"."""
    if not isinstance(value, Mapping | list | tuple):
        return {name: value}
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    return {leaf: found for key, inner in items for leaf, found in leaves(inner, f"{name}.{key}".lstrip(".")).items()}
