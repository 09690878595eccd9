"""`negotiate rejudge`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from negotiation_env.cli.app import app, told_on_ctrl_c
from negotiation_env.cli.options import JudgeSpec, NoCache, Record, Replay, UnscoredShare, open_traffic, print_table
from negotiation_env.console.terminal import one_line, say, say_json

if TYPE_CHECKING:
    from negotiation_env.episodes.rejudge import RejudgeReport
    from negotiation_env.statistics.intervals import Estimate
    from negotiation_env.statistics.table import Cell, Table

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
    from negotiation_env.agents.contents import contents_of, sha256_of
    from negotiation_env.agents.needs import resolve_cast
    from negotiation_env.console.progress import progress
    from negotiation_env.environment.episode import latest_episodes
    from negotiation_env.episodes.rejudge import FOLDER, rejudge
    from negotiation_env.episodes.run_folder import EPISODES, claim, keep_apart

    told = (
        f"stopped; what the judge has said is kept in {run / FOLDER}, but for the last few negotiations; go on with "
        "the same command"
    )
    for path in filter(None, (record, replay)):
        keep_apart(run, path)
    with claim(run), told_on_ctrl_c(told):
        count = len(latest_episodes(run / EPISODES))
        _, (decider,) = resolve_cast([], [judge], open_traffic(record, replay, resume=True), cache=not no_cache)
        contents = " ".join(contents_of([], [judge]).values())
        with progress("negotiations", count) as advance:
            report = rejudge(
                run,
                decider,
                contents=contents,
                sha256=sha256_of([], [judge]),
                unscored_limit=unscored_limit,
                progress=advance,
            )
    if as_json:
        say_json(report.to_json())
        return
    print_table(_table(report))
    for flip in report.flips[:_FLIPS_SHOWN]:
        say(one_line(str(flip)))
    if len(report.flips) > _FLIPS_SHOWN:
        say(f"and {len(report.flips) - _FLIPS_SHOWN} more")
    say(f"written to {run / FOLDER}")


def _table(report: "RejudgeReport") -> "Table":
    from negotiation_env.statistics.intervals import BRACKETS
    from negotiation_env.statistics.table import Table

    rows: list[tuple[Cell, ...]] = [
        (f"Collective Agency, 0–5, of the {report.shift.n} that both scored", report.old_score, report.new_score),
        ("new minus old", "", report.shift),
        ("rank correlation (Spearman)", "", report.spearman),
        ("first agreement at another turn", "", _count(report.flipped)),
        ("of them agreed for one judge only", "", _count(report.reversed)),
        ("unscored", report.unscored_before, report.unscored_after),
    ]
    if report.usage.tokens:
        rows.append(("judge tokens, in + out", "", str(report.usage)))
    title = f"{report.episodes} negotiations before two judges, as they were played"
    return Table(title, ("", f"old: {report.old_judge}", f"new: {report.new_judge}"), tuple(rows), BRACKETS)


def _count(share: "Estimate") -> str:
    return f"{round((share.value or 0.0) * share.n)} of {share.n}: {share}"
