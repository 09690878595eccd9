"""A GGUF file is opened once while a model is made of it."""

import pytest

from negotiation_env.loading.gguf import opened_once

gguf = pytest.importorskip("gguf")


def test_a_file_is_opened_once_and_anew_after_that(monkeypatch):
    opened = []
    monkeypatch.setattr(gguf, "GGUFReader", lambda path: opened.append(path) or object())
    with opened_once():
        assert gguf.GGUFReader("one") is gguf.GGUFReader("one") is not gguf.GGUFReader("two")
    gguf.GGUFReader("one")
    assert opened == ["one", "two", "one"]
