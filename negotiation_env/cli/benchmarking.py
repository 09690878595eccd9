"""`negotiate bench`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from negotiation_env.address import without_secrets
from negotiation_env.cli.app import app
from negotiation_env.cli.options import NoCache, Record, Replay, going_on, open_traffic, print_table, require_apart
from negotiation_env.specs import names
from negotiation_env.terminal import say, say_json

if TYPE_CHECKING:
    from negotiation_env.benchmark.config import BenchmarkConfig
    from negotiation_env.benchmark.cost import Model
    from negotiation_env.benchmark.run import Cast
    from negotiation_env.interfaces import Agent
    from negotiation_env.table import Table
    from negotiation_env.traffic import Traffic

__all__ = ["bench"]


@app.command()
def bench(
    config: Annotated[Path | None, typer.Argument(help="A TOML file, such as examples/bench_embedded.toml.")] = None,
    negotiators: Annotated[
        list[str] | None, typer.Option("--negotiators", help="Agent specs instead of the file's: --negotiators A B.")
    ] = None,
    judge: Annotated[str | None, typer.Option("--judge", help="Overrides the file's judge.")] = None,
    out: Annotated[Path, typer.Option(help="The run's folder.")] = Path("runs/bench"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on with that folder's run.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show how many calls it takes, and what they cost; play nothing.")
    ] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Games at a time, each for itself.")] = None,
    cost_limit: Annotated[
        float | None, typer.Option(min=0, help="Stop above so many dollars; endpoints need prices then.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the tables as JSON only.")] = False,
    record: Record = None,
    replay: Replay = None,
    no_cache: NoCache = False,
) -> None:
    """Compare negotiators, with intervals and tests.

    In every seat against a fixed panel, with themselves, and alone over open questions. All meet the same
    scenarios, opponents, seats and seeds. A run that was killed goes on with --resume and ends with the tables of
    an unbroken one; `negotiate view` shows them with every transcript.
    """
    from negotiation_env.benchmark.config import read_benchmark

    given = {"judge": judge, "workers": workers, "cost_limit": cost_limit}
    changes = {name: value for name, value in given.items() if value is not None}
    settings = read_benchmark(config, negotiators or [], changes)
    if dry_run:
        tables = _dry_run(settings)
    else:
        require_apart(out, record, replay)
        tables = _run(settings, open_traffic(record, replay, resume=resume), out, resume, no_cache)
    if as_json:
        from negotiation_env.table import tables_to_json

        say_json(tables_to_json(tables))
        return
    _print(tables)
    if not dry_run:
        say(f"written to {out}; to read the games: negotiate view {out}")


def _dry_run(config: "BenchmarkConfig") -> "list[Table]":
    from negotiation_env.benchmark.cost import cost_table
    from negotiation_env.benchmark.plan import plan

    specs = (*config.negotiators.values(), *config.panel.values(), *_judges(config))
    return [cost_table(config, plan(config), {spec: _models(spec) for spec in specs})]


def _run(config: "BenchmarkConfig", traffic: "Traffic", out: Path, resume: bool, no_cache: bool) -> "list[Table]":
    from negotiation_env.benchmark.run import run_benchmark
    from negotiation_env.run_folder import SETTINGS, claim

    with claim(out), going_on(out / SETTINGS):  # before models are loaded
        return run_benchmark(config, _cast(config, traffic, cache=not no_cache), out, resume=resume)


def _cast(config: "BenchmarkConfig", traffic: "Traffic", *, cache: bool) -> "Cast":
    from agents.chat import with_sampling
    from agents.contents import contents_of
    from agents.specs import resolve_agent
    from negotiation_env.benchmark.config import Decoding
    from negotiation_env.benchmark.run import Cast
    from negotiation_env.judges import resolve_judge
    from negotiation_env.judges.pairwise import as_pairwise

    def drawn(agent: "Agent", decoding: Decoding | None) -> "Agent":
        return with_sampling(
            agent,
            greedy=decoding is Decoding.GREEDY,
            max_turn_tokens=config.max_turn_tokens,
            max_completion_tokens=config.max_completion_tokens,
        )

    players = {name: resolve_agent(spec, traffic) for name, spec in config.negotiators.items()}
    judges = {spec: resolve_judge(spec, traffic, cache=cache) for spec in _judges(config)}
    return Cast(
        {(name, way): drawn(player, way) for name, player in players.items() for way in config.decodings(name)},
        {name: drawn(resolve_agent(spec, traffic), None) for name, spec in config.panel.items()},
        judges[config.judge],
        {name: as_pairwise(judges[each.judge]) for name, each in config.objectives.items()},
        contents_of((*config.negotiators.values(), *config.panel.values()), judges),
    )


def _judges(config: "BenchmarkConfig") -> list[str]:
    """The specs of all judges, each once."""
    return list(dict.fromkeys((config.judge, *(each.judge for each in config.objectives.values()))))


def _models(spec: str) -> "list[Model]":
    """What is behind a spec; a judge's file has its prices under [endpoint]."""
    from negotiation_env.benchmark.cost import Model
    from negotiation_env.endpoint import read_endpoint
    from negotiation_env.judges.llm_file import read_llm_judge
    from negotiation_env.settings_file import read_toml

    kind, _, rest = spec.partition(":")
    if kind == "panel":
        return [model for member in names(rest.partition(":")[2]) if member for model in _models(member)]
    if not spec.endswith(".toml"):
        return [Model(without_secrets(spec))]
    path = Path(spec)
    if "endpoint" not in read_toml(path, "file"):
        return [Model(spec, read_endpoint(path))]
    judge = read_llm_judge(path)
    return [Model(spec, judge.endpoint, judge.judge.samples)]


def _print(tables: "list[Table]") -> None:
    from negotiation_env.table import to_rich

    for table in tables:
        print_table(to_rich(table))
