"""TextArena makes the game by its name, and its agents play there what they play here."""

from importlib.util import find_spec

import pytest

from negotiation_env.agents.functions import FunctionAgent
from negotiation_env.environment.episode import read_episodes
from negotiation_env.episodes.evaluate import evaluate
from negotiation_env.errors import UserError
from negotiation_env.judges.scripted import ScriptedJudge
from tests.conftest import three_parties, two_parties

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not find_spec("textarena"), reason="needs textarena")]

SCENARIOS = [two_parties("well"), two_parties("spring"), three_parties()]


def agreeable():
    """An agent of TextArena: it proposes once and accepts what was proposed."""
    import textarena as ta

    class Agreeable(ta.Agent):
        def __call__(self, observation):
            if observation.endswith("[NOW] Write the answer."):
                return "Mornings for the field, then the school."
            return (
                "So be it.\nACCEPT" if "PROPOSE:" in observation.rpartition("[HEARD]")[2] else "PROPOSE: We share it."
            )

    return Agreeable()


def made(judge, **rules):
    import textarena as ta

    from negotiation_env.interop.textarena_game import NAME

    return ta.make(NAME, scenarios=SCENARIOS, judge=judge, **rules)


def play(env, agents, seed):
    """TextArena's own loop."""
    env.reset(num_players=len(agents), seed=seed)
    done = False
    while not done:
        player, observation = env.get_observation()
        done, _ = env.step(action=agents[player](observation))
    return env.close()


@pytest.mark.parametrize(
    ("parties", "settings"), [(2, {}), (3, {}), (2, {"guards": "careful", "prompts": "handshake"})]
)
def test_agents_of_textarena_play_there_the_games_of_an_evaluation(tmp_path, parties, settings):
    judge, agents = ScriptedJudge(4.0), [agreeable() for _ in range(parties)]
    wanted = [each for each in SCENARIOS if each.seats == parties]
    settings = {"complete_without_agreement": True, **settings}
    evaluate([FunctionAgent(agreeable())] * parties, judge, wanted, tmp_path, seed=5, **settings)
    env = made(judge, **settings)
    rewards, told = play(env, agents, seed=5)
    episode = env.episode(("Agreeable",) * parties)
    assert episode in read_episodes(tmp_path / "episodes.jsonl")
    assert rewards == dict.fromkeys(range(parties), 4.0)
    assert any(turn.refused for turn in episode.turns) == ("guards" in settings)
    assert "agreed after" in told[0]["reason"] or "guards" in settings
    assert [told[player]["role"] for player in range(parties)] == list(episode.scenario.names)
    assert sum(told[player]["turn_count"] for player in range(parties)) == len(episode.asked)


def test_the_seed_draws_the_scenario():
    env = made(ScriptedJudge(4.0))
    drawn = []
    for seed in [*range(6), *range(6)]:
        play(env, [agreeable(), agreeable()], seed)
        drawn.append(env.episode().scenario.id)
    assert drawn[:6] == drawn[6:]
    assert set(drawn) == {"well", "spring"}


def test_an_unscored_game_gives_nobody_a_reward():
    rewards, told = play(made(ScriptedJudge(None)), [agreeable(), agreeable()], seed=1)
    assert rewards is None
    assert told[1]["reason"].startswith("unscored")


def test_a_number_of_players_that_no_scenario_has_is_refused():
    with pytest.raises(UserError, match="no scenario is for 4 players; they are for 2, 3"):
        made(ScriptedJudge()).reset(num_players=4)
