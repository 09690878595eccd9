"""Your own client in the step loop: the official `openai` package plays both seats at any endpoint.

Run: OPENAI_API_KEY=… python examples/openai_client.py gpt-4o-mini
     python examples/openai_client.py MODEL http://127.0.0.1:8000/v1
Without code of your own: negotiate play --agents openai:MODEL@http://127.0.0.1:8000/v1 --judge embedded
"""

import os
import sys

from openai import OpenAI

from negotiation_env import env


def main(model: str, base_url: str | None = None, judge: str = "embedded", seed: int = 1) -> float:
    game = env(scenarios="eval_conflict", judge=judge, render_mode="human")
    game.reset(seed=seed)
    score = 0.0
    with OpenAI(base_url=base_url, api_key=os.environ.get("OPENAI_API_KEY", "none")) as client:
        for _ in game.agent_iter():
            observation, reward, over, cut, _info = game.last()
            if over or cut:
                score = reward
                game.step(None)
                continue
            answer = client.chat.completions.create(model=model, messages=list(observation["messages"]), max_tokens=120)
            game.step(answer.choices[0].message.content or "")
    return score


if __name__ == "__main__":
    print("reward:", main(*sys.argv[1:]))
