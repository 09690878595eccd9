"""Spec strings: one name for an agent, the same everywhere; `negotiation_env.specs` has the rule for quoting names."""

from collections.abc import Callable
from contextlib import suppress
from inspect import signature
from pathlib import Path
from typing import Any

from negotiation_env.agents.agent_file import agent_from_file, read_agent_file
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.functions import FunctionAgent
from negotiation_env.endpoints.recording import Live, Traffic
from negotiation_env.errors import UserError
from negotiation_env.interfaces import Agent, ChatModel
from negotiation_env.loading.heavy import Once
from negotiation_env.specs import FILE, Spec, load_factory, make, parse, require_name, source_and_adapter
from negotiation_env.specs.kinds import AGENTS, MODELS
from negotiation_env.text.secrets import without_secrets

__all__ = ["resolve_agent", "resolve_model"]


def resolve_agent(spec: str, traffic: Traffic | None = None) -> Agent:
    """The agent that a spec string names.

    Args:
        spec: One of `negotiation_env.specs.kinds.AGENTS`. A TOML file holds the fields of `EndpointSettings`, or those
            of an `AgentFile`; NAME is a function from text to text (`FunctionAgent`), FACTORY is called without
            arguments and makes an `Agent` or such a function.
        traffic: Where its model comes from; live by default.

    Raises:
        UserError: No such spec, model, endpoint or factory; the message says what to do.
    """
    if not isinstance(spec, str):
        raise UserError(f"expected an agent's spec, such as 'scripted:compromising'; got {spec!r:.80}")
    require_name(spec, "agent")
    name, found = without_secrets(spec), parse(spec)
    kind = AGENTS.find(found, name)
    if settings := read_agent_file(spec):
        return agent_from_file(_model(settings.agent, traffic, settings.quantise), settings, name)
    if found.kind in MODELS:
        return ChatAgent(_model(spec, traffic), name=name)
    if found.kind == "function":
        return FunctionAgent(load_factory(found.rest, "function"), name=spec)
    made = _made(spec, load_factory(found.rest)) if found.kind == "python" else kind.make(found)
    return _checked(name, made)


def _model(spec: str, traffic: Traffic | None, quantise: str = "none") -> ChatModel:
    name = without_secrets(spec) + ("" if quantise == "none" else f" in {quantise}")
    return (traffic or Live()).model(name, lambda: resolve_model(spec, quantise))


def _made(spec: str, factory: Callable[..., Any]) -> Any:
    """What a user's factory makes; one that only lacks arguments is told apart from one that fails inside."""
    try:
        with suppress(ValueError):  # some built-in ones tell no signature
            signature(factory).bind()
    except TypeError as error:
        remedy = "expected a factory without arguments; name a function from text to text as function:MODULE:NAME"
        raise UserError(f"{spec} cannot be called without arguments ({error}); {remedy}") from error
    return make(spec, factory)


def _checked(name: str, made: Any) -> Agent:
    if hasattr(made, "act") and hasattr(made, "name"):
        require_name(made.name, f"the agent that {name} made")
        agent: Agent = made
        return agent
    if callable(made):
        return FunctionAgent(made, name=name)
    raise UserError(
        f"{name} made a {type(made).__name__}; expected an Agent (name, act) or a function from text to text"
    )


@Once
def resolve_model(spec: str, quantise: str = "none") -> ChatModel:
    """The chat model that a spec string names; the same spec gives the same object, so that weights load once.

    Args:
        spec: One of `negotiation_env.specs.kinds.MODELS`.
        quantise: "4bit" holds its weights in NF4, which is for models in this process.

    Raises:
        UserError: No such spec, model or endpoint, or one that cannot be held in 4 bit.
    """
    require_name(spec, "model")
    found = parse(spec)
    MODELS.find(found, without_secrets(spec))
    if quantise != "none" and found.kind not in ("hf", "embedded", "trained"):
        told = f"quantise is for models in this process, hf:ID_OR_DIR; got {without_secrets(spec)!r:.80}"
        raise UserError(f"{told}; tell the server that holds its weights")
    if found.kind == "openai":
        from negotiation_env.endpoints.endpoint import connect, short_endpoint

        return connect(short_endpoint(found.rest))
    if found.kind == FILE:
        from negotiation_env.endpoints.endpoint import connect, read_endpoint

        return connect(read_endpoint(Path(spec)))
    source, adapter = _weights(found)
    if found.kind == "vllm":
        from negotiation_env.agents.models.training_card import read_card
        from negotiation_env.agents.models.vllm_engine import VllmEngine

        if (card := read_card(adapter)) and card.quantise == "4bit":
            told = "the adapter was trained on weights in 4 bit, and vLLM would hold them whole"
            raise UserError(f"{without_secrets(spec)}: {told}; play it as hf:ID_OR_DIR+ADAPTER_DIR")
        return VllmEngine(source, adapter, name=spec)
    from negotiation_env.agents.models.in_process import load_model

    return load_model(source, adapter, name=spec, quantise=quantise)


def _weights(spec: Spec) -> tuple[str | Path, str | Path | None]:
    """Folder or hub id of a model, and the folder of its adapter."""
    from negotiation_env.agents.models.embedded import embedded_model, shipped_adapter

    if shipped := shipped_adapter(spec):
        return embedded_model(), shipped
    source, adapter = source_and_adapter(spec.rest)
    return embedded_model() if source == "embedded" else source, adapter
