"""Links, anchors, images, files and modules that the pages name are there."""

import importlib
import re
import tomllib

import pytest

from tests.docs.pages import PAGES, ROOT, blocks, headings, prose
from tests.test_house import ROOMS

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FILE = re.compile(r"[`\s](?P<path>[\w.-]+(?:/[\w.*-]+)+\.(?:py|toml|md|jsonl?|html|sh))\b")
_MODULE = re.compile(r"`(?P<name>negotiation_env(?:\.\w+)+)`")
_SCRIPT = re.compile(r"python -m (?P<name>measurements\.\w+)")
_OF_THE_READER = ("runs/", "my_data/", "new/")
"""Folders that commands of the pages make, or that stand for the reader's own."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_internal_links_and_images_lead_somewhere(page):
    for link in _LINK.findall(prose(page)):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.is_file(), link
        assert not anchor or anchor in headings(target), link


def test_the_first_page_links_to_each_page_of_the_site():
    pages = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]
    tops = {target for entry in pages for target in entry.values() if isinstance(target, str)} - {"index.md"}
    assert tops - {link.partition("#")[0] for link in _LINK.findall(prose(ROOT / "docs" / "index.md"))} == set()


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.stem)
def test_files_that_are_named_exist(page):
    for found in _FILE.finditer(page.read_text(encoding="utf-8")):
        path = found["path"]
        if not path.startswith(_OF_THE_READER):
            assert (ROOT / path).exists() or (ROOT / "negotiation_env" / path).exists(), path


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.stem)
def test_modules_and_scripts_that_are_named_exist(page):
    text = page.read_text(encoding="utf-8")
    for name in _MODULE.findall(text):
        assert _found(name), name
    for name in _SCRIPT.findall(text):
        assert (ROOT / f"{name.replace('.', '/')}.py").is_file(), name


def _found(name):
    """Whether it is a module, or what a module holds."""
    path = ROOT.joinpath(*name.split("."))
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    module, _, attribute = name.rpartition(".")
    return hasattr(importlib.import_module(module), attribute)


def test_every_page_is_in_the_contents():
    contents = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    named = re.findall(r'"(\w+\.md)"', contents)
    assert sorted(named) == [page.name for page in PAGES]
    tomllib.loads(contents)


def test_the_architecture_names_every_room_in_its_order():
    rows = re.findall(r"^\| `([\w/]+)` \|", prose(ROOT / "docs" / "architecture.md"), re.MULTILINE)
    assert tuple(rows) == ROOMS


def test_nothing_is_loaded_from_elsewhere():
    theme = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["theme"]
    assert theme["font"] is False
    assert not any(block.kind == "mermaid" for page in PAGES for block in blocks(page))  # drawn by a script from a CDN
