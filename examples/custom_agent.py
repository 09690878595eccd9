"""A custom agent in the plain PettingZoo loop: it plays seat 0, a scripted party plays seat 1.

Run: python examples/custom_agent.py
"""

from agents.scripted import ScriptedAgent
from negotiation_env import Reply, Request, env
from negotiation_env.events import Task


class Mediator:
    """Asks once, then proposes a joint plan; replace `act` with your own policy."""

    name = "mediator"

    def act(self, requests: list[Request]) -> list[Reply]:
        return [Reply(self.speak(request)) for request in requests]

    def speak(self, request: Request) -> str:
        if request.task is Task.COMPLETION:
            return (
                "Both sides keep what they came for: a named person starts the first plan on Monday, the second side "
                "checks the figures each month, and in May both review it and change what does not work."
            )
        if len(request.messages) == 2:
            return "What must not be lost, whatever we decide?"
        return "Then let us secure that first.\nPROPOSE: We start with your concern, add mine in May, and review both."


def main(judge: str = "scripted") -> float:
    game = env(scenarios="eval_conflict", judge=judge, render_mode="human")
    game.reset(seed=1)
    seats = {"negotiator_0": Mediator(), "negotiator_1": ScriptedAgent("accommodating")}
    total = 0.0
    for agent in game.agent_iter():
        observation, reward, over, cut, _ = game.last()
        total += reward if agent == "negotiator_0" else 0.0
        if over or cut:
            game.step(None)
            continue
        task = Task.COMPLETION if observation["completing"] else Task.UTTERANCE
        request = Request("example", int(agent[-1]), task, observation["messages"], seed=0)
        game.step(seats[agent].act([request])[0].text)
    return total


if __name__ == "__main__":
    print("reward:", main("embedded"))
