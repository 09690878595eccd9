"""`negotiate models`."""

from negotiation_env.cli.app import app
from negotiation_env.cli.options import print_table

__all__ = ["models"]


@app.command()
def models() -> None:
    """Show the models that are fetched, and the shipped adapters.

    Models are fetched at first use: their sizes and licences, which are here, their sources and SHA-256 sums.
    """
    from negotiation_env.agents.models.embedded import ADAPTERS, embedded_adapter
    from negotiation_env.console.terminal import say
    from negotiation_env.loading.fetch import cache_dir
    from negotiation_env.loading.models import MODELS, SMOLLM2
    from negotiation_env.statistics.table import Table

    rows = [
        (each.name, each.used_for, each.licence, f"{each.size / 1e6:,.0f}", "yes" if each.is_here else "")
        for each in MODELS
    ]
    print_table(Table("negotiate models", ("model", "for", "licence", "MB", "here"), tuple(rows)))
    for each in MODELS:
        sources = [f"from {told}" for told in each.source.told]
        say("\n  ".join([each.name, f"SHA-256 {each.source.sha256}", *sources]))
    say(f"kept in {cache_dir()}\n(NEGOTIATION_ENV_CACHE names another folder)")
    for name in ADAPTERS:
        say(f"the adapter of {name!r} comes with the package, for {SMOLLM2.name}:\n  {embedded_adapter(name)}")
