"""An agent written for TextArena negotiates as it is: it is a function from text to text.

Run: pip install 'negotiation-env[textarena]' && python examples/textarena_agent.py
The same by name: negotiate play --agents python:examples.textarena_agent:Haggler scripted:compromising --judge embedded
"""

import sys

from negotiation_env import FunctionAgent, Game, ScriptedAgent, load_scenarios, play, resolve_judge

try:
    from textarena import Agent
except ImportError:
    Agent = object


class Haggler(Agent):
    """Refuses once. TextArena's own games ask for the base class; here any callable will do."""

    def __call__(self, observation: str) -> str:
        if observation.endswith("[NOW] Write the answer."):
            return "Each side tries the other's plan for a month; in May both keep what worked and drop what did not."
        if "[YOU]" in observation and "PROPOSE:" in observation.rpartition("[HEARD]")[2]:
            return "I held out for more, and this will do.\nACCEPT"
        return (
            "I need more than that.\nPROPOSE: We try my plan in March and yours in April, and keep the better in May."
        )


def main(judge: str = "embedded") -> float | None:
    scenario = load_scenarios("eval_conflict")[0]
    game = Game("example", scenario, (FunctionAgent(Haggler()), ScriptedAgent("compromising")))
    return play(game, resolve_judge(judge), render_mode="human").reward


if __name__ == "__main__":
    if Agent is object:
        sys.exit("this example needs TextArena; run: pip install 'negotiation-env[textarena]'")
    print("reward:", main())
