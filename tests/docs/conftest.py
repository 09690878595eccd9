"""The environment that README and docs tell their readers to make."""

import pytest

from tests.docs.pages import ROOT, blocks, installed


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """Its `bin`, after README's set-up for training; nothing of the tests' own environment is in it."""
    (setup,) = [block for block in blocks(ROOT / "README.md") if "train,bench" in block.text]
    return installed(tmp_path_factory.mktemp("reader"), setup.text)
