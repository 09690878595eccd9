"""Plays two games together, then one of them alone, in the virtual environment of vLLM.

MODEL_SPEC OUTPUT_FOLDER, or MODEL_FOLDER OUTPUT_FOLDER MAX_THOUGHT_TOKENS for a model that thinks.
"""

import sys
from pathlib import Path

from negotiation_env import ChatRequest, Sampling, ScriptedJudge, load_scenarios
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.models.vllm_engine import VllmEngine
from negotiation_env.agents.specs import resolve_model
from negotiation_env.environment.episode import append_episode
from negotiation_env.episodes.runner import Game, play_many


def main(spec: str, folder: Path, max_thought_tokens: int = 0) -> None:
    model = VllmEngine(spec, max_thought_tokens=max_thought_tokens) if max_thought_tokens else resolve_model(spec)
    agent = ChatAgent(model, Sampling(0.7, 1.0, 12))
    games = [Game(scenario.id, scenario, (agent, agent), seed=3) for scenario in load_scenarios("everyday")[:2]]
    for file, some in (("together", games), ("alone", games[1:])):
        for episode in play_many(some, ScriptedJudge(agrees=lambda _: False), max_turns=4):
            append_episode(folder / file, episode)
    endless = ChatRequest(({"role": "user", "content": "word " * 9000},))
    (folder / "error").write_text(str(model.chat([endless])[0].error))


if __name__ == "__main__":  # vLLM starts processes that import this file again
    main(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:]))
