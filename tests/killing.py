"""Commands that are killed while they write."""

import time


def kill_when(moment, process, *, patience, pause=0.02):
    """Kill -9 once it is the moment; the process has to live until then, `patience` seconds at most."""
    try:
        deadline = time.monotonic() + patience
        while not moment():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(pause)
    finally:
        process.kill()
        process.wait()


def holds_lines(path, lines):
    """Whether a file is there and has so many lines."""
    return path.is_file() and path.read_bytes().count(b"\n") >= lines
