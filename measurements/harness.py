"""What the scripts share: their options, where they ran, what they write, and processes of their own."""

import argparse
import json
import multiprocessing
import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rich.console import Console

from negotiation_env.statistics.table import Table, to_rich

__all__ = ["commit_of", "elsewhere", "grid", "json_lines", "machine", "options", "seconds", "tell"]


def options(
    about: str | None, arguments: Sequence[str] | None = None, *places: str, **numbers: int
) -> argparse.Namespace:
    """The command line: places on disk that have to be named, `--out FILE`, and whole numbers with their defaults."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in places:
        parser.add_argument(name, type=Path)
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    return parser.parse_args(arguments)


def machine() -> dict[str, Any]:
    """Where figures were taken, and how many processes ran there at the time (an average over a minute)."""
    cores = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return {"machine": cores, "load": round(os.getloadavg()[0], 1)}


def commit_of(checkout: Path) -> str:
    """The commit that a checkout is at."""
    told = subprocess.run(["git", "-C", checkout, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    return told.stdout.strip()


def json_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of one a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def seconds(work: Callable[[], Any]) -> float:
    """How long it takes, by the processor's clock."""
    start = time.process_time()
    work()
    return time.process_time() - start


def grid(columns: Mapping[str, Mapping[Any, Any]], title: str = "") -> Table:
    """A table out of what stands in each column by row."""
    names = dict.fromkeys(row for column in columns.values() for row in column)
    rows = tuple((str(name), *(column.get(name) for column in columns.values())) for name in names)
    return Table(title, ("", *columns), rows)


def tell(found: Any, out: Path | None, *tables: Table | str) -> None:
    """Print the tables and write the figures as JSON."""
    for table in tables:
        if isinstance(table, str):
            print(table)  # as wide as it is
        else:
            Console().print(to_rich(table))
    if out:
        out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def elsewhere(work: Callable[..., None], *arguments: Any) -> Iterator[Connection]:
    """Run `work(pipe, *arguments)` in a fresh process; gives the other end of its pipe. Killed at the end."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=work, args=(theirs, *arguments))
    process.start()
    theirs.close()  # so that a process that dies ends our waiting
    try:
        yield ours
    finally:
        process.kill()
        process.join()
