"""What agents and judges need, looked at before any of them is loaded: packages, keys, files, adapters.

Every command asks here first, so that what a person has to mend is told in the first second, not in the fifth minute.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final

from negotiation_env.agents.agent_file import read_agent_file
from negotiation_env.agents.specs import resolve_agent
from negotiation_env.endpoints.chat_completions import EndpointSettings
from negotiation_env.endpoints.connection import Connection
from negotiation_env.endpoints.endpoint import read_endpoint, short_endpoint
from negotiation_env.endpoints.recording import Replayer, Traffic
from negotiation_env.environment.prompting import load_prompts
from negotiation_env.errors import UserError
from negotiation_env.interfaces import Agent, Judge
from negotiation_env.judges.llm_file import judge_files
from negotiation_env.judges.specs import resolve_judge
from negotiation_env.specs import FILE, load_factory, parse, require_name, single_specs, source_and_adapter
from negotiation_env.specs.kinds import AGENTS, JUDGES, Kind, Kinds
from negotiation_env.text.secrets import without_secrets

__all__ = ["lacking", "no_adapter", "require", "resolve_cast"]

_ADAPTER: Final = "adapter_config.json"
"""The file that PEFT writes beside an adapter's weights."""
_HUB_ID: Final = re.compile(r"[\w.-]+/[\w.-]+")


def lacking(agents: Sequence[str], judges: Sequence[str] = ()) -> list[str]:
    """What this machine lacks of all that specs need, one line a thing; nobody is called and nothing is loaded.

    Args:
        agents: Specs of agents or models.
        judges: Specs of judges.

    Raises:
        UserError: A spec, or a file that it names, is wrong, wherever it is to run.
    """
    found = chain(*map(_of_agent, agents), *map(_of_judge, judges))
    return list(dict.fromkeys(found))


def require(agents: Sequence[str], judges: Sequence[str] = (), traffic: Traffic | None = None) -> None:
    """See that nothing lacks; a replay needs neither models nor keys.

    Raises:
        UserError: Something does, or a spec or file is wrong.
    """
    if not isinstance(traffic, Replayer) and (told := lacking(agents, judges)):
        raise UserError("; ".join(told))


def resolve_cast(
    agents: Sequence[str], judges: Sequence[str], traffic: Traffic | None = None, *, cache: bool = True
) -> tuple[list[Agent], list[Judge]]:
    """Agents and judges, once it is known that nothing lacks; those at endpoints first, who tell soon if they are down.

    Adapters come before their base alone, so that an engine that they share has room for them.

    Args:
        agents: Specs, in the order wanted; each is resolved by itself.
        judges: The same.
        traffic: Where their models come from; live by default.
        cache: As for `resolve_judge`.

    Raises:
        UserError: As for `require`, `resolve_agent` and `resolve_judge`.
    """
    require(agents, judges, traffic)
    makers: list[tuple[int, Callable[[], Any]]] = [
        *((_turn(AGENTS, spec), partial(resolve_agent, spec, traffic)) for spec in agents),
        *((_turn(JUDGES, spec), partial(resolve_judge, spec, traffic, cache=cache)) for spec in judges),
    ]
    made = {place: makers[place][1]() for place in sorted(range(len(makers)), key=lambda place: makers[place][0])}
    return [made[place] for place in range(len(agents))], [made[len(agents) + place] for place in range(len(judges))]


def _turn(kinds: Kinds, spec: str) -> int:
    """When it is resolved: 0 where no weights are loaded, 1 where an adapter's base is, 2 for all others."""
    own = read_agent_file(spec) if kinds is AGENTS else None
    told = [parse(each) for each in single_specs(own.agent if own else spec)]
    if not any(kinds.find(each, "").extra for each in told):
        return 0
    return 1 if any(each.kind == "vllm" and source_and_adapter(each.rest)[1] for each in told) else 2


def no_adapter(adapter: str) -> str:
    """What to say of an adapter's folder that holds none; "" where it does, or the name may be one on a hub."""
    if Path(adapter, _ADAPTER).is_file() or (_HUB_ID.fullmatch(adapter) and not Path(adapter).parent.is_dir()):
        return ""
    return f"no adapter in {adapter!r}: no {_ADAPTER} there; train one, or leave it out"


def _of_agent(spec: str) -> Iterator[str]:
    require_name(spec, "agent")
    shown, found = without_secrets(spec), parse(spec)
    kind = AGENTS.find(found, shown)
    yield from _of_packages(kind)
    if settings := read_agent_file(spec):
        if settings.prompts:
            load_prompts(settings.prompts)
        yield from _of_agent(settings.agent)
    elif found.kind in ("function", "python"):
        load_factory(found.rest, found.kind)
    elif kind.added:
        kind.load()
    elif found.kind in ("hf", "vllm"):
        yield from _of_weights(shown, found.rest)
    elif found.kind in ("openai", FILE):
        yield from _of_endpoint(read_endpoint(Path(spec)) if found.kind == FILE else short_endpoint(found.rest))
    elif found.kind == "scripted":
        resolve_agent(spec)  # costs nothing, and there may be no such script


def _of_packages(kind: Kind) -> Iterator[str]:
    if kind.lacks:  # told once for all kinds that need the same
        yield f"packages of the extra {kind.extra!r} are not installed; run: {kind.lacks}"


def _of_weights(shown: str, rest: str) -> Iterator[str]:
    """Of the folders that a spec names; a model's hub id is asked for when it is loaded."""
    source, adapter = source_and_adapter(rest)
    if source.startswith((".", "/", "~")) and not Path(source).is_dir():
        yield f"{shown}: no folder {source!r}; name a folder of transformers, or a hub id"
    if adapter and (told := no_adapter(adapter)):
        yield f"{shown}: {told}"


def _of_endpoint(settings: EndpointSettings) -> Iterator[str]:
    try:
        Connection(settings)
    except UserError as error:
        yield str(error)


def _of_judge(spec: str) -> Iterator[str]:
    require_name(spec, "judge")
    for each in single_specs(spec):
        yield from _of_packages(JUDGES.find(parse(each), without_secrets(each)))
    for settings in judge_files(spec):
        yield from _of_endpoint(settings.endpoint)
