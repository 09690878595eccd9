"""`negotiate cache`."""

from typing import Annotated

import typer

from negotiation_env.cli.app import app
from negotiation_env.console.terminal import say

__all__ = ["cache"]


@app.command()
def cache(clear: Annotated[bool, typer.Option("--clear", help="Drop all of them.")] = False) -> None:
    """Show or drop the kept replies of LLM judges.

    A kept reply is not paid for again. The oldest ones make room where there are too many.
    """
    from negotiation_env.judges.cache import LIMIT, users_cache

    kept = users_cache()
    if not kept.path.exists():
        say(f"{kept.path}: no replies of judges yet")
        return
    if clear:
        kept.clear()
        say(f"{kept.path}: emptied")
        return
    replies, size = kept.measure()
    say(f"{kept.path}: {replies:,} replies of judges, {size / 1e6:,.1f} of at most {LIMIT / 1e6:,.0f} MB")
