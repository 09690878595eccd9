"""`negotiate` in this process, which has loaded already what a process of its own would load each time."""

import os
import sys
from io import BytesIO, TextIOWrapper
from typing import NamedTuple

import pytest

from negotiation_env.cli import main


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


class Terminal(TextIOWrapper):
    def isatty(self):
        return True


def negotiate(*arguments, stdin="", encoding="utf-8", stream=TextIOWrapper):
    """What `negotiate ARGUMENTS` returns and prints, on streams of that kind and encoding."""
    streams = {name: stream(BytesIO(), encoding=encoding) for name in ("stdin", "stdout", "stderr")}
    streams["stdin"].write(stdin)
    streams["stdin"].seek(0)
    with pytest.MonkeyPatch.context() as patch:
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
        patch.setattr(sys, "argv", ["negotiate", *map(str, arguments)])
        patch.setattr(os, "_exit", sys.exit)  # for a command that leaves threads behind
        with pytest.raises(SystemExit) as left:
            main()
    return Done(left.value.code, *(written(streams[name], encoding) for name in ("stdout", "stderr")))


def written(stream, encoding):
    stream.flush()
    return stream.buffer.getvalue().decode(encoding, "replace")
