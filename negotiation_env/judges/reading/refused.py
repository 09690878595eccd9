"""What the reading judge refuses to read: all that the rubric refuses, and more remains of markup.

The shipped attacks lifted it most by fake ends of the material and by remains of role tokens. Neither stands in prose.
"""

import re
from typing import Final

from negotiation_env.game.scenario import Scenario
from negotiation_env.judges.smoke_test.refusals import refusal

__all__ = ["unread"]

_REMAINS: Final = re.compile(
    r"""<\s*[/|!?]*\s*[A-Za-z_] | [A-Za-z_]\s*[|/]\s*> | \[\s*/?\s*(?:[A-Z]{2,}[_ ]?)+\W?\s*\]  # tags and role tokens
    | [-=_*~<>\#]{4,} | \{\{ | \}\} | \]\]> | ^\W*-{3}\s*$                        # fences and fake ends
    | ^\s*\|.*\|\s*$                                                            # rows of a table""",
    re.MULTILINE | re.VERBOSE,
)


def unread(completion: str, scenario: Scenario) -> str | None:
    """Why an answer is scored 0 without being read, or None where it deserves to be read.

    Args:
        completion: The joint answer.
        scenario: What it answers.

    Returns:
        A key of `REASONS` in `judges/smoke_test/refusals.py`, or None.
    """
    return refusal(completion, scenario) or ("markup" if _REMAINS.search(completion) else None)
