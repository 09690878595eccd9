"""Commands that are killed or interrupted while they write."""

import signal
import time


def kill_when(moment, process, *, patience, pause=0.02):
    """Kill -9 once it is the moment; the process has to live until then, `patience` seconds at most."""
    try:
        await_moment(moment, process, patience, pause)
    finally:
        process.kill()
        process.wait()


def interrupt_when(moment, process, *, patience, pause=0.02):
    """Press Ctrl-C once it is the moment."""
    await_moment(moment, process, patience, pause)
    process.send_signal(signal.SIGINT)


def await_moment(moment, process, patience, pause):
    deadline = time.monotonic() + patience
    while not moment():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(pause)


def holds_lines(path, lines):
    """Whether a file is there and has so many lines."""
    return path.is_file() and path.read_bytes().count(b"\n") >= lines
