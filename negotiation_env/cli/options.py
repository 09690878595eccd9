"""Options and helpers that several commands share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from negotiation_env.console.terminal import console
from negotiation_env.errors import Interrupted, UserError, os_fault
from negotiation_env.files.user_files import handed
from negotiation_env.game.prompts import SHIPPED
from negotiation_env.game.rules import enough_turns
from negotiation_env.guards import SHIPPED as GUARDS
from negotiation_env.specs.kinds import AGENTS, JUDGES
from negotiation_env.text.nearest import did_you_mean

if TYPE_CHECKING:
    from negotiation_env.endpoints.recording import Traffic
    from negotiation_env.game.prompts import PromptSet
    from negotiation_env.game.scenario import Scenario
    from negotiation_env.interfaces import Agent
    from negotiation_env.statistics.table import Table

__all__ = [
    "GUARDS_HELP",
    "Agents",
    "Guards",
    "HistoryTurns",
    "JudgeSpec",
    "MaxCompletionTokens",
    "MaxTurnTokens",
    "MaxTurns",
    "NoCache",
    "OptionalAgents",
    "OptionalJudge",
    "PromptsOption",
    "Record",
    "Replay",
    "Seed",
    "Split",
    "Temperature",
    "UnscoredShare",
    "asked_sampling",
    "enough_turns",
    "find_scenario",
    "going_on",
    "named_prompts",
    "one_of",
    "open_traffic",
    "print_table",
    "require_apart",
    "require_writable",
    "sampled_as",
]

_AGENTS_HELP = (
    f"Who sits in each seat, in order; the last one takes the seats beyond: --agents A B. {AGENTS.forms()}, or a kind "
    "that an installed package adds; `negotiate doctor` tells what each is."
)
_JUDGE_HELP = f"Who decides agreement and scores: {JUDGES.forms()}, or a kind that an installed package adds."
_SPLIT_HELP = (
    "train, professional, interpersonal, everyday, eval_conflict, eval_multi, eval_open (a single agent answers), "
    "or a JSONL file of scenarios."
)
GUARDS_HELP = f"What has to hold: {', '.join(GUARDS)}, a guard file; several: A B."
_SEED_HELP = "Seeds the scenarios drawn and every sampled token."

Agents = Annotated[list[str], typer.Option("--agents", help=_AGENTS_HELP)]
JudgeSpec = Annotated[str, typer.Option("--judge", help=_JUDGE_HELP)]
OptionalAgents = Annotated[list[str] | None, typer.Option("--agents", help=_AGENTS_HELP)]
OptionalJudge = Annotated[str | None, typer.Option("--judge", help=_JUDGE_HELP)]
Split = Annotated[str, typer.Option("--split", help=_SPLIT_HELP)]
Seed = Annotated[int, typer.Option("--seed", help=_SEED_HELP)]
MaxTurns = Annotated[
    int, typer.Option("--max-turns", min=0, help="Most utterances, from 2; 0: a single agent answers.")
]
HistoryTurns = Annotated[
    int | None, typer.Option("--history-turns", min=1, help="Show speakers only so many last turns; default: all.")
]
PromptsOption = Annotated[
    str | None,
    typer.Option(
        "--prompts",
        help=f"What the parties are told: {', '.join(SHIPPED)}, or a TOML file or folder of your own; by default what "
        "the judge needs.",
    ),
]
UnscoredShare = Annotated[
    float,
    typer.Option(
        "--unscored-limit", min=0, max=1, help="Stop when more than this share of the last 100 (or fewer) is unscored."
    ),
]
Record = Annotated[
    Path | None,
    typer.Option(
        "--record",
        help="Write all requests and replies of policies and judges to a new file; a resumed run goes on with it.",
    ),
]
Replay = Annotated[
    Path | None, typer.Option("--replay", help="Take every reply from a file made with --record; nothing is called.")
]
Guards = Annotated[
    list[str] | None,
    typer.Option("--guards", help=GUARDS_HELP),
]
Temperature = Annotated[
    float | None, typer.Option("--temperature", min=0, help="Of chat models' turns; default: 0.7, 0 is greedy.")
]
MaxTurnTokens = Annotated[
    int | None, typer.Option("--max-turn-tokens", min=1, help="Most new tokens of a chat model's turn; default: 96.")
]
MaxCompletionTokens = Annotated[
    int | None, typer.Option("--max-completion-tokens", min=1, help="The same of a joint answer; default: 160.")
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Ask an LLM judge anew, whatever it was asked before.")]


def asked_sampling(
    temperature: float | None, max_turn_tokens: int | None, max_completion_tokens: int | None
) -> dict[str, Any]:
    """How the command line asks chat models to be sampled, by the name of each option that was given."""
    given = {
        "temperature": temperature,
        "max_turn_tokens": max_turn_tokens,
        "max_completion_tokens": max_completion_tokens,
    }
    return {name: value for name, value in given.items() if value is not None}


def sampled_as(asked: dict[str, Any], agents: "list[Agent]", specs: list[str]) -> "list[Agent]":
    """Agents, sampled as `asked_sampling` has it; what an agent's own file says of that stays.

    Raises:
        UserError: Something is asked, and none of them is a chat model's.
    """
    from negotiation_env.agents.agent_file import as_run_draws
    from negotiation_env.agents.chat import ChatAgent

    if asked and not any(isinstance(each, ChatAgent) for each in agents):
        options = ", ".join(f"--{name.replace('_', '-')}" for name in asked)
        raise UserError(f"{options}: for chat models; there is none among {', '.join(each.name for each in agents)}")
    return [as_run_draws(agent, spec, **asked) for agent, spec in zip(agents, specs, strict=True)]


def open_traffic(record: Path | None, replay: Path | None, *, resume: bool = False) -> "Traffic":
    """Where the models of a command come from.

    Args:
        record: The file to record into.
        replay: The recording to replay.
        resume: The command goes on where it was, and so does its recording.

    Raises:
        UserError: Both files are given, or one cannot be used.
    """
    from negotiation_env.endpoints.recording import Live, Recorder, Replayer

    if record and replay:
        raise UserError("--record and --replay exclude each other")
    return Recorder(record, resume=resume) if record else Replayer(replay) if replay else Live()


def require_apart(out: Path | None, record: Path | None, replay: Path | None) -> None:
    """See, before anything is written, that what a command writes and its recording spoil nothing.

    Args:
        out: The folder or file that the command writes.
        record: The file to record into.
        replay: The recording to replay.

    Raises:
        UserError: `out` belongs to a run, or it and the recording are in one place.
    """
    from negotiation_env.episodes.run_folder import keep_apart, refuse_own

    if out:
        refuse_own(out)
        for path in filter(None, (record, replay)):
            keep_apart(out, path)


def named_prompts(prompts: str | None) -> "PromptSet | None":
    """The set of --prompts, read before anything that takes long is loaded; None follows the judge."""
    from negotiation_env.environment.prompting import load_prompts

    return None if prompts is None else load_prompts(prompts)


def find_scenario(scenarios: "list[Scenario]", wanted: str) -> "Scenario":
    """The scenario with that id; what stands before a slash is enough.

    Raises:
        UserError: There is none.
    """
    for scenario in scenarios:
        if wanted in (scenario.id, scenario.id.partition("/")[0]):
            return scenario
    near = did_you_mean(wanted, [scenario.id for scenario in scenarios])
    raise UserError(f"no scenario {wanted!r} in this split{near}; its ids are like {scenarios[0].id!r}")


def one_of(what: str, known: Sequence[str]) -> Callable[[str], str]:
    """Reads a word that is one of some; another is told with the one that it looks like.

    Args:
        what: What the word says, for the message.
        known: The words that there are.
    """

    def read(given: str) -> str:
        if given in known:
            return given
        raise UserError(f"no {what} {given!r}{did_you_mean(given, known)}; expected one of {', '.join(known)}")

    return read


def print_table(table: "Table") -> None:
    """Show a table."""
    from negotiation_env.statistics.table import to_rich

    console().print(to_rich(table))


@contextmanager
def going_on(settings: Path, kept: str = "all that had ended") -> Iterator[None]:
    """Ctrl-C and a full disk end the block in one line: a run whose settings are on file can go on.

    Args:
        settings: The file of them, in the run's folder.
        kept: What the folder holds then.

    Raises:
        Interrupted: Ctrl-C came.
        UserError: The run had begun, and something could not be written.
    """
    told = f"{kept} is kept in {settings.parent}; go on with --resume"
    try:
        yield
    except KeyboardInterrupt as error:
        began = settings.is_file()
        raise Interrupted(f"stopped; {told if began else 'the run had not begun'}") from error
    except OSError as error:
        if settings.is_file():
            raise UserError(f"stopped: {os_fault(error)}; mend that; {told}") from error
        raise


def require_writable(path: Path) -> None:
    """See that a file can be written; better to learn now that it cannot be than at the end.

    Raises:
        UserError: It is a named pipe, where nobody may listen.
        OSError: It cannot be, nor its folder made.
    """
    if path.is_fifo() and not handed(path):
        raise UserError(f"{path} is a named pipe; give a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    path.open("a").close()
    if new:
        path.unlink()
