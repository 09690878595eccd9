"""`negotiate generate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from negotiation_env.cli.app import app
from negotiation_env.cli.options import Record, Replay, going_on, one_of, open_traffic, print_table, require_apart
from negotiation_env.console.terminal import say
from negotiation_env.errors import MissingExtra
from negotiation_env.specs import FILE, parse
from negotiation_env.specs.kinds import MODELS
from negotiation_env.text.secrets import without_secrets

if TYPE_CHECKING:
    from negotiation_env.endpoints.recording import Traffic
    from negotiation_env.endpoints.usage import Usage
    from negotiation_env.interfaces import ChatModel
    from negotiation_env.synthesis.card import Dataset
    from negotiation_env.synthesis.settings import Settings
    from negotiation_env.synthesis.sources import Sources

__all__ = ["generate_command"]

_Kind = Literal["dilemmas", "personas", "open"]
_KINDS = get_args(_Kind)
_MODEL_HELP = f"Who writes: {MODELS.forms()}."
_SHIPPED_HELP = "Keep away from the shipped texts, the held-out ones too."
_MINILM_HELP = "Compare meanings, by MiniLM; default: where torch is installed."
_DRY_RUN_HELP = "Say what the run takes at most; load and write nothing."


@app.command("generate")
def generate_command(
    kind: Annotated[
        _Kind,
        typer.Argument(help=f"What to write: {', '.join(_KINDS)}.", parser=one_of("kind of texts", _KINDS)),
    ],
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
    max_cosine: Annotated[float, typer.Option("--max-cosine", help="Cosine, from here on: too near.")] = 0.75,
    held_out: Annotated[float, typer.Option("--held-out", min=0, max=1, help="Share of domains to hold out.")] = 0.1,
    shipped: Annotated[bool, typer.Option("--shipped/--no-shipped", help=_SHIPPED_HELP)] = True,
    minilm: Annotated[bool | None, typer.Option("--minilm/--no-minilm", help=_MINILM_HELP)] = None,
    cost_limit: Annotated[
        float | None,
        typer.Option("--cost-limit", min=0, help="Stop above so many dollars; endpoints need prices then."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the folder's run.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_DRY_RUN_HELP)] = False,
    record: Record = None,
    replay: Replay = None,
) -> None:
    """Write scenarios of your own with a language model.

    Dilemmas, persona pairs or open questions; the folder's README.md is their data card. Texts that cannot be read,
    are near another or that the judge finds poor are asked for again. Without --judge the author grades its own
    texts.
    """
    from negotiation_env.agents.contents import contents_of, sha256_of
    from negotiation_env.agents.needs import require
    from negotiation_env.console.progress import progress
    from negotiation_env.episodes.run_folder import SETTINGS, claim, require_startable
    from negotiation_env.synthesis.generate import generate
    from negotiation_env.synthesis.neighbours import NearLimits, find_encoder
    from negotiation_env.synthesis.settings import Settings
    from negotiation_env.synthesis.sources import load_sources

    near = NearLimits(cosine=max_cosine)
    settings = Settings(kind, n, seed, prefix, attempts, temperature, max_tokens, batch, min_level, near, held_out)
    sources = load_sources(kind, domains, personas, shipped=shipped)
    if dry_run:
        _dry_run(settings, sources, {"author": model, "judge": judge or model})
        return
    require_apart(out, record, replay)
    traffic = open_traffic(record, replay, resume=resume)
    models = [model] if judge in ("", "none") else [model, judge]
    require(models, traffic=traffic)
    with claim(out), going_on(out / SETTINGS):
        require_startable(out, resume=resume)  # before models are loaded
        encode = find_encoder() if minilm is not False else None
        if minilm and not encode:
            raise MissingExtra("--minilm", "local")
        author = _model(model, traffic)
        grader = None if judge == "none" else _model(judge or model, traffic)
        with progress("texts", n) as advance:
            dataset = generate(
                settings,
                author,
                grader,
                out,
                sources,
                encode=encode,
                resume=resume,
                contents=contents_of(models),
                sha256=sha256_of(models),
                cost_limit=cost_limit,
                progress=advance,
            )
    _show(dataset, out)


def _model(spec: str, traffic: "Traffic") -> "ChatModel":
    from negotiation_env.agents.specs import resolve_model

    return traffic.model(without_secrets(spec), lambda: resolve_model(spec))


def _dry_run(settings: "Settings", sources: "Sources", specs: dict[str, str]) -> None:
    from negotiation_env.statistics.table import Table
    from negotiation_env.synthesis.settings import at_most

    limits = at_most(settings, sources, judged=specs["judge"] != "none")
    rows = tuple(
        (role, each.calls, each.prompt_tokens, each.completion_tokens, _price(specs[role], each))
        for role, each in limits.items()
    )
    note = "at most, where every attempt fails; a token to read is counted as 4 characters"
    columns = ("who", "calls", "tokens read", "tokens written", "cost")
    print_table(Table(f"{settings.n} slots", columns, rows, note))


def _price(spec: str, usage: "Usage") -> str | None:
    from negotiation_env.endpoints.endpoint import read_endpoint

    if parse(spec).kind != FILE:
        return None
    cost = read_endpoint(Path(spec)).cost(usage.prompt_tokens, usage.completion_tokens)
    return None if cost is None else f"${cost:.2f}"


def _show(dataset: "Dataset", out: Path) -> None:
    from negotiation_env.synthesis.candidates import usages_of
    from negotiation_env.synthesis.card import tables

    for table in tables(dataset):
        print_table(table)
    if not dataset.complete:
        spent = sum(each.cost or 0.0 for each in usages_of(dataset.candidates).values())
        say(f"stopped at the cost limit, ${spent:.2f} spent; go on with --resume and a higher --cost-limit")
    say(f"{len(dataset.split.train)} texts, and {len(dataset.split.held_out)} held out, written to {out}")
