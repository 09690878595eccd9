"""TRL trains the policy in the server's seat: it calls the tool `say`, as in TRL's own examples for OpenEnv.

    GRPOTrainer(..., train_dataset=Dataset.from_list(rows(load_scenarios("train"))), environment_factory=RemoteSeat)

All that the policy samples is trained, so let another seat write the joint answer: `seat_app(..., writer=1)` in app.py.
Where this process can play the games itself, `negotiation_env.interop.trl` does the same without a server.
"""

from collections.abc import Iterable
from typing import Any

from openenv import GenericEnvClient

from negotiation_env import Scenario


def rows(scenarios: Iterable[Scenario], seed: int = 0) -> list[dict[str, Any]]:
    """A dataset row for each scenario."""
    how = "Speak by calling the tool `say`, once a turn, until it tells you that the negotiation is over.\n\n"
    return [{"prompt": [{"role": "user", "content": how}], "scenario": each.id, "seed": seed} for each in scenarios]


class RemoteSeat:
    """A session with the server; TRL makes one for each rollout of a batch."""

    def __init__(self, url: str = "http://127.0.0.1:8000") -> None:
        self.client = GenericEnvClient(base_url=url).sync()

    def reset(self, scenario: str, seed: int, **row: Any) -> str:
        """Start a negotiation; what the seat is told goes behind the prompt."""
        self._heard, self._told = 0, self.client.reset(seed=seed, scenario=scenario)
        return self._news()

    def say(self, words: str) -> str:
        """Say something to the other parties, and hear what they answer.

        Args:
            words: What you say.

        Returns:
            The others' words, or that the negotiation is over.
        """
        if not self._told.done:
            self._told = self.client.step({"text": words})
        return "The negotiation is over." if self._told.done else self._news()

    def get_reward(self) -> float | None:
        """The game's, 0 to 5: 0 where the policy stopped before the end, None where it is unscored."""
        return self._told.reward

    def _news(self) -> str:
        """What the seat's chat holds beyond what it was told before and said itself."""
        chat = self._told.observation["messages"]
        news, self._heard = chat[self._heard :], len(chat) + 1
        return "\n\n".join(message["content"] for message in news)
