"""`negotiate judge-check` and `negotiate judge-compare`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from negotiation_env.cli.app import app, told_on_ctrl_c
from negotiation_env.cli.options import (
    JudgeSpec,
    NoCache,
    Record,
    Replay,
    open_traffic,
    print_table,
    require_apart,
    require_writable,
)
from negotiation_env.console.terminal import say_json
from negotiation_env.specs.kinds import JUDGES
from negotiation_env.text.secrets import without_secrets

__all__ = ["judge_check", "judge_compare"]

_BEGINNING = b'{\n "judge": '
"""Of what `--out` writes."""
_STOPPED = "stopped; nothing is written, for only all answers together give the figures"

LabelledFile = Annotated[
    Path | None, typer.Option("--set", help="A labelled set, JSON lines; default: the shipped judge_check.jsonl.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the JSON only.")]


@app.command("judge-check")
def judge_check(
    judge: JudgeSpec = "embedded",
    labelled: LabelledFile = None,
    as_json: AsJson = False,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="Also write the JSON to this file.")] = None,
    record: Record = None,
    replay: Replay = None,
    no_cache: NoCache = False,
) -> None:
    """Check a judge against labels and attacks.

    Accuracy on a labelled set, order of the personas, length, test-retest, prompt injections, cost and latency.
    """
    from negotiation_env.agents.needs import resolve_cast
    from negotiation_env.console.progress import progress
    from negotiation_env.files.places import refuse_other
    from negotiation_env.judges.check.check import check_judge, plan_check
    from negotiation_env.judges.check.labelled import read_labelled
    from negotiation_env.judges.check.tables import check_tables

    items = read_labelled(labelled)
    require_apart(out, record, replay)
    if out is not None:
        refuse_other(out, _BEGINNING)
        require_writable(out)
    _, (decider,) = resolve_cast([], [judge], open_traffic(record, replay), cache=not no_cache)
    with told_on_ctrl_c(_STOPPED), progress("questions", len(plan_check(items))) as advance:
        report = check_judge(decider, items, progress=advance)
    told = _with_provenance(report.to_json(), judge)
    if out is not None:
        out.write_text(told, encoding="utf-8")
    if as_json:
        say_json(told)
    else:
        for table in check_tables(report):
            print_table(table)


@app.command("judge-compare")
def judge_compare(
    first: Annotated[str, typer.Argument(help=f"One judge: {JUDGES.forms()}.")],
    second: Annotated[str, typer.Argument(help="The other judge.")],
    labelled: LabelledFile = None,
    as_json: AsJson = False,
    record: Record = None,
    replay: Replay = None,
    no_cache: NoCache = False,
) -> None:
    """Show how well two judges agree.

    Where one is ratings:FILE, of people, the set is by default the games that they rated.
    """
    from negotiation_env.agents.needs import resolve_cast
    from negotiation_env.console.progress import progress
    from negotiation_env.judges.check.compare import compare_judges
    from negotiation_env.judges.check.labelled import read_labelled
    from negotiation_env.judges.check.rated import rated_set
    from negotiation_env.judges.check.tables import comparison_tables

    items = (None if labelled else rated_set([first, second])) or read_labelled(labelled)
    _, judges = resolve_cast([], [first, second], open_traffic(record, replay), cache=not no_cache)
    with told_on_ctrl_c(_STOPPED), progress("questions", 2 * len(items.items)) as advance:
        comparison = compare_judges(judges[0], judges[1], items, progress=advance)
    if as_json:
        say_json(_with_provenance(comparison.to_json(), first, second))
    else:
        for table in comparison_tables(comparison):
            print_table(table)


def _with_provenance(report: str, *judges: str) -> str:
    """A report in JSON, and under `made_with` what it was made with."""
    from negotiation_env.agents.contents import sha256_of
    from negotiation_env.episodes.provenance import fetched, made_with

    made = asdict(made_with(fetched() | sha256_of([], judges)))
    return without_secrets(json.dumps({**json.loads(report), "made_with": made}, indent=1, ensure_ascii=False)) + "\n"
