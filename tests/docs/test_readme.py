"""The front page: short, its links lead somewhere, and every command of it runs as pasted, in order."""

import re
from dataclasses import replace

import pytest

from tests.docs.pages import ROOT, blocks, installed, run, run_in_order

README = ROOT / "README.md"
SMALLER = {
    "negotiate train examples/selfplay_embedded.toml": " --max-steps 1 --eval-scenarios 1 --max-turns 2"
    " --max-turn-tokens 8 --max-completion-tokens 8 --group-size 2",
    "negotiate view runs/train": " --no-open",
}
"""What the tests add to commands that take minutes, or open a browser."""
BASE, SETUP, *USE, TESTS = [block for block in blocks(README) if block.kind in ("bash", "python")]


def test_the_front_page_is_read_in_five_minutes():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 120


def test_what_the_front_page_links_to_is_there():
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", README.read_text(encoding="utf-8"))
    assert len(targets) > 10
    assert [target for target in targets if "://" not in target and not (ROOT / target).exists()] == []


def test_the_set_up_for_training_is_what_the_tests_are_installed_by_but_for_their_tools():
    """Continuous integration runs that one as pasted, in an empty environment."""
    install, _, tests = TESTS.text.strip().rpartition(" && ")
    assert (install.replace("dev", "bench"), tests) == (SETUP.text.strip(), "python -m pytest")


@pytest.mark.slow
def test_the_first_commands_run_in_an_empty_environment(tmp_path):
    install, _, play = BASE.text.strip().partition("\n")
    done = run(play, tmp_path, installed(tmp_path, install))
    assert done.returncode == 0, done.stderr
    assert "Collective Agency 3.00 of 5 by the scripted judge (a fake)" in done.stdout


@pytest.mark.models
def test_all_other_commands_run_as_pasted_in_order_and_print_what_is_shown(tmp_path, programs):
    run_in_order([replace(block, text=smaller(block.text)) for block in USE], tmp_path, programs)


def smaller(text):
    for command, more in SMALLER.items():
        text = text.replace(command, command + more)
    return text
