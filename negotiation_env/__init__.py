"""Persona-assigned negotiation between language models as a PettingZoo environment.

Two or more parties with opposing personas negotiate a dilemma in turns; one writes the joint answer; a judge scores it
for Collective Agency. After *Learning to Negotiate* (arXiv 2603.10476).

`__all__` is the public API; all other names are private and may change. Each is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import gymnasium
import pettingzoo

from negotiation_env.version import __version__ as __version__

if TYPE_CHECKING:
    from negotiation_env.agents.chat import ChatAgent
    from negotiation_env.agents.functions import FunctionAgent
    from negotiation_env.agents.models.fake import FakeModel
    from negotiation_env.agents.scripted import ScriptedAgent
    from negotiation_env.agents.specs import resolve_agent
    from negotiation_env.benchmark.bench import bench
    from negotiation_env.data import load_scenarios
    from negotiation_env.environment.aec import NegotiationEnv, env, raw_env
    from negotiation_env.environment.episode import Episode, read_episodes
    from negotiation_env.environment.prompting import load_prompts
    from negotiation_env.environment.stepping import step_many
    from negotiation_env.episodes.evaluate import evaluate
    from negotiation_env.episodes.rejudge import rejudge
    from negotiation_env.episodes.runner import Game, play, play_many
    from negotiation_env.errors import (
        Diverged,
        EngineError,
        IllegalMove,
        Interrupted,
        JudgeError,
        MissingExtra,
        ModelError,
        NegotiationError,
        UserError,
    )
    from negotiation_env.game.events import JudgeCall, Question, QuestionKind, Task, Utterance, Verdict
    from negotiation_env.game.prompts import PromptSet
    from negotiation_env.game.rules import Rules
    from negotiation_env.game.scenario import Persona, Scenario
    from negotiation_env.interfaces import (
        Agent,
        Alternatives,
        ChatModel,
        ChatRequest,
        Judge,
        Reply,
        Request,
        Sampling,
        TokenTrace,
    )
    from negotiation_env.judges.functions import FunctionJudge
    from negotiation_env.judges.llm import LLMJudge
    from negotiation_env.judges.scripted import ScriptedJudge
    from negotiation_env.judges.smoke_test.judge import EmbeddedJudge
    from negotiation_env.judges.specs import resolve_judge
    from negotiation_env.report import write_report

__all__ = [
    "Agent",
    "Alternatives",
    "ChatAgent",
    "ChatModel",
    "ChatRequest",
    "Diverged",
    "EmbeddedJudge",
    "EngineError",
    "Episode",
    "FakeModel",
    "FunctionAgent",
    "FunctionJudge",
    "Game",
    "IllegalMove",
    "Interrupted",
    "Judge",
    "JudgeCall",
    "JudgeError",
    "LLMJudge",
    "MissingExtra",
    "ModelError",
    "NegotiationEnv",
    "NegotiationError",
    "Persona",
    "PromptSet",
    "Question",
    "QuestionKind",
    "Reply",
    "Request",
    "Rules",
    "Sampling",
    "Scenario",
    "ScriptedAgent",
    "ScriptedJudge",
    "Task",
    "TokenTrace",
    "UserError",
    "Utterance",
    "Verdict",
    "bench",
    "env",
    "evaluate",
    "load_prompts",
    "load_scenarios",
    "play",
    "play_many",
    "raw_env",
    "read_episodes",
    "rejudge",
    "resolve_agent",
    "resolve_judge",
    "step_many",
    "write_report",
]

_HOMES = {
    "agents.chat": ("ChatAgent",),
    "agents.functions": ("FunctionAgent",),
    "agents.models.fake": ("FakeModel",),
    "agents.scripted": ("ScriptedAgent",),
    "agents.specs": ("resolve_agent",),
    "benchmark.bench": ("bench",),
    "data": ("load_scenarios",),
    "environment.aec": ("NegotiationEnv", "env", "raw_env"),
    "environment.episode": ("Episode", "read_episodes"),
    "environment.prompting": ("load_prompts",),
    "environment.stepping": ("step_many",),
    "episodes.evaluate": ("evaluate",),
    "episodes.rejudge": ("rejudge",),
    "episodes.runner": ("Game", "play", "play_many"),
    "errors": (
        "Diverged",
        "EngineError",
        "IllegalMove",
        "Interrupted",
        "JudgeError",
        "MissingExtra",
        "ModelError",
        "NegotiationError",
        "UserError",
    ),
    "game.events": ("JudgeCall", "Question", "QuestionKind", "Task", "Utterance", "Verdict"),
    "game.prompts": ("PromptSet",),
    "game.rules": ("Rules",),
    "game.scenario": ("Persona", "Scenario"),
    "interfaces": (
        "Agent",
        "Alternatives",
        "ChatModel",
        "ChatRequest",
        "Judge",
        "Reply",
        "Request",
        "Sampling",
        "TokenTrace",
    ),
    "judges.functions": ("FunctionJudge",),
    "judges.llm": ("LLMJudge",),
    "judges.scripted": ("ScriptedJudge",),
    "judges.smoke_test.judge": ("EmbeddedJudge",),
    "judges.specs": ("resolve_judge",),
    "report": ("write_report",),
}
"""Where each name lives, as type checkers read it above."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if "negotiation-v0" not in pettingzoo.aec_registry:
    pettingzoo.register("aec", "negotiation-v0", "negotiation_env.environment.aec:env")
if "negotiation_env/Negotiation-v0" not in gymnasium.registry:
    gymnasium.register("negotiation_env/Negotiation-v0", "negotiation_env.agents.seat:SeatEnv")
