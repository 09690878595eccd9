"""When two texts are the same to a reader: what differs in presentation only is folded, for quotes, names and ids.

Unicode's NFKC goes too far for a quote: it makes x2 of x² and 11⁄2 of 1½. Here what is raised, lowered, circled or a
fraction stays what it is; only other forms of the same letter or digit are one: full width, ligatures, fonts.
"""

import re
import unicodedata
from typing import Final

__all__ = ["RARE_COLONS", "folded", "id_key", "is_mark", "is_seen", "name_key", "speaker_key"]

_MEANT: Final = ("<super>", "<sub>", "<circle>", "<fraction>")
"""Decompositions that say something: a power, an index, a number of its own."""
_DASHES: Final = "\u2043\u02d7\u2212\u2796"  # beside those of Unicode's category
_QUOTATION_MARKS: Final = frozenset("\"'´‘’‚‛“”„‟‹›«»′″‵‶ʹʺʻʼˈ׳״「」『』｢｣﹁﹂﹃﹄〝〞〟❛❜❝❞❮❯⹂")
_UNSEEN: Final = (  # beside controls
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U0001d159"
    "\U000e0000-\U000e0fff"
)
_UNSEEN_MARKS: Final = re.compile(f"[{_UNSEEN}]")
_BRAILLE_BLANK: Final = "\u2800"
RARE_COLONS: Final = (
    "\u02d0\u02f8\u0589\u05c3\u0703\u0704\u1361\u16ec\u1803\u1809\u205a\u2236\ua4fd\ua789\ufe13\ufe30\ufe55"
)
"""What looks like a colon, beside the usual and the full-width one."""
_COLON: Final = re.compile(f"[:：{RARE_COLONS}]")
_EMPHASIS: Final = re.compile(r"[*_`~]+")
_ELLIPSIS: Final = re.compile(r"\.(?: ?\.)+|\u22ef")
_LONG_DASH: Final = re.compile(r"--+(?!\d)")
_TAG: Final = re.compile(r"<[^<>]*>")


def folded(text: str) -> str:
    """A text without what is presentation: equal where two texts have the same words, numbers and punctuation.

    Folded are case, white space and line ends, invisible characters, kinds of dashes, of ellipses and of quotation
    marks, Markdown's marks of emphasis, and other forms of one letter or digit. A letter, a digit, a sign before a
    number and a mark between two factors stay.
    """
    plain = _LONG_DASH.sub("-", _ELLIPSIS.sub("...", _EMPHASIS.sub(_unmarked, _plain(text))))
    return unicodedata.normalize("NFC", " ".join(plain.split()).casefold())


def id_key(id: str) -> str:
    """An id as a reader sees it, in which the ids of a set must differ; case, accents and signs count.

    Folded are invisible characters, white space, composed and decomposed accents, kinds of dashes and of quotation
    marks, and other forms of one letter or digit. It is empty where nothing is to be seen.
    """
    return unicodedata.normalize("NFC", " ".join(_plain(id).split())) if is_seen(id) else ""


def is_seen(text: str) -> bool:
    """Whether anything of a text is to be seen; white space, fillers and marks without a letter are not."""
    return any(not is_mark(each) and _CHARACTERS[ord(each)].strip() for each in text)


def is_mark(character: str) -> bool:
    """Whether a character belongs to the letter before it, as accents and many vowels do; "" does not."""
    return bool(character) and unicodedata.category(character).startswith("M")


def name_key(name: str) -> str:
    """A name as a reader takes it; empty where it shows neither letter nor digit.

    Names are compared more loosely than quotes: whole NFKC, without tags and without what may stand around a speaker.
    """
    if name.isascii() and name.replace(" ", "").isalnum():
        return " ".join(name.casefold().split())  # most names; what follows would find nothing
    plain = unicodedata.normalize("NFKC", name.translate({ord("‹"): "<", ord("›"): ">"}))
    key = folded(_TAG.sub("", plain).strip() or plain).strip(" #*_<>[]⟦⟧")
    return key if any(map(str.isalnum, key)) else ""


def speaker_key(name: str) -> str:
    """What the names of parties must differ in, so that none is taken for another at the beginning of a line.

    It is the letters and digits, with their accents, up to the first colon, where a line's speaker ends.
    """
    key = name_key(_COLON.split(name.strip(), maxsplit=1)[0])
    return "".join(each for each in key if each.isalnum() or is_mark(each))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).translate(_CHARACTERS)


class _Characters(dict[int, str]):
    """What `str.translate` puts for each character; worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _folded_character(chr(code))
        return found


_CHARACTERS: Final = _Characters()


def _folded_character(character: str) -> str:
    if character.isspace() or character == _BRAILLE_BLANK:
        return " "
    category = unicodedata.category(character)
    if category in ("Cc", "Cf") or _UNSEEN_MARKS.match(character):
        return ""
    if category == "Cs":
        return "\ufffd"  # as `negotiation_env.text` shows it
    if category == "Pd" or character in _DASHES:
        return "-"
    if character in _QUOTATION_MARKS:
        return "'"
    kind, *codes = unicodedata.decomposition(character).split() or [""]
    if not kind.startswith("<") or kind in _MEANT:
        return character
    return "".join(_folded_character(chr(int(code, 16))) for code in codes)


def _unmarked(match: re.Match[str]) -> str:
    """Drop marks of emphasis, which touch a word; keep 5 * 3, 2*3, snake_case and ~5."""
    text, marks, (start, end) = match.string, match[0], match.span()
    before, after = text[start - 1 : start], text[end : end + 1]
    loose = not before.strip() and not after.strip()
    inside = before.isalnum() and after.isalnum() and ("_" in marks or not (before + after).isalpha())
    about = marks == "~" and after.isdigit()
    return marks if loose or inside or about else ""
