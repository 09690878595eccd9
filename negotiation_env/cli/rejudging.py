"""`negotiate rejudge`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from negotiation_env.cli.app import app, told_on_ctrl_c
from negotiation_env.cli.options import JudgeSpec, NoCache, Record, Replay, UnscoredShare, open_traffic, print_table
from negotiation_env.terminal import say, say_json

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from negotiation_env.estimates import Estimate
    from negotiation_env.rejudge import RejudgeReport

__all__ = ["rejudge_command"]

_FLIPS_SHOWN = 20


@app.command("rejudge")
def rejudge_command(
    run: Annotated[Path, typer.Argument(help="A run's folder, with its episodes.jsonl.")],
    judge: JudgeSpec = "embedded",
    unscored_limit: UnscoredShare = 0.2,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON only.")] = False,
    record: Record = None,
    replay: Replay = None,
    no_cache: NoCache = False,
) -> None:
    """Judge a run's negotiations with another judge.

    They stay as they were played. Its verdicts and the comparison go to the folder's rejudged/; a command that was
    killed goes on where it was.
    """
    from agents.contents import contents_of
    from negotiation_env.episode import latest_episodes
    from negotiation_env.judges import resolve_judge
    from negotiation_env.progress import progress
    from negotiation_env.rejudge import FOLDER, rejudge
    from negotiation_env.run_folder import EPISODES, claim, keep_apart

    told = (
        f"stopped; what the judge has said is kept in {run / FOLDER}, but for the last few negotiations; go on with "
        "the same command"
    )
    for path in filter(None, (record, replay)):
        keep_apart(run, path)
    with claim(run), told_on_ctrl_c(told):
        count = len(latest_episodes(run / EPISODES))
        decider = resolve_judge(judge, open_traffic(record, replay, resume=True), cache=not no_cache)
        contents = " ".join(contents_of([], [judge]).values())
        with progress("negotiations", count) as advance:
            report = rejudge(run, decider, contents=contents, unscored_limit=unscored_limit, progress=advance)
    if as_json:
        say_json(report.to_json())
        return
    print_table(_table(report))
    if report.flips:
        print_table(_flips(report))
    say(f"written to {run / FOLDER}")


def _table(report: "RejudgeReport") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"{report.episodes} negotiations before two judges, as they were played", title_justify="left")
    table.caption = "in brackets: 95 % interval (Wilson for shares, bootstrap for means)"
    table.add_column("")
    table.add_column(Text(f"old: {report.old_judge}"), overflow="fold")
    table.add_column(Text(f"new: {report.new_judge}"), overflow="fold")
    label = f"Collective Agency, 0–5, of the {report.shift.n} that both scored"
    table.add_row(label, str(report.old_score), str(report.new_score))
    table.add_row("new minus old", "", str(report.shift))
    table.add_row("rank correlation (Spearman)", "", "–" if report.spearman is None else f"{report.spearman:.2f}")
    table.add_row("first agreement at another turn", "", _count(report.flipped))
    table.add_row("of them agreed for one judge only", "", _count(report.reversed))
    table.add_row("unscored", str(report.unscored_before), str(report.unscored_after))
    if report.usage.tokens:
        table.add_row("judge tokens, in + out", "", str(report.usage))
    return table


def _flips(report: "RejudgeReport") -> "Text":
    from rich.text import Text

    lines = [str(flip) for flip in report.flips[:_FLIPS_SHOWN]]
    more = len(report.flips) - len(lines)
    return Text("\n".join([*lines, *([f"and {more} more"] if more else [])]))


def _count(share: "Estimate") -> str:
    return f"{round((share.value or 0.0) * share.n)} of {share.n}: {share}"
