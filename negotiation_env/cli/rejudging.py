"""`negotiate rejudge`."""

from pathlib import Path
from typing import Annotated

import typer

from negotiation_env.cli.app import app, told_on_ctrl_c
from negotiation_env.cli.options import JudgeSpec, NoCache, Record, Replay, UnscoredShare, open_traffic, print_table
from negotiation_env.console.terminal import one_line, say, say_json

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
    from negotiation_env.episodes.rejudge import rejudge
    from negotiation_env.episodes.rejudge_report import FOLDER, rejudge_table
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
    title = f"{report.episodes} negotiations before two judges, as they were played"
    print_table(rejudge_table(report, title))
    for flip in report.flips[:_FLIPS_SHOWN]:
        say(one_line(str(flip)))
    if len(report.flips) > _FLIPS_SHOWN:
        say(f"and {len(report.flips) - _FLIPS_SHOWN} more")
    say(f"written to {run / FOLDER}")
