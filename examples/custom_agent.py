"""A class as a negotiator: it speaks for all of its games at once, as a batched model or a client of your own would.

Run: python examples/custom_agent.py
The same by name: negotiate play --agents python:examples.custom_agent:Mediator scripted:accommodating --judge embedded
"""

from negotiation_env import Game, Reply, Request, ScriptedAgent, Task, load_scenarios, play, resolve_judge


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


def main(judge: str = "embedded") -> float | None:
    scenario = load_scenarios("eval_conflict")[0]
    game = Game("example", scenario, (Mediator(), ScriptedAgent("accommodating")))
    return play(game, resolve_judge(judge), render_mode="human").reward


if __name__ == "__main__":
    print("reward:", main())
