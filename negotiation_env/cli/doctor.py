"""`negotiate doctor`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from negotiation_env.cli.app import app
from negotiation_env.cli.options import Agents, JudgeSpec, MaxTurns, Split, print_table, resolve_agents
from negotiation_env.errors import UserError
from negotiation_env.specs.kinds import AGENTS, JUDGES, Kind, Kinds

if TYPE_CHECKING:
    from rich.table import Table

    from negotiation_env.judges.doctor import Finding

__all__ = ["doctor"]

_ITEMS = 10


@app.command()
def doctor(
    agents: Agents = ["embedded"],  # noqa: B006
    judge: JudgeSpec = "embedded",
    split: Split = "eval_conflict",
    n: Annotated[int, typer.Option("--n", min=1, help="Negotiations of the planned run, for its cost.")] = 100,
    max_turns: MaxTurns = 7,
) -> None:
    """Look whether models, judge and endpoints will do.

    First the kinds of agents and judges that a spec can name, those of installed packages too, and what each needs.
    Then template (does a chat grow by appending, thinking, end token), context, endpoint, JSON schema,
    log-probabilities, parse rates on ten items, limits, and the cost of a run of N negotiations. Exit code 1 where
    something will not do.
    """
    from rich.table import Column, Table
    from rich.text import Text

    from negotiation_env.console.progress import spinner

    for kinds in (AGENTS, JUDGES):
        print_table(_kinds(kinds))
    table = Table("", "what", Column("found", overflow="fold"), title="negotiate doctor", title_justify="left")
    ills = 0
    with spinner("examining"):
        for finding in _findings(agents, judge, split, n, max_turns):
            sign = {True: ("ok", "green"), False: ("no", "bold red"), None: ("", "")}[finding.good]
            table.add_row(Text(*sign), Text(finding.what), Text(finding.told))
            ills += finding.good is False
    print_table(table)
    raise typer.Exit(1 if ills else 0)


def _kinds(kinds: Kinds) -> "Table":
    from rich.table import Column, Table
    from rich.text import Text

    table = Table(Column(kinds.what, overflow="fold"), "what it is", Column("here", overflow="fold"))
    for kind in kinds:
        table.add_row(Text(kind.form), Text(kind.told), Text(_state(kind)))
    return table


def _state(kind: Kind) -> str:
    """Whether a kind can be used here, or why not."""
    if kind.added:
        try:
            kind.load()
        except UserError as error:
            return str(error)
    return kind.lacks or "installed"


def _findings(agents: list[str], judge: str, split: str, n: int, max_turns: int) -> "Iterator[Finding]":
    from negotiation_env.agents.doctor import examine_agent
    from negotiation_env.data import load_scenarios
    from negotiation_env.judges.check.labelled import read_labelled
    from negotiation_env.judges.doctor import examine_judge
    from negotiation_env.judges.specs import resolve_judge

    scenarios = load_scenarios(split)[:_ITEMS]
    for agent in resolve_agents(list(dict.fromkeys(agents))):
        yield from examine_agent(agent, scenarios, max_turns)
    labelled = read_labelled()
    tries = [*labelled.answers[: _ITEMS // 2], *labelled.dialogues[: _ITEMS // 2]]
    yield from examine_judge(resolve_judge(judge), [item.question for item in tries], calls=n * max(max_turns, 1))
