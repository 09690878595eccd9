"""Adapters whose package is not installed say what to install."""

import sys
from importlib import import_module

import pytest

from negotiation_env.errors import MissingExtra

ADAPTERS = {
    "inspect_model": ("inspect_ai", "inspect"),
    "inspect_scoring": ("inspect_ai", "inspect"),
    "inspect_task": ("inspect_ai", "inspect"),
    "openenv_server": ("openenv", "openenv"),
    "textarena_game": ("textarena", "textarena"),
    "verifiers": ("verifiers", "verifiers"),
    "verifiers_seats": ("verifiers", "verifiers"),
}


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_without_its_package_says_what_to_install(monkeypatch, name):
    package, extra = ADAPTERS[name]
    monkeypatch.delitem(sys.modules, f"negotiation_env.interop.{name}", raising=False)
    for loaded in [package, *(each for each in sys.modules if each.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, loaded, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'negotiation-env\[{extra}\]'"):
        import_module(f"negotiation_env.interop.{name}")
