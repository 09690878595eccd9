"""A benchmark of a few games between scripts."""

from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.benchmark.config import BenchmarkConfig, Decoding
from negotiation_env.benchmark.run import Cast
from negotiation_env.judges.pairwise import as_pairwise
from tests.benchmark.checksum_judge import ChecksumJudge

NEGOTIATORS = {"base": "scripted:compromising", "meek": "scripted:accommodating", "hard": "scripted:stubborn"}
FILES = ("episodes.jsonl", "comparisons.jsonl", "probes.jsonl", "challenges.jsonl")


def small(**changes):
    settings = {
        "negotiators": NEGOTIATORS,
        "panel": {"pushy": "scripted:pushy", "halving": "scripted:compromising"},
        "comparisons": {},
        "conflict": 2,
        "multi": 0,
        "open": 1,
        "decoding": (Decoding.GREEDY,),
        "batch": 4,
    }
    return BenchmarkConfig(**settings | changes)


def scripted(spec):
    return ScriptedAgent(spec.partition(":")[2])


def cast_of(config, judge=None, agent=scripted, contents=None):
    """The config's agents, made by `agent` of their specs, and one judge for all."""
    judge = judge or ChecksumJudge()
    players = {name: agent(spec) for name, spec in config.negotiators.items()}
    return Cast(
        {(name, way): player for name, player in players.items() for way in config.decodings(name)},
        {name: agent(spec) for name, spec in config.panel.items()},
        judge,
        {objective: as_pairwise(judge) for objective in config.comparisons},
        contents or {},
    )
