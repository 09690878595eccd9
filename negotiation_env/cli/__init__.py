"""The command line, `negotiate`."""

import sys

import typer

from negotiation_env.address import without_secrets
from negotiation_env.cli import (  # noqa: F401 (they add their commands)
    ability,
    benchmarking,
    caching,
    doctor,
    games,
    generating,
    judging,
    rejudging,
    training,
    viewing,
)
from negotiation_env.cli.app import app
from negotiation_env.errors import NegotiationError

__all__ = ["app", "main"]

_LISTS = ("--agents", "--models", "--negotiators")


def main() -> None:
    """Run the command line; what the user can mend ends in one line and exit code 2."""
    try:
        app(_one_value_each(sys.argv[1:]), prog_name="negotiate")
    except NegotiationError as error:
        typer.echo(f"negotiate: {without_secrets(str(error))}", err=True)
        sys.exit(2)


def _one_value_each(arguments: list[str]) -> list[str]:
    """Write `--agents A B` as `--agents A --agents B`, the form that the option parser takes."""
    plain: list[str] = []
    listing = ""
    for argument in arguments:
        if argument.startswith("-"):
            listing = argument if argument in _LISTS else ""
        elif listing and plain[-1] != listing:
            plain.append(listing)
        plain.append(argument)
    return plain
