"""A benchmark by the names of who is compared: `negotiate bench`, and the same in Python."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from negotiation_env.agents.agent_file import as_run_draws, read_agent_file
from negotiation_env.agents.contents import contents_of, sha256_of
from negotiation_env.agents.models.training_card import cards_of
from negotiation_env.agents.needs import resolve_cast
from negotiation_env.benchmark.config import BenchmarkConfig, Decoding, read_benchmark
from negotiation_env.benchmark.run import Cast, need_packages, run_benchmark
from negotiation_env.endpoints.recording import Live, Traffic
from negotiation_env.environment.prompting import chosen_prompts, load_prompts
from negotiation_env.environment.stepping import Wrap
from negotiation_env.episodes.evaluate import wrapped
from negotiation_env.episodes.run_folder import claim, require_startable
from negotiation_env.guards.files import load_guards
from negotiation_env.interfaces import Agent
from negotiation_env.judges.pairwise import as_pairwise
from negotiation_env.judges.voices import voices
from negotiation_env.statistics.table import Table

__all__ = ["bench", "judge_specs", "run_by_name"]


def bench(
    config: str | Path | None = None,
    out: str | Path = "runs/bench",
    *,
    negotiators: Sequence[str] = (),
    resume: bool = False,
    wrap: Wrap | None = None,
    **keys: Any,
) -> list[Table]:
    """Compare negotiators, with intervals and tests; `negotiate view` shows the folder with every transcript.

    Args:
        config: A TOML file, such as examples/bench_embedded.toml; None takes the defaults.
        out: The run's folder.
        negotiators: Agent specs instead of the file's, each its own name.
        resume: Go on with the folder's run: what is there and scored is kept.
        wrap: As for `play_many`.
        **keys: Keys of the file, see `BenchmarkConfig`, which win over it: `judge="scripted", conflict=10`.

    Returns:
        The tables, which the folder keeps in `tables.json`.

    Raises:
        UserError: There are no negotiators, a key, value, spec or scenario is wrong, the folder is another run's, or
            the cost limit is reached. What was played is kept.
        MissingExtra: A package that the tables need is not installed.
        JudgeError: Too much is unscored. What was played is kept.
    """
    settings = read_benchmark(None if config is None else Path(config), list(negotiators), keys)
    return run_by_name(settings, Path(out), resume=resume, wrap=wrap)


def run_by_name(
    config: BenchmarkConfig,
    out: Path,
    *,
    resume: bool = False,
    traffic: Traffic | None = None,
    cache: bool = True,
    wrap: Wrap | None = None,
) -> list[Table]:
    """Run a benchmark with the agents and judges that its settings name.

    Args:
        config: The settings.
        out: The run's folder.
        resume: As for `bench`, whose errors this raises.
        traffic: Where models come from; live by default.
        cache: Let LLM judges keep their replies on disk.
        wrap: As for `play_many`.
    """
    need_packages()
    with claim(out):
        require_startable(out, resume=resume)  # before models are loaded
        return run_benchmark(config, _cast(config, traffic or Live(), wrap, cache=cache), out, resume=resume)


def judge_specs(config: BenchmarkConfig) -> list[str]:
    """The specs of all judges, each once."""
    return list(dict.fromkeys((config.judge, *(each.judge for each in config.objectives.values()))))


def _cast(config: BenchmarkConfig, traffic: Traffic, wrap: Wrap | None, *, cache: bool) -> Cast:
    told = None if config.prompts is None else load_prompts(config.prompts)  # before models are loaded
    specs, deciding = [*config.negotiators.values(), *config.panel.values()], judge_specs(config)
    agents, deciders = resolve_cast(specs, deciding, traffic, cache=cache)
    players = dict(zip(config.negotiators, agents, strict=False))
    opponents = zip(config.panel, agents[len(players) :], strict=True)
    panel = {name: _drawn(each, None, config, config.panel[name]) for name, each in opponents}
    judges = dict(zip(deciding, deciders, strict=True))
    trained_by = {name: _trained_by(spec) for name, spec in config.negotiators.items()}
    return Cast(
        {
            (name, way): _drawn(each, way, config, config.negotiators[name])
            for name, each in players.items()
            for way in config.decodings(name)
        },
        panel,
        judges[config.judge],
        {name: as_pairwise(judges[each.judge]) for name, each in config.objectives.items()},
        contents_of(specs, judges) | wrapped(wrap),
        wrap,
        chosen_prompts(told, judges[config.judge]),
        {
            objective: tuple(name for name in trained_by if trained_by[name] & set(voices(judges[each.judge])))
            for objective, each in config.objectives.items()
        },
        load_guards(config.guards) if config.guards else None,
        sha256_of(specs, judges),
    )


def _trained_by(spec: str) -> set[str]:
    """The models whose scores trained a negotiator, as the card beside its weights says."""
    own = read_agent_file(spec)
    return {voice for card in cards_of(own.agent if own else spec) for voice in card.judged_by}


def _drawn(agent: Agent, decoding: Decoding | None, config: BenchmarkConfig, spec: str) -> Agent:
    """The agent as the benchmark has it draw; limits of an agent's file stay."""
    return as_run_draws(
        agent,
        spec,
        greedy=decoding is Decoding.GREEDY,
        max_turn_tokens=config.max_turn_tokens,
        max_completion_tokens=config.max_completion_tokens,
    )
