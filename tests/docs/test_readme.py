"""The front page is short, and its links and what it tells contributors hold; `test_blocks` pastes its commands."""

import re

from tests.docs.pages import README, ROOT, SETUP, TESTS


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
