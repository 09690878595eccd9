"""The environment that README and docs tell their readers to make."""

import shutil
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.pages import BASE, LEFT_OUT, ROOT, SETUP, run


@dataclass(frozen=True)
class Reader:
    """Who has followed README.

    Attributes:
        checkout: A copy of this one.
        programs: The `bin` of a virtual environment, in which nothing of the tests' own is.
        played: What README's first command printed.
    """

    checkout: Path
    programs: Path
    played: str


@pytest.fixture(scope="session")
def reader(tmp_path_factory):
    """After README's first command, on the base install, and its set-up for training."""
    folder = tmp_path_factory.mktemp("reader")
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    checkout = shutil.copytree(ROOT, folder / "checkout", symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    first, second = (run(block.text, checkout, programs) for block in (BASE, SETUP))
    if "No matching distribution" in first.stderr:
        pytest.skip("pip reaches no registry")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    return Reader(checkout, programs, first.stdout)
