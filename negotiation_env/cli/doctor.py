"""`negotiate doctor`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from negotiation_env.cli.app import app
from negotiation_env.cli.options import (
    MaxTurns,
    OptionalAgents,
    OptionalJudge,
    PromptsOption,
    Split,
    enough_turns,
    print_table,
)
from negotiation_env.console.terminal import say
from negotiation_env.errors import UserError
from negotiation_env.specs.kinds import AGENTS, JUDGES, Kind, Kinds

if TYPE_CHECKING:
    from negotiation_env.judges.doctor import Finding
    from negotiation_env.statistics.table import Table

__all__ = ["doctor"]

_ITEMS = 10


@app.command()
def doctor(
    agents: OptionalAgents = None,
    judge: OptionalJudge = None,
    split: Split = "eval_conflict",
    n: Annotated[int, typer.Option("--n", min=1, help="Negotiations of the planned run, for its cost.")] = 100,
    max_turns: MaxTurns = 7,
    prompts: PromptsOption = None,
) -> None:
    """Look whether models, judge and endpoints will do.

    With --judge alone only the judge is looked at; else the agents before it too, for it decides what they are told.
    Where nobody is named either is `embedded`. First the verdict; then packages, keys and files that lack, or template
    (does a chat grow by appending, thinking, end token), context, endpoint, JSON schema, log-probabilities, parse rates
    on ten items, limits, and the cost of a run of N negotiations; at last the kinds of agents and judges that a spec
    can name, those of installed packages too, and what each needs. Exit code 1 where something will not do.
    """
    from negotiation_env.console.progress import spinner
    from negotiation_env.statistics.table import Table

    with spinner("examining"):
        players = agents or ([] if judge else ["embedded"])
        found = list(_findings(players, judge or "embedded", split, n, max_turns, prompts))
    wrong = [each.what for each in found if each.good is False]
    say(f"will not do: {', '.join(wrong)}" if wrong else "all that was looked at will do")
    signs = {True: "ok", False: "no", None: ""}
    rows = tuple((signs[each.good], each.what, each.told) for each in found)
    print_table(Table("negotiate doctor", ("", "what", "found"), rows))
    for kinds in (AGENTS, JUDGES):
        print_table(_kinds(kinds))
    raise typer.Exit(bool(wrong))


def _kinds(kinds: Kinds) -> "Table":
    from negotiation_env.statistics.table import Table

    rows = tuple((kind.form, kind.told, _state(kind)) for kind in kinds)
    return Table(f"{kinds.what}s", ("spec", "what it is", "here"), rows)


def _state(kind: Kind) -> str:
    """Whether a kind can be used here, or why not."""
    if kind.added:
        try:
            kind.load()
        except UserError as error:
            return str(error)
    return kind.lacks or "installed"


def _findings(
    agents: list[str], judge: str, split: str, n: int, max_turns: int, prompts: str | None
) -> "Iterator[Finding]":
    from negotiation_env.agents.doctor import examine_agent
    from negotiation_env.agents.needs import lacking, resolve_cast
    from negotiation_env.data import load_scenarios
    from negotiation_env.environment.prompting import chosen_prompts, ids_of, mismatch, seat_prompts
    from negotiation_env.judges.check.labelled import read_labelled
    from negotiation_env.judges.doctor import Finding, examine_judge

    scenarios, agents = load_scenarios(split)[:_ITEMS], list(dict.fromkeys(agents))
    most = enough_turns(max_turns, scenarios)
    if lacks := lacking(agents, [judge]):
        yield from (Finding("lacking", False, each) for each in lacks)
        return
    policies, (decider,) = resolve_cast(agents, [judge])
    told = chosen_prompts(prompts, decider)
    if policies:
        shown = seat_prompts(told, len(policies), policies)
        wrong = mismatch(shown, decider)
        yield Finding("prompts", not wrong, wrong or f"{ids_of(shown)}, as the judge needs them")
    for agent in policies:
        yield from examine_agent(agent, scenarios, most, told)
    labelled = read_labelled()
    tries = [*labelled.answers[: _ITEMS // 2], *labelled.dialogues[: _ITEMS // 2]]
    yield from examine_judge(decider, [item.question for item in tries], calls=n * max(max_turns, 1))
