"""The site is built with warnings as errors, documents the public names, and loads nothing from elsewhere."""

import re
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("zensical", reason="the site is built where the extra docs is installed")

import negotiation_env
from tests.docs.pages import ROOT

_LOADED = re.compile(r'<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)="?(https?:[^"\s>]+)')


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copy(ROOT / "zensical.toml", folder)
    (folder / "negotiation_env").symlink_to(ROOT / "negotiation_env")
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "griffe:" not in done.stdout + done.stderr  # docstrings that do not fit their signatures
    return folder / "build" / "site"


def test_the_api_page_has_the_public_names_and_no_others(site):
    page = (site / "api" / "index.html").read_text(encoding="utf-8")
    names = re.findall(r'<h2 id="negotiation_env\.(\w+)"', page)
    assert sorted(names) == sorted(negotiation_env.__all__)


def test_no_page_loads_anything_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 10
    for page in pages:
        assert not _LOADED.findall(page.read_text(encoding="utf-8")), page.name
