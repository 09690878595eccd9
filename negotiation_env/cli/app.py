"""The `negotiate` application; the modules beside this one add its commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from negotiation_env.errors import Interrupted

__all__ = ["app", "told_on_ctrl_c"]


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


app = typer.Typer(
    cls=_Group,
    help="Language models with opposing personas negotiate a dilemma; a judge scores their joint answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # to load rich takes as long as all else that --help needs
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
