"""Does a model speak the turn grammar? Self-play on held-out scenarios, before and after the warm start.

Run: python measurements/turn_grammar.py [--n 16] [--max-turns 6] [--spec hf:embedded --spec embedded] [--out FILE.json]
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from negotiation_env import Sampling, ScriptedJudge, load_scenarios
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.specs import resolve_model
from negotiation_env.episodes.runner import Game, derive_seed, play_many
from negotiation_env.game.turn_grammar import parse_turn
from negotiation_env.statistics.intervals import share_with_interval


def measure(spec: str, n: int, max_turns: int, temperature: float) -> dict[str, object]:
    """Counts over the turns of n self-play games that stop at agreement."""
    agent = ChatAgent(resolve_model(spec), Sampling(temperature, 1.0, 64), Sampling(0.0, 1.0, 1))
    scenarios = load_scenarios("eval_conflict")[:n]
    games = [Game(each.id, each, (agent, agent), derive_seed(0, each.id)) for each in scenarios]
    episodes = list(play_many(games, ScriptedJudge(), max_turns=max_turns))
    turns = [parse_turn(said.text) for episode in episodes for said in episode.turns if said.task == "utterance"]
    agreed = sum(episode.outcome.agreed for episode in episodes)
    return {
        "spec": spec,
        "temperature": temperature,
        "games": len(games),
        "turns": len(turns),
        "proposals": sum(turn.proposal is not None for turn in turns),
        "acceptances": sum(turn.accepts for turn in turns),
        "tagged_share": str(share_with_interval(sum(bool(t.proposal) or t.accepts for t in turns), len(turns))),
        "agreed": agreed,
        "agreement_rate": str(share_with_interval(agreed, len(games))),
    }


def main(
    spec: Annotated[list[str], typer.Option(help="Models; hf:embedded is the raw one.")] = ["hf:embedded", "embedded"],  # noqa: B006
    n: Annotated[int, typer.Option(help="Held-out scenarios.")] = 16,
    max_turns: Annotated[int, typer.Option(help="Most turns.")] = 6,
    temperature: Annotated[float, typer.Option(help="Sampling temperature; top-p is 1.")] = 0.7,
    out: Annotated[Path | None, typer.Option(help="Also write JSON here.")] = None,
) -> None:
    """Print one JSON line for each model."""
    found = [measure(each, n, max_turns, temperature) for each in spec]
    for each in found:
        print(json.dumps(each, ensure_ascii=False))
    if out is not None:
        out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
