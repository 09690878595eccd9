"""`negotiate init`."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

import typer

from negotiation_env.cli.app import app
from negotiation_env.cli.examples import shipped_examples
from negotiation_env.cli.options import one_of
from negotiation_env.console.terminal import say
from negotiation_env.errors import UserError
from negotiation_env.game.prompts import SHIPPED as PROMPTS
from negotiation_env.guards import SHIPPED as GUARDS
from negotiation_env.text.nearest import did_you_mean

__all__ = ["init"]


@dataclass(frozen=True, slots=True)
class _Start:
    """What a file begins as.

    Attributes:
        names: The shipped files, without ".toml"; the first is the default.
        package: Where they stand; "" is the examples.
        command: What to try with the file.
    """

    names: tuple[str, ...]
    command: str
    package: str = ""

    def text(self, name: str) -> str:
        place = files(self.package) if self.package else shipped_examples()
        folder = place.joinpath("prompt_sets") if self.names == PROMPTS else place
        return folder.joinpath(f"{name}.toml").read_text(encoding="utf-8")


_STARTS: Final = {
    "selfplay": _Start(("selfplay_embedded",), "negotiate train {} --dry-run"),
    "bench": _Start(("bench_first",), "negotiate bench {} --dry-run"),
    "judge": _Start(("judge",), "negotiate doctor --judge {}"),
    "prompts": _Start(PROMPTS, "negotiate play --prompts {} --judge openai:MODEL", "negotiation_env.game"),
    "guards": _Start(GUARDS, "negotiate play --guards {}", "negotiation_env.guards"),
}
_LIKE_HELP: Final = f"Which shipped one to begin with: of prompts {', '.join(PROMPTS)}; of guards {', '.join(GUARDS)}."


@app.command("init")
def init(
    kind: Annotated[
        str, typer.Argument(help=f"What to write: {', '.join(_STARTS)}.", parser=one_of("kind of file", [*_STARTS]))
    ],
    file: Annotated[Path | None, typer.Argument(dir_okay=False, help="Where; default: KIND.toml here.")] = None,
    like: Annotated[str | None, typer.Option("--like", help=_LIKE_HELP)] = None,
) -> None:
    """Write a commented TOML file to begin with.

    A config of a training or a benchmark, a judge, what the parties are told, or what has to hold. It works as it is,
    and says what it can be given; `negotiate examples` has more.
    """
    start, path = _STARTS[kind], file or Path(f"{kind}.toml")
    name = start.names[0] if like is None else like
    if name not in start.names:
        expected = f"expected one of {', '.join(start.names)}"
        raise UserError(f"--like: no {kind} {name!r}{did_you_mean(name, start.names)}; {expected}")
    if path.exists():
        raise UserError(f"{path} is there already, and is not overwritten: move it, or name another file")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(start.text(name), encoding="utf-8")
    say(f"written to {path}; try:\n  {start.command.format(path)}")
