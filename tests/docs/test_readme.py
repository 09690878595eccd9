"""The front page: short, its links lead somewhere, and every command of it runs as pasted, in order."""

import re
import venv
from dataclasses import replace
from shlex import quote

import pytest

from tests.docs.pages import ROOT, blocks, installed, run, run_in_order

README = ROOT / "README.md"
SMALLER = {
    "negotiate train examples/selfplay_embedded.toml": " --max-steps 1 --eval-scenarios 1 --max-turns 2"
    " --max-turn-tokens 8 --max-completion-tokens 8 --group-size 2 --micro-batch 2",
    "negotiate view runs/train": " --no-open",
}
"""What the tests add to commands that take minutes, or open a browser."""
GET_STARTED = blocks(ROOT / "docs" / "index.md")
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
@pytest.mark.models
def test_who_clones_this_and_pastes_it_and_get_started_in_order_meets_no_error(tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    programs, clone = tmp_path / "venv" / "bin", tmp_path / "clone"
    done = run(f"git clone -q {quote(str(ROOT))} {quote(str(clone))}", tmp_path, programs)
    if done.returncode:
        pytest.skip(f"this is no checkout that can be cloned: {done.stderr}")
    done = run(BASE.text, clone, programs)
    if "No matching distribution" in done.stderr:
        pytest.skip("pip reaches no registry")
    assert done.returncode == 0, done.stderr
    assert "Collective Agency 3.00 of 5 by the scripted judge (a fake)" in done.stdout
    run_in_order([SETUP, *pasted(USE, GET_STARTED)], clone, programs)


@pytest.mark.slow
@pytest.mark.models
def test_who_has_the_wheel_alone_and_pastes_them_in_an_empty_folder_meets_no_error(tmp_path):
    folder = quote(str(tmp_path))
    packed = f"python -m pip wheel -q --no-deps -w {folder} . && pip install -q torch==2.13.0"
    install = f'{packed} && pip install -q "$(echo {folder}/*.whl)[train,bench]"'
    programs, empty = installed(tmp_path, install), tmp_path / "empty"
    empty.mkdir()
    assert run("negotiate examples .", empty, programs).returncode == 0
    use = [block for block in pasted(USE, GET_STARTED) if not block.text.startswith("pip install")]
    run_in_order(use, empty, programs)


def pasted(*pages):
    """What stands there to be pasted, with what takes minutes made small; what pages say is not run too."""
    return [replace(block, text=smaller(block.text), remark="") for page in pages for block in page]


def smaller(text):
    for command, more in SMALLER.items():
        text = text.replace(command, command + more)
    return text
