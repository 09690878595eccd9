"""`negotiate models`."""

from negotiation_env.cli.app import app
from negotiation_env.cli.options import print_table

__all__ = ["models"]


@app.command()
def models() -> None:
    """Show the models that are fetched at first use.

    Their sources, sizes, SHA-256 sums and licences, and which are here.
    """
    from negotiation_env.console.terminal import say
    from negotiation_env.loading.fetch import cache_dir
    from negotiation_env.loading.models import MODELS
    from negotiation_env.statistics.table import Table

    rows = tuple(
        (each.name, each.used_for, each.licence, f"{each.size / 1e6:,.0f}", "yes" if each.is_here else "", sources)
        for each in MODELS
        for sources in ["; ".join(each.source.told)]
    )
    print_table(Table("negotiate models", ("model", "for", "licence", "MB", "here", "sources, in turn"), rows))
    for each in MODELS:
        say(f"{each.source.sha256}  {each.name}")
    say(f"kept in {cache_dir()}; NEGOTIATION_ENV_CACHE names another folder")
