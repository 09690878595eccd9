"""Commands that are killed while they write."""

import time


def kill_at(process, path, lines, *, patience):
    """Kill -9 once a file has so many lines; the process has to live until then, `patience` seconds at most."""
    try:
        deadline = time.monotonic() + patience
        while not (path.is_file() and path.read_bytes().count(b"\n") >= lines):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
