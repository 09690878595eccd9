"""Four parties at a family dinner: one host who proposes, three relatives with minds of their own.

Run: python examples/family_dinner.py
"""

from negotiation_env import load_scenarios, resolve_judge
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.runner import Game, play


def main(judge: str = "embedded") -> Episode:
    dinner = next(each for each in load_scenarios("eval_multi") if each.id == "em-001")
    host, relative = ScriptedAgent("stubborn"), ScriptedAgent("accommodating")
    game = Game("dinner", dinner, (host, relative, relative, relative), seed=1)
    return play(game, resolve_judge(judge), max_turns=12, render_mode="human")


if __name__ == "__main__":
    episode = main()
    print(f"reward for each of the {len(episode.agents)} parties: {episode.reward} (judge: {episode.judge})")
