"""The environment that README and docs tell their readers to make."""

import pytest

from tests.docs.pages import BASE, SETUP, installed


@pytest.fixture(scope="session")
def reader(tmp_path_factory):
    """After README's first command, on the base install, and its set-up for training."""
    return installed(tmp_path_factory.mktemp("reader"), BASE.text, SETUP.text)
