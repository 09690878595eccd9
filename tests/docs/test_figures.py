"""Each figure on a page has a source in `figures.toml`, and is what the source holds, as rounded."""

import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache, reduce
from itertools import chain
from pathlib import Path
from statistics import fmean

import pytest

from tests.docs.pages import ROOT, prose

LIST = tomllib.loads((Path(__file__).parent / "figures.toml").read_text(encoding="utf-8"))
PAGES = ("README.md", "measurements/README.md", "examples/results/README.md", "examples/recipes/README.md")
EVERY = (*map(ROOT.joinpath, PAGES), *sorted((ROOT / "docs").glob("*.md")), *ROOT.glob("examples/recipes/*/README.md"))
_NUMBER = r"(?<![\w.])[−-]?\d[\d,]*(?:\.\d+)?"
_UNIT = r"(?:µs|ms|s|seconds|minutes|hours|kB|MB|GB|GiB|nats|dollars)\b"
_FIGURE = re.compile(
    rf"(?<![\w./-])(?:\d[\d,]*\.\d+|\d[\d,]* ?[%×]|\d[\d,]* (?:{_UNIT}|of \d)|\d{{1,3}}(?:,\d{{3}})+)(?![\w/-]|\.\d)"
)
"""Decimals, percentages, multiples, what has a unit, "8 of 24", and numbers of four digits and more; not 0.8.0."""


@cache
def text_of(page: Path) -> str:
    """A page on one line, without its blocks; code in it is named, not told."""
    return re.sub(r"\s+", " ", re.sub(r"`[^`]*`", "`", prose(page)))


def sources(page: Path) -> list[dict]:
    return [each for each in LIST["source"] if ROOT / each["page"] == page]


def phrases(page: Path) -> Iterator[str]:
    """What the list tells of a page, and what is no measurement on any."""
    for source in sources(page):
        yield from (figure[0] for figure in source.get("figures", ()))
        yield from source.get("says", ())


@pytest.mark.parametrize("page", EVERY, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_figure_has_a_source_and_no_source_is_left_over(page):
    text = text_of(page)
    assert [told for told in phrases(page) if told not in text] == []
    spans = [
        each.span() for told in chain(phrases(page), LIST["no_figures"]) for each in re.finditer(re.escape(told), text)
    ]
    unsourced = [
        text[max(0, figure.start() - 40) : figure.end() + 20]
        for figure in _FIGURE.finditer(text)
        if not any(start <= figure.start() and figure.end() <= end for start, end in spans)
    ]
    assert unsourced == []


def test_every_source_is_there():
    named = [each[kind] for each in LIST["source"] for kind in ("page", "file", "test") if kind in each]
    assert [path for path in named if not (ROOT / path).is_file()] == []
    assert all(("file" in each) == ("figures" in each) for each in LIST["source"])
    assert all("file" in each or each.get("test") or each.get("why") for each in LIST["source"])


@pytest.mark.parametrize("page", EVERY, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_figure_is_what_its_file_holds_at_its_rounding(page):
    wrong = []
    for source in sources(page):
        for told, *keys in source.get("figures", ()):
            shown = re.findall(_NUMBER, told)
            held = [value for key in keys for value in values(source["file"], key)]
            same = len(shown) == len(held) and all(map(rounds_to, shown, held))
            wrong += [] if same else [f"{told!r} is {held} in {source['file']}"]
    assert wrong == []


@pytest.mark.parametrize(
    ("shown", "held", "same"), [("0.34", 0.335, True), ("0.34", 0.334, False), ("−1,200", -1199.6, True)]
)
def test_figures_are_compared_as_they_are_rounded(shown, held, same):
    assert rounds_to(shown, held) is same


def rounds_to(shown: str, held: float) -> bool:
    """Whether a number may be written so, halves rounded either way."""
    digits = len(shown.partition(".")[2])
    return abs(float(shown.replace(",", "").replace("−", "-")) - held) <= 0.5 * 10**-digits + 1e-9


def values(file: str, key: str) -> list[float]:
    """What a key gives: `a > b`, a path in the file; or of paths `1000 * a`, `a over b`, `a plus b` and `a minus b`."""
    first, *others = re.split(r" (plus|minus) ", key)
    if not others and "*" not in key and " over " not in key:
        return numbers(found(file, key))
    signs = [1, *(1 if word == "plus" else -1 for word in others[::2])]
    return [sum(sign * product(file, each) for sign, each in zip(signs, [first, *others[1::2]], strict=True))]


def product(file: str, key: str) -> float:
    *times, key = key.split(" * ")
    above, *below = (fmean(numbers(found(file, path))) for path in key.split(" over "))
    return reduce(lambda value, each: value / each, below, above) * float(times[0] if times else 1)


def numbers(value) -> list[float]:
    """A number; or the ends of an interval, behind its value."""
    if isinstance(value, dict):
        value = [value[name] for name in ("value", "low", "high")]
    return [each for each in value if each is not None] if isinstance(value, list) else [value]


def found(file: str, path: str):
    return reduce(step, path.split(" > "), read(file))


def step(value, name: str):
    """One level down; of a list, by its number, by a table's title or by a row's first cell."""
    if isinstance(value, dict):
        return value[name]
    if name.isdecimal():
        return value[int(name)]
    return next(each for each in value if name == (each["title"] if isinstance(each, dict) else each[0]))


@cache
def read(file: str):
    text = (ROOT / file).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()] if file.endswith(".jsonl") else json.loads(text)
