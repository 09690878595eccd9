"""The material that an LLM judge is shown, and its instructions: text in, chat out.

The material is untrusted: it goes into the user's message only, as one JSON object of neutralised texts with `<` and
`>` escaped, so that no text can end its own string, open a chat role or stand beside the instructions. These are
versioned template files, filled in one pass.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any, Final

from negotiation_env.game.events import Message, Question
from negotiation_env.game.scenario import Persona, Scenario
from negotiation_env.judges.criteria import Criteria
from negotiation_env.text.alike import folded, is_mark
from negotiation_env.text.untrusted import masked, neutralise

__all__ = ["VERSION", "chat", "clean", "form_id", "instructions", "is_quoted", "party_key", "scene", "spoken"]

VERSION: Final = "v2"
"""Of the instructions and of what is shown with them; a change of either is another one, which names other judges.

The templates of earlier versions stay beside those of this one: a record's judge names the version that it was told by.
"""
_ANY_LENGTH: Final = 1_000_000_000
"""The judge sees a text whole or not at all; the game limits how long one may be."""
_UNSPACED: Final = (
    "\u0e00-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u1b00-\u1b7f\u2e80-\u312f\u31a0-\u31ff\u3400-\ua4cf"
    "\ua980-\ua9ff\uaa60-\uaadf\uf900-\ufaff\U00016fe0-\U0001b2ff\U00020000-\U0003ffff"
)
"""Scripts that are written without spaces: of South East Asia, Tibet, China and Japan."""
_LETTER: Final = rf"[^\W\d_{_UNSPACED}]"
_DIGIT: Final = r"[\d²³¹⁰-₉¼-¾⅐-⅞]"
_NUMERAL: Final = rf"(?:{_DIGIT}|[〇零一二三四五六七八九十百千万萬亿億兆两兩])"
_WITHIN: Final = "[.,:/'^·⁄∕٫٬]"
_CUT: Final = re.compile(
    rf"""[^\W{_UNSPACED}]\n[^\W{_UNSPACED}]                     # a word: dis|agree, 5|kg
    | {_LETTER}['·]\n{_LETTER} | {_LETTER}\n['·]{_LETTER}       # can|'t
    | {_NUMERAL}\n{_NUMERAL}
    | {_DIGIT}\n{_WITHIN}{_DIGIT} | {_DIGIT}{_WITHIN}\n{_DIGIT} # 10|.5
    | (?<!\w)-\n\.?{_DIGIT} | (?<![\w.])\.\n{_DIGIT}            # -|10, .|5
    | {_DIGIT}\n\ ?[%‰٪] | {_DIGIT}\ \n[%‰٪]                    # 10| %
    | (?<!\d)\d{{1,3}}(?:\n\ |\ \n)\d{{3}}(?!\d)                # 10| 000
    """,
    re.VERBOSE,
)
"""A line feed within a word or number."""
_BEFORE: Final = re.compile(rf"\A(?:[ ,;:!')\]]|\.(?!{_DIGIT}))+")
"""What does not count before a quote or after its ellipsis: marks but for the point of .5."""
_AFTER: Final = " .,;:!'(["


def instructions(name: str, criteria: Criteria | None = None) -> str:
    """The system message of a form, out of its template file."""
    return _template(name, VERSION).substitute(_criteria_fields(criteria) if criteria else {})


@cache
def form_id(name: str) -> str:
    """Name, version and hash of a form's prompt, for verdicts on questions that are no part of a judge's id."""
    return f"{name} {VERSION} {hashlib.sha256(instructions(name).encode()).hexdigest()[:8]}"


def chat(system: str, material: Mapping[str, Any]) -> tuple[Message, ...]:
    """Instructions and material as a chat."""
    text = json.dumps(material, ensure_ascii=False, indent=1).replace("<", "\\u003c").replace(">", "\\u003e")
    return ({"role": "system", "content": system}, {"role": "user", "content": text})


def scene(scenario: Scenario) -> dict[str, Any]:
    """The dilemma and the parties, all that a party is told of itself; a scenario's id and labels are for tables."""
    parties = {party_key(seat): _party(persona) for seat, persona in enumerate(scenario.personas)}
    return {"dilemma": clean(scenario.dilemma), "parties": parties}


def _party(persona: Persona) -> dict[str, Any]:
    """A persona whole, without the fields that it leaves empty."""
    texts = {name: clean(text) for name in ("name", "goal", "red_line", "style") if (text := getattr(persona, name))}
    return texts | ({"values": list(map(clean, persona.values))} if persona.values else {})


def clean(text: str) -> str:
    """A text as the judge sees it."""
    return neutralise(text, _ANY_LENGTH).text


def party_key(seat: int) -> str:
    """A party's key in prompts and replies; names are untrusted and may be long."""
    return f"party_{seat + 1}"


def is_quoted(quote: str, text: str) -> bool:
    """Whether a quote has words and stands in a text, but for presentation (`negotiation_env.text.alike.folded`).

    Letters, digits and a number's sign must be the text's own, and the quote may not begin or end within a word or
    number. A letter's accents belong to it, an apostrophe between letters to their word; a hyphen, which may be a dash,
    parts words. Between two letters of a script without spaces a quote may begin or end anywhere. Its separators, its
    percent sign and groups of three digits after a space belong to a number.

    An ellipsis in a quote leaves words out: each part counts as a quote does, and they stand in the text in order.
    """
    parts = [_BEFORE.sub("", part.rstrip(_AFTER)) for part in folded(masked(quote)).split("...")]
    wanted, found, at = [part for part in parts if any(map(str.isalnum, part))], folded(masked(text)), 0
    for part in wanted:
        if (at := _end_of(part, found, at)) < 0:
            return False
    return bool(wanted)


def _end_of(part: str, text: str, start: int) -> int:
    """Where a part of a quote ends at its first place from `start` on; -1 where it has none."""
    while (at := text.find(part, start)) >= 0:
        start, end = at + 1, at + len(part)
        if not _cuts(text, at) and not _cuts(text, end):
            return end
    return -1


def _cuts(text: str, at: int) -> bool:
    """Whether a place is within a word or number."""
    before = text[max(0, at - 1) : at]
    if is_mark(text[at : at + 1]):
        return before.isalnum() or is_mark(before)
    end = at
    while end and is_mark(text[end - 1]):
        end -= 1
    return _CUT.search(f"{text[max(0, end - 5) : end]}\n{text[at : at + 5]}") is not None


def spoken(question: Question) -> dict[str, Any]:
    """The dialogue, each turn under its speaker's key."""
    return {"dialogue": [{"speaker": party_key(turn.seat), "says": clean(turn.text)} for turn in question.dialogue]}


@cache
def _template(name: str, version: str) -> Template:
    path = files(__package__).joinpath("prompts", f"{name}.{version}.txt")
    return Template(path.read_text(encoding="utf-8").strip())


def _criteria_fields(criteria: Criteria) -> dict[str, str]:
    return {
        "name": criteria.name,
        "definition": criteria.definition.strip(),
        "aspects": _list(f"{aspect.name}: {aspect.definition}" for aspect in criteria.aspects),
        "anchors": _list(f"{level}: {anchor}" for level, anchor in enumerate(criteria.anchors)),
        "rules": _list(criteria.rules),
    }


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
