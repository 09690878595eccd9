import sys
import threading
import time

import pytest

from negotiation_env.errors import MissingExtra, UserError
from negotiation_env.loading.heavy import Once, importing


def in_threads(call, threads=8):
    """What each of some threads gets that call at the same moment."""
    start, got = threading.Barrier(threads), []

    def run():
        start.wait()
        got.append(call())

    together = [threading.Thread(target=run) for _ in range(threads)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    return got


def test_threads_that_come_while_it_loads_wait_for_the_one_result():
    loaded = []

    @Once
    def load(name):
        time.sleep(0.05)
        loaded.append(name)
        return object()

    assert len(set(in_threads(lambda: load("a")))) == 1
    assert loaded == ["a"]
    assert load("b") is not load("a")
    load.cache_clear()
    load("a")
    assert loaded == ["a", "b", "a"]


def test_a_load_that_fails_is_tried_again():
    tries = iter([OSError("no disk"), None])

    @Once
    def load():
        if error := next(tries):
            raise error
        return "loaded"

    with pytest.raises(OSError, match="no disk"):
        load()
    assert load() == "loaded"


def test_two_threads_are_never_in_an_import_at_a_time():
    inside, most = [], []

    def enter():
        with importing("a test", "train"):
            inside.append(1)
            time.sleep(0.01)
            most.append(len(inside))
            inside.pop()

    in_threads(enter)
    assert most == [1] * 8


def test_a_package_that_is_not_installed_is_named_with_the_extra_that_brings_it():
    told = r"a test \(no_such_package\) needs .*negotiation-env\[train\]"
    with pytest.raises(MissingExtra, match=told), importing("a test", "train"):
        import no_such_package.part  # noqa: F401


LAZILY = """
try:
    import libs_of_heavy
except Exception as error:
    raise ModuleNotFoundError("Could not import module 'Model'.") from error
"""


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (
            {"heavy.py": "raise ImportError('libfast.so.1: cannot open\\nshared file')"},
            "libfast.so.1: cannot open shared",
        ),
        ({"heavy.py": "import json.no_such_part"}, "No module named 'json.no_such_part'"),
        ({"heavy.py": "from json import no_such_name"}, "cannot import name 'no_such_name' from 'json'"),
        ({"heavy.py": LAZILY, "libs_of_heavy.py": "raise RuntimeError('no operator nms')"}, "no operator nms"),
    ],
    ids=["a library", "an older version's part", "an older version's name", "wrapped by a lazy package"],
)
def test_an_import_that_fails_otherwise_says_what_failed(tmp_path, monkeypatch, files, reason):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        monkeypatch.delitem(sys.modules, name.removesuffix(".py"), raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=reason) as told, importing("a test", "train"):
        import heavy  # noqa: F401
    assert not isinstance(told.value, MissingExtra)


def test_a_missing_package_that_a_lazy_one_wraps_is_missing(tmp_path, monkeypatch):
    (tmp_path / "heavy.py").write_text(LAZILY)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtra, match="libs_of_heavy"), importing("a test", "train"):
        import heavy  # noqa: F401
