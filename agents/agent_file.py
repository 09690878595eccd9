"""An agent with settings of its own: a TOML file that is named wherever an agent's spec is.

    agent = "hf:embedded"            # any chat model; the path of an endpoint's file is looked up beside this one
    prompts = "natural.de"           # a prompt set; a path is looked up beside this file
    system = "Be brief."             # put before the brief
    temperature = 0.9                # of turns, and so is top_p
    top_p = 1.0
    max_turn_tokens = 200
    max_completion_tokens = 300
    max_thought_tokens = 512         # of a model in this process that thinks; on top of the words' limit
    quantise = "4bit"                # hold the weights of a model in this process in 4-bit NF4

What a key leaves out is as the run has it. A run's own limits, such as a benchmark's, give way to the file's.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from negotiation_env.agents.chat import COMPLETION, DIALOGUE, ChatAgent, with_sampling
from negotiation_env.errors import UserError
from negotiation_env.files.settings_file import check_settings, read_toml
from negotiation_env.game.prompts import SHIPPED
from negotiation_env.interfaces import Agent, ChatModel, Sampling
from negotiation_env.specs import FILE, parse
from negotiation_env.specs.kinds import MODELS
from negotiation_env.text.secrets import without_secrets

__all__ = ["AgentFile", "agent_from_file", "as_run_draws", "read_agent_file"]

_EITHER: Final = "endpoint file or agent file"


@dataclass(frozen=True, slots=True)
class AgentFile:
    """What an agent's file holds; None and "" leave it to the run.

    Attributes:
        agent: The spec of a chat model.
        prompts: A prompt set's name or path.
        system: Text put before the brief.
        temperature: Of turns; 0 is greedy.
        top_p: Of turns, in (0, 1].
        max_turn_tokens: Most new tokens of a turn, at least 1.
        max_completion_tokens: The same of a completion.
        max_thought_tokens: Most tokens of a thought; 0 asks for none.
        quantise: "4bit" holds the weights in NF4, by bitsandbytes; an adapter that was trained on such is played on
            such without being asked.
    """

    agent: str
    prompts: str | None = None
    system: str = ""
    temperature: float | None = None
    top_p: float | None = None
    max_turn_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_thought_tokens: int = 0
    quantise: Literal["none", "4bit"] = "none"

    def __post_init__(self) -> None:
        _ = self.dialogue, self.completion  # what cannot be sampled is told with the file's other faults
        if self.max_thought_tokens < 0:
            raise ValueError(f"max_thought_tokens: expected a number of tokens from 0, got {self.max_thought_tokens}")

    @property
    def dialogue(self) -> Sampling:
        """How turns are sampled."""
        return Sampling(
            DIALOGUE.temperature if self.temperature is None else self.temperature,
            DIALOGUE.top_p if self.top_p is None else self.top_p,
            DIALOGUE.max_tokens if self.max_turn_tokens is None else self.max_turn_tokens,
        )

    @property
    def completion(self) -> Sampling:
        """How completions are sampled."""
        limit = self.max_completion_tokens
        return COMPLETION if limit is None else replace(COMPLETION, max_tokens=limit)


def read_agent_file(spec: str) -> AgentFile | None:
    """The settings of an agent's file; None for any other spec, and for an endpoint's file, which names no agent.

    Raises:
        UserError: The file cannot be read, a key or value is wrong, or what it names is no chat model.
    """
    path = Path(spec)
    if not _names_agent(spec):
        return None
    found = check_settings(AgentFile, read_toml(path, _EITHER), path)
    agent = _beside(path, found.agent) if parse(found.agent).kind == FILE else found.agent
    if parse(agent).kind not in MODELS or _names_agent(agent):
        told = f"expected one of: {MODELS.forms()}; got {without_secrets(found.agent)!r:.80}"
        raise UserError(f"{path}: agent: only a chat model can have settings of its own; {told}")
    prompts = _beside(path, found.prompts) if found.prompts and found.prompts not in SHIPPED else found.prompts
    return replace(found, agent=agent, prompts=prompts or None)


def as_run_draws(
    agent: Agent,
    spec: str,
    *,
    greedy: bool = False,
    temperature: float | None = None,
    max_turn_tokens: int | None = None,
    max_completion_tokens: int | None = None,
) -> Agent:
    """The agent of a spec, sampled as a run has it; what the agent's own file says of that stays, but under greedy.

    Args:
        agent: The agent.
        spec: Its spec.
        greedy: As for `with_sampling`, and so are the others.
        temperature: The same.
        max_turn_tokens: The same.
        max_completion_tokens: The same.
    """
    own = read_agent_file(spec)
    return with_sampling(
        agent,
        greedy=greedy,
        temperature=None if own and own.temperature is not None else temperature,
        max_turn_tokens=(own and own.max_turn_tokens) or max_turn_tokens,
        max_completion_tokens=(own and own.max_completion_tokens) or max_completion_tokens,
    )


def _names_agent(spec: str) -> bool:
    """Whether it is an agent's file; looks no further, for files could name one another."""
    return parse(spec).kind == FILE and "agent" in read_toml(Path(spec), _EITHER)


def agent_from_file(model: ChatModel, settings: AgentFile, name: str) -> ChatAgent:
    """The agent of a file whose model is there.

    Raises:
        UserError: The prompt set is wrong, or the model cannot be given a limit of thoughts.
    """
    if settings.max_thought_tokens:
        model = _thinking(model, settings.max_thought_tokens, name)
    prompts, system = settings.prompts, settings.system
    return ChatAgent(model, settings.dialogue, settings.completion, name, prompts=prompts, system=system)


def _thinking(model: ChatModel, most: int, name: str) -> ChatModel:
    """The same weights, asked to think."""
    from negotiation_env.agents.models.in_process import InProcessModel

    if not isinstance(model, InProcessModel):
        told = "an endpoint's file says under `extra` what its server takes"
        raise UserError(f"{name}: max_thought_tokens is for models in this process, got {model.name}; {told}")
    return InProcessModel(model.model, model.tokens.tokenizer, model.name, max_thought_tokens=most)


def _beside(path: Path, name: str) -> str:
    """A file named in another: where it stands beside that, it is that one."""
    beside = path.parent / name
    return str(beside) if beside.exists() else name
