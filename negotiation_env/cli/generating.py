"""`negotiate generate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from negotiation_env.cli.app import app
from negotiation_env.cli.options import Record, Replay, open_traffic, print_table

if TYPE_CHECKING:
    from negotiation_env.interfaces import ChatModel
    from negotiation_env.synthesis.settings import Settings
    from negotiation_env.synthesis.sources import Sources
    from negotiation_env.traffic import Traffic

__all__ = ["generate_command"]

_MODEL_HELP = "Who writes: embedded, hf:ID_OR_DIR[+ADAPTER_DIR], vllm:…, openai:MODEL[@BASE_URL], ENDPOINT.toml."
_SHIPPED_HELP = "Keep away from the shipped texts, the held-out ones too."
_MINILM_HELP = "Compare meanings, by MiniLM; default: where torch is installed."
_DRY_RUN_HELP = "Say what the run takes at most; load and write nothing."


@app.command("generate")
def generate_command(
    kind: Annotated[Literal["dilemmas", "personas", "open"], typer.Argument(help="What to write.")],
    model: Annotated[str, typer.Option("--model", help=_MODEL_HELP)],
    out: Annotated[Path, typer.Option("--out", help="The folder to write to.")],
    n: Annotated[int, typer.Option("--n", min=1, help="Texts to ask for.")] = 100,
    judge: Annotated[str, typer.Option("--judge", help="Who grades them, as --model; none: nobody.")] = "",
    seed: Annotated[int, typer.Option("--seed", help="Seeds plan, texts and split.")] = 0,
    prefix: Annotated[str, typer.Option("--prefix", help="Begins the ids.")] = "gen",
    domains: Annotated[Path | None, typer.Option("--domains", help="TOML: a list of domains a category.")] = None,
    personas: Annotated[Path | None, typer.Option("--personas", help="Persona pairs; default: shipped.")] = None,
    attempts: Annotated[int, typer.Option("--attempts", min=1, help="Most tries at a text.")] = 3,
    temperature: Annotated[float, typer.Option("--temperature", min=0, help="Of the author.")] = 1.0,
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1, help="Longest reply of the author.")] = 800,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Requests at a time.")] = 16,
    min_level: Annotated[int, typer.Option("--min-level", min=0, max=5, help="The judge's lowest level.")] = 3,
    max_jaccard: Annotated[float, typer.Option("--max-jaccard", help="Common word 3-grams, from here: too near.")] = 0.2,
    max_cosine: Annotated[float, typer.Option("--max-cosine", help="Cosine, from here on: too near.")] = 0.75,
    held_out: Annotated[float, typer.Option("--held-out", min=0, max=1, help="Share of domains to hold out.")] = 0.1,
    shipped: Annotated[bool, typer.Option("--shipped/--no-shipped", help=_SHIPPED_HELP)] = True,
    minilm: Annotated[bool | None, typer.Option("--minilm/--no-minilm", help=_MINILM_HELP)] = None,
    cost_limit: Annotated[float | None, typer.Option("--cost-limit", min=0, help="Stop at so many dollars.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the folder's run.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_DRY_RUN_HELP)] = False,
    record: Record = None,
    replay: Replay = None,
) -> None:
    """Write dilemmas, persona pairs or open questions with a language model; see the folder's README.md.

    Texts that cannot be read, are near another or that the judge finds poor are asked for again. Without --judge the
    author grades its own texts.
    """
    from negotiation_env.synthesis.neighbours import NearLimits
    from negotiation_env.synthesis.settings import Settings
    from negotiation_env.synthesis.sources import load_sources

    near = NearLimits(max_jaccard, max_cosine)
    settings = Settings(
        kind, n, seed, prefix, attempts, temperature, max_tokens, batch, min_level, near, held_out
    )
    sources = load_sources(kind, domains, personas, shipped=shipped)
    if dry_run:
        _dry_run(settings, sources, {"author": model, "judge": judge or model})
        return
    ...
