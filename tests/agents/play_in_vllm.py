"""Plays two games together, then one of them alone, in the virtual environment of vLLM.

MODEL_SPEC OUTPUT_FOLDER, or MODEL_FOLDER OUTPUT_FOLDER MAX_THOUGHT_TOKENS for a model that thinks.
"""

import json
import shutil
import sys
from pathlib import Path

from negotiation_env import ChatRequest, Sampling, ScriptedJudge, load_scenarios
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.models.vllm_engine import _ENGINES, VllmEngine
from negotiation_env.agents.specs import resolve_model
from negotiation_env.environment.episode import append_episode
from negotiation_env.episodes.runner import Game, play_many
from negotiation_env.interfaces import ChatModel

QUESTION = ChatRequest(({"role": "user", "content": "Two villages share one well. What now?"},), Sampling(0.0, 1.0, 12))


def main(spec: str, folder: Path, max_thought_tokens: int = 0) -> None:
    model = VllmEngine(spec, max_thought_tokens=max_thought_tokens) if max_thought_tokens else resolve_model(spec)
    agent = ChatAgent(model, Sampling(0.7, 1.0, 12))
    games = [Game(scenario.id, scenario, (agent, agent), seed=3) for scenario in load_scenarios("everyday")[:2]]
    for file, some in (("together", games), ("alone", games[1:])):
        for episode in play_many(some, ScriptedJudge(agrees=lambda _: False), max_turns=4):
            append_episode(folder / file, episode)
    with_adapter(spec, model, folder)
    endless = ChatRequest(({"role": "user", "content": "word " * 9000},))
    (folder / "error").write_text(str(model.chat([endless])[0].error))


def with_adapter(spec: str, model: ChatModel, folder: Path) -> None:
    """What the base says after its adapter in the same engine, and after that the adapter again; greedily."""
    base, _, adapter = spec.partition("+")
    if not adapter:
        return
    alone, other = resolve_model(base), resolve_model(f"{base}+{copied(Path(adapter), folder / 'copy')}")
    models = {"adapter": model, "base": alone, "the same adapter": other, "adapter again": model}
    told = {name: each.chat([QUESTION])[0].text for name, each in models.items()}
    (folder / "shared.json").write_text(json.dumps({"engines": len(_ENGINES), "texts": told}), encoding="utf-8")


def copied(adapter: Path, folder: Path) -> Path:
    return Path(shutil.copytree(adapter, folder))


if __name__ == "__main__":  # vLLM starts processes that import this file again
    main(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:]))
