"""Persona-assigned negotiation between language models as a PettingZoo environment.

Two or more parties with opposing personas negotiate a dilemma in turns; one writes the joint answer; a judge scores it
for Collective Agency. After *Learning to Negotiate* (arXiv 2603.10476).
"""

import gymnasium
import pettingzoo

from negotiation_env.data import load_scenarios
from negotiation_env.environment.aec import NegotiationEnv, env, raw_env
from negotiation_env.environment.stepping import step_many
from negotiation_env.errors import NegotiationError
from negotiation_env.game.events import Outcome, Question, Turn, Utterance, Verdict
from negotiation_env.game.protocol import Negotiation, Rules
from negotiation_env.game.scenario import Persona, Scenario
from negotiation_env.interfaces import Agent, ChatModel, ChatRequest, Judge, Reply, Request, Sampling
from negotiation_env.judges.scripted import ScriptedJudge
from negotiation_env.judges.specs import resolve_judge
from negotiation_env.version import __version__ as __version__

__all__ = [
    "Agent",
    "ChatModel",
    "ChatRequest",
    "Judge",
    "Negotiation",
    "NegotiationEnv",
    "NegotiationError",
    "Outcome",
    "Persona",
    "Question",
    "Reply",
    "Request",
    "Rules",
    "Sampling",
    "Scenario",
    "ScriptedJudge",
    "Turn",
    "Utterance",
    "Verdict",
    "env",
    "load_scenarios",
    "raw_env",
    "resolve_judge",
    "step_many",
]


if "negotiation-v0" not in pettingzoo.aec_registry:
    pettingzoo.register("aec", "negotiation-v0", "negotiation_env.environment.aec:env")
if "negotiation_env/Negotiation-v0" not in gymnasium.registry:
    gymnasium.register("negotiation_env/Negotiation-v0", "negotiation_env.agents.seat:SeatEnv")
