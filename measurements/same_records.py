"""Whether another checkout of this project plays the same games: records byte for byte, resumed runs, cached replies.

    git worktree add ../before COMMIT
    python -m measurements.same_records ../before [--out measurements/results/same_records.json]

Both checkouts play the same runs by `negotiate eval`, each in a process of its own, with the Python that runs this.
Held against each other are the lines of `episodes.jsonl`, which hold scenarios, seeds, turns, judge ids and verdicts;
of older checkouts without the probability of agreement that the smoke-test judge once noted and nobody used, and of
both without the id of the prompts, which once had another form, and the version of the turn grammar in the smoke-test
judge's id, which once had none. Both play with the prompt set `handshake`, the only one of older checkouts.
Then a run that the other checkout broke off is resumed by this one, and one with an LLM judge (the tests' own server)
is played again out of the other's reply cache, where no call may be made; with another judge neither can be. Models are
fetched at first use. Minutes.
"""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from measurements.harness import commit_of, grid, machine, options, tell
from tests.helpers.endpoint_server import EndpointServer
from tests.helpers.llm_replies import judge_reply

HERE = Path(__file__).parents[1]
RUNS = {
    "two scripted parties": "scripted:compromising scripted:stubborn --n 40 --seed 3",
    "three scripted parties": "scripted:compromising --split eval_multi --n 20 --seed 3",
    "attacks": "scripted:pushy scripted:liar --split train --n 60 --seed 5",
    "injections": "scripted:injecting scripted:accommodating --split train --n 40 --seed 5 --history-turns 2",
    "the embedded model": "embedded --n 4 --seed 1",
    "a single agent": "embedded --n 4 --seed 1 --max-turns 0",
}
"""Arguments of `negotiate eval`; the judge is the embedded one."""
Lines = list[bytes]
_NOTED = re.compile(rb'(?<=\]),"probability":[\d.e-]+(?=\},"calls")|(?<=,)"prompts":"[^"]*",|handshake v2, ')
_SETS = Path("negotiation_env", "game", "prompt_sets")
"""Where a checkout that has more than one set keeps them."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare, print and write the JSON; exit with 1 where anything differs."""
    chosen = options(__doc__, arguments, "other")
    with TemporaryDirectory() as folder:
        found = compare(chosen.other.resolve(), Path(folder))
    tell(machine() | found, chosen.out, grid({"the same": found["same"]}))
    if not all(found["same"].values()):
        raise SystemExit(1)


def compare(other: Path, folder: Path) -> dict[str, Any]:
    """What is the same, by name, and the commit that it was held against."""
    same: dict[str, bool] = {}
    games = 0
    for number, (name, run) in enumerate(RUNS.items()):
        before, after = (played(root, run.split(), folder / f"{number}-{root.name}") for root in (other, HERE))
        same[name] = before == after
        games += len(after)
    same["a run resumed"] = resumed(other, folder / "resumed")
    same["an LLM judge's cached replies"] = cached(other, folder)
    return {"against": commit_of(other), "games": games, "same": same}


def played(root: Path, arguments: Sequence[str], out: Path, **variables: str) -> Lines:
    """The lines that a checkout's own code writes."""
    command = [sys.executable, "-m", "negotiation_env", "eval", "--agents", *arguments, "--out", str(out)]
    command += ["--prompts", "handshake"] if (root / _SETS).is_dir() else []
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"} | variables
    subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)
    return _NOTED.sub(b"", (out / "episodes.jsonl").read_bytes()).splitlines()


def resumed(other: Path, out: Path) -> bool:
    """The other checkout's run, cut within its seventh line, ends here as it had ended there."""
    run = next(iter(RUNS.values())).split()
    whole = played(other, run, out)
    lines = (out / "episodes.jsonl").read_bytes().splitlines(keepends=True)
    (out / "episodes.jsonl").write_bytes(b"".join(lines[:6]) + lines[6][:100])
    (out / "summary.json").unlink()
    try:
        return sorted(played(HERE, [*run, "--resume"], out)) == sorted(whole)
    except subprocess.CalledProcessError:  # refused
        return False


def cached(other: Path, folder: Path) -> bool:
    """Whether the other's replies answer all that this one asks: neither prompts nor keys have changed."""
    with EndpointServer(judge_reply) as server:
        run = f"scripted:compromising scripted:stubborn --n 5 --judge openai:m@{server.url}".split()
        cache = {"NEGOTIATION_ENV_CACHE": str(folder / "cache"), "OPENAI_API_KEY": "EMPTY"}
        played(other, run, folder / "asked", **cache)
        calls = len(server.bodies)
        played(HERE, run, folder / "cached", **cache)
        return 0 < calls == len(server.bodies)


if __name__ == "__main__":
    main()
