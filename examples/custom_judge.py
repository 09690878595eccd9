"""A function as a judge: of an agreement it says True or False, of an answer a number, or None where it cannot say.

Run: python examples/custom_judge.py
The same by name: negotiate play --agents scripted:compromising --judge function:examples.custom_judge:verdict
"""

import re

from negotiation_env import FunctionJudge, Game, Question, ScriptedAgent, load_scenarios, play


def verdict(question: Question) -> bool | float | None:
    """They agree once somebody accepts; an answer is worth a point for each step that has a day or a month."""
    if question.kind == "agreement":
        return "ACCEPT" in question.dialogue[-1].text
    if not question.completion:
        return None
    return min(5, len(re.findall(r"day|week|month|January|May|June|autumn|spring", question.completion)))


verdict.prompts = "handshake"  # type: ignore[attr-defined]  # agents are told of the tags that it looks for


def main() -> float | None:
    scenario = load_scenarios("eval_conflict")[0]
    game = Game("example", scenario, (ScriptedAgent("compromising"), ScriptedAgent("accommodating")))
    return play(game, FunctionJudge(verdict), render_mode="human").reward


if __name__ == "__main__":
    print("reward:", main())
