"""`negotiate bench`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from negotiation_env.cli.app import app
from negotiation_env.cli.options import (
    NoCache,
    PromptsOption,
    Record,
    Replay,
    going_on,
    open_traffic,
    print_table,
    require_apart,
)
from negotiation_env.console.terminal import say, say_json
from negotiation_env.specs import FILE, parse, single_specs
from negotiation_env.specs.kinds import AGENTS, JUDGES
from negotiation_env.text.secrets import without_secrets

if TYPE_CHECKING:
    from negotiation_env.benchmark.config import BenchmarkConfig
    from negotiation_env.benchmark.cost import Model
    from negotiation_env.statistics.table import Table

__all__ = ["bench"]

_JUDGE_HELP = f"Instead of the file's judge: {JUDGES.forms()}."
_NEGOTIATORS_HELP = f"Who is compared, instead of the file's: --negotiators A B. {AGENTS.forms()}."


@app.command()
def bench(
    config: Annotated[Path | None, typer.Argument(help="A TOML file; `negotiate init bench` writes one.")] = None,
    negotiators: Annotated[list[str] | None, typer.Option("--negotiators", help=_NEGOTIATORS_HELP)] = None,
    judge: Annotated[str | None, typer.Option("--judge", help=_JUDGE_HELP)] = None,
    n: Annotated[int | None, typer.Option("--n", min=1, help="At most so many scenarios of each kind.")] = None,
    prompts: PromptsOption = None,
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
    from negotiation_env.benchmark.bench import run_by_name
    from negotiation_env.benchmark.config import read_benchmark
    from negotiation_env.episodes.run_folder import SETTINGS

    given = {"judge": judge, "prompts": prompts, "workers": workers, "cost_limit": cost_limit}
    changes = {name: value for name, value in given.items() if value is not None}
    settings = read_benchmark(config, negotiators or [], changes)
    if n is not None:
        settings = replace(
            settings, **{kind: min(n, getattr(settings, kind)) for kind in ("conflict", "multi", "open")}
        )
    if dry_run:
        tables = _dry_run(settings)
    else:
        require_apart(out, record, replay)
        traffic = open_traffic(record, replay, resume=resume)
        with going_on(out / SETTINGS):
            tables = run_by_name(settings, out, resume=resume, traffic=traffic, cache=not no_cache)
    if as_json:
        from negotiation_env.statistics.table import tables_to_json

        say_json(tables_to_json(tables))
        return
    if dry_run:
        print_table(tables[0])
    else:
        _headline(tables, out)


def _headline(tables: "list[Table]", out: Path) -> None:
    """Who is best, by the table that says it, and where the others are."""
    from negotiation_env.benchmark.headline import standing

    found = standing(tables)
    if found:
        say(found.told)
    for table in [found.table] if found else tables:
        print_table(table)
    say(f"all {len(tables)} tables: {out / 'tables.json'}; with every transcript:\n  negotiate view {out}")


def _dry_run(config: "BenchmarkConfig") -> "list[Table]":
    from negotiation_env.agents.needs import lacking
    from negotiation_env.benchmark.bench import judge_specs
    from negotiation_env.benchmark.cost import cost_table
    from negotiation_env.benchmark.plan import plan
    from negotiation_env.statistics.table import Table

    players, judges = (*config.negotiators.values(), *config.panel.values()), judge_specs(config)
    lacks = lacking(players, judges)
    cost = cost_table(config, plan(config), {spec: _models(spec) for spec in (*players, *judges)})
    return [cost, *([Table("lacking on this machine", ("",), tuple((each,) for each in lacks))] if lacks else [])]


def _models(spec: str) -> "list[Model]":
    """What is behind a spec; a judge's file has its prices under [endpoint], an agent's file names the model."""
    from negotiation_env.agents.agent_file import read_agent_file
    from negotiation_env.benchmark.cost import Model
    from negotiation_env.endpoints.endpoint import read_endpoint
    from negotiation_env.files.settings_file import read_toml
    from negotiation_env.judges.llm_file import read_llm_judge

    if (members := single_specs(spec)) != [spec]:
        return [model for member in members for model in _models(member)]
    if settings := read_agent_file(spec):
        return _models(settings.agent)
    if parse(spec).kind != FILE:
        return [Model(without_secrets(spec))]
    path = Path(spec)
    if "endpoint" not in read_toml(path, "file"):
        return [Model(spec, read_endpoint(path))]
    judge = read_llm_judge(path)
    return [Model(spec, judge.endpoint, judge.judge.samples)]
