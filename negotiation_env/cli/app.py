"""The `negotiate` application; the modules beside this one add its commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from negotiation_env.console.terminal import say
from negotiation_env.errors import Interrupted
from negotiation_env.version import __version__

__all__ = ["PANELS", "app", "told_on_ctrl_c"]

PANELS: Final = {
    "Every day": ("play", "eval", "view", "train", "bench"),
    "Judges and guards": ("rejudge", "judge-check", "judge-compare", "guard"),
    "Data, ability, proof": ("generate", "ability", "verify", "plots"),
    "To begin with": ("init", "examples", "doctor", "models", "cache"),
}
"""The commands as `negotiate --help` has them, the daily ones first; one that stands nowhere comes last."""


@contextmanager
def told_on_ctrl_c(told: str) -> Iterator[None]:
    """Ctrl-C ends the block in one line, which says what is kept and how to go on.

    Raises:
        Interrupted: It came.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted(told) from error


class _Group(TyperGroup):
    """Typer would leave after Ctrl-C without a word."""

    def invoke(self, ctx: Any) -> Any:
        with told_on_ctrl_c("stopped"):
            return super().invoke(ctx)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Typer draws its panels with rich alone, which takes long to load."""
        told = {name for names in PANELS.values() for name in names}
        others = tuple(name for name in self.list_commands(ctx) if name not in told)
        width = formatter.width - 6 - max(map(len, self.commands))
        for title, names in (PANELS | ({"Others": others} if others else {})).items():
            with formatter.section(title):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(width)) for name in names])


app = typer.Typer(
    cls=_Group,
    help="Language models with opposing personas negotiate a dilemma; a judge scores their joint answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # to load rich takes as long as all else that --help needs
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"negotiation_env {__version__}")
        raise typer.Exit


@app.callback()
def _begin(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    pass  # the option's callback has done it
