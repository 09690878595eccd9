"""Spec strings: one name for an agent, the same everywhere; `negotiation_env.specs` has the rule for quoting names."""

from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

from agents.chat import ChatAgent
from agents.functions import FunctionAgent
from agents.scripted import SCRIPTS, ScriptedAgent
from negotiation_env.address import without_secrets
from negotiation_env.errors import UserError
from negotiation_env.interfaces import Agent, ChatModel
from negotiation_env.loading import Once
from negotiation_env.specs import load_factory, make, require_name, source_and_adapter
from negotiation_env.traffic import Live, Traffic

__all__ = ["AGENT_SPECS", "resolve_agent", "resolve_model"]

AGENT_SPECS = (
    "embedded, hf:ID_OR_DIR[+ADAPTER_DIR], vllm:embedded, vllm:ID_OR_DIR[+ADAPTER_DIR], openai:MODEL[@BASE_URL], "
    f"ENDPOINT.toml, scripted:{{{'|'.join(SCRIPTS)}}}, human, function:MODULE:NAME, python:MODULE:FACTORY"
)


def resolve_agent(spec: str, traffic: Traffic | None = None) -> Agent:
    """The agent that a spec string names.

    Args:
        spec: One of `AGENT_SPECS`. A TOML file holds the fields of `EndpointSettings`; NAME is a function from text
            to text (`FunctionAgent`), FACTORY is called without arguments and makes an `Agent` or such a function.
        traffic: Where its model comes from; live by default.

    Raises:
        UserError: No such spec, model, endpoint or factory; the message says what to do.
    """
    require_name(spec, "agent")
    kind, _, rest = spec.partition(":")
    if kind == "scripted" and rest in SCRIPTS:
        return ScriptedAgent(rest)
    if spec == "human":
        from agents.human import HumanAgent

        return HumanAgent()
    if kind == "function" and ":" in rest:
        return FunctionAgent(load_factory(rest, kind), name=spec)
    if kind == "python":
        return _made(spec, load_factory(rest))
    name = without_secrets(spec)
    return ChatAgent((traffic or Live()).model(name, lambda: resolve_model(spec)), name=name)


def _made(spec: str, factory: Callable[..., Any]) -> Agent:
    """The agent that a user's factory makes; one that only lacks arguments is told apart from one that fails inside."""
    try:
        signature(factory).bind()
    except TypeError as error:
        remedy = "expected a factory without arguments; name a function from text to text as function:MODULE:NAME"
        raise UserError(f"{spec} cannot be called without arguments ({error}); {remedy}") from error
    made = make(spec, factory)
    if hasattr(made, "act") and hasattr(made, "name"):
        require_name(made.name, f"the agent that {spec} made")
        agent: Agent = made
        return agent
    if callable(made):
        return FunctionAgent(made, name=spec)
    raise UserError(
        f"{spec} made a {type(made).__name__}; expected an Agent (name, act) or a function from text to text"
    )


@Once
def resolve_model(spec: str) -> ChatModel:
    """The chat model that a spec string names; the same spec gives the same object, so that weights load once.

    Raises:
        UserError: No such spec, model or endpoint.
    """
    require_name(spec, "model")
    kind, _, rest = spec.partition(":")
    if spec == "embedded":
        from agents.models.embedded import embedded_adapter, embedded_model
        from agents.models.in_process import load_model

        return load_model(embedded_model(), embedded_adapter(), name=spec)
    if kind == "hf" and rest:
        from agents.models.embedded import embedded_model
        from agents.models.in_process import load_model

        source, adapter = source_and_adapter(rest)
        return load_model(embedded_model() if source == "embedded" else source, adapter, name=spec)
    if kind == "vllm" and rest:
        from agents.models.embedded import embedded_adapter, embedded_model
        from agents.models.vllm_engine import VllmEngine

        if rest == "embedded":
            return VllmEngine(embedded_model(), embedded_adapter(), name=spec)
        source, adapter = source_and_adapter(rest)
        return VllmEngine(source, adapter, name=spec)
    if (kind == "openai" and rest) or spec.endswith(".toml"):
        from negotiation_env.endpoint import connect, read_endpoint, short_endpoint

        return connect(short_endpoint(rest) if kind == "openai" else read_endpoint(Path(spec)))
    raise UserError(f"no agent {without_secrets(spec)!r}; expected one of: {AGENT_SPECS}")
