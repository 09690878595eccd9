"""A function as a negotiator: what a party sees comes in as one text, what it says goes out.

Run: python examples/custom_function.py
The same by name: negotiate play --agents function:examples.custom_function:speak scripted:stubborn --judge embedded
"""

from negotiation_env import FunctionAgent, Game, ScriptedAgent, load_scenarios, play, resolve_judge


def speak(observation: str) -> str:
    """Accepts any proposal; replace it with your own."""
    news = observation.rpartition("[HEARD]")[2]
    if "[NOW] Write the answer." in news:
        return "We try what was proposed for a month; each Friday both sides note what they gained; in May both decide."
    if "PROPOSE:" in news:
        return "That leaves room for what I came for.\nACCEPT"
    return "Let us find something that serves us both.\nPROPOSE: We take turns, one week each, and review it in May."


def main(judge: str = "embedded") -> float | None:
    scenario = load_scenarios("eval_conflict")[0]
    game = Game("example", scenario, (FunctionAgent(speak), ScriptedAgent("stubborn")))
    return play(game, resolve_judge(judge), render_mode="human").reward


if __name__ == "__main__":
    print("reward:", main())
