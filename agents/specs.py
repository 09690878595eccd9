"""Spec strings: one name for an agent, the same in every command, config and call."""

from functools import cache

from agents.chat import ChatAgent
from agents.scripted import SCRIPTS, ScriptedAgent
from negotiation_env.errors import UserError
from negotiation_env.interfaces import Agent, ChatModel
from negotiation_env.specs import load_factory

__all__ = ["AGENT_SPECS", "resolve_agent", "resolve_model"]

AGENT_SPECS = (
    "embedded, hf:ID_OR_DIR[+ADAPTER_DIR], openai:MODEL[@BASE_URL], "
    f"scripted:{{{'|'.join(SCRIPTS)}}}, human, python:MODULE:FACTORY"
)


def resolve_agent(spec: str) -> Agent:
    """The agent that a spec string names.

    Raises:
        UserError: No such spec, model, endpoint or factory; the message says what to do.
    """
    kind, _, rest = spec.partition(":")
    if kind == "scripted" and rest in SCRIPTS:
        return ScriptedAgent(rest)
    if spec == "human":
        from agents.human import HumanAgent

        return HumanAgent()
    if kind == "python":
        agent: Agent = load_factory(rest)()
        return agent
    return ChatAgent(resolve_model(spec), name=spec)


@cache
def resolve_model(spec: str) -> ChatModel:
    """The chat model that a spec string names; the same spec gives the same object, so that weights load once.

    Raises:
        UserError: No such spec, model or endpoint.
    """
    kind, _, rest = spec.partition(":")
    if spec == "embedded":
        from agents.models.embedded import embedded_adapter, embedded_model
        from agents.models.in_process import load_model

        return load_model(embedded_model(), embedded_adapter(), name=spec)
    if kind == "hf" and rest:
        from agents.models.embedded import embedded_model
        from agents.models.in_process import load_model

        source, _, adapter = rest.partition("+")
        return load_model(embedded_model() if source == "embedded" else source, adapter or None, name=spec)
    if kind == "openai" and rest:
        from agents.models.openai_compatible import OpenAIModel

        name, _, base_url = rest.partition("@")
        model = OpenAIModel(name, base_url or None)
        model.check()
        return model
    raise UserError(f"no agent {spec!r}; expected one of: {AGENT_SPECS}")
