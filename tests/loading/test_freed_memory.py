"""What a model frees and needs again does not go to the system and back."""

import platform
import subprocess
import sys

import pytest

TOUCHED = """
import resource
from negotiation_env.loading.freed_memory import keep_freed_memory

def touch():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(3):
        bytes([1]) * 100_000_000  # made, written and freed
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(touch(), keep_freed_memory(), touch(), touch())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked to")
def test_memory_that_was_freed_is_used_again():
    told = subprocess.run([sys.executable, "-c", TOUCHED], capture_output=True, text=True, check=True).stdout.split()
    before, asked, _, after = told
    assert asked == "True"
    assert int(after) < int(before) / 100


def test_without_glibc_nothing_is_asked_for(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    from negotiation_env.loading.freed_memory import keep_freed_memory

    assert not keep_freed_memory()
