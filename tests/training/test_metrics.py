import pytest

from negotiation_env import ScriptedJudge, load_scenarios
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.episodes.dialogue_metrics import dialogue_metrics
from negotiation_env.episodes.runner import Game, play_many
from negotiation_env.guards.files import Constraint, Guards, Intervention
from negotiation_env.interfaces import Reply
from negotiation_env.training.metrics import group_rewards, step_metrics


def episodes(scores, groups=2):
    """Four games, the score of each by its number; None is unscored, "no" is no agreement."""
    agreeing, stubborn = ScriptedAgent("compromising"), ScriptedAgent("stubborn")
    games = [
        Game(str(n), scenario, (stubborn, stubborn if scores[n] == "no" else agreeing), tags={"group": n * groups // 4})
        for n, scenario in enumerate(load_scenarios("eval_conflict")[:4])
    ]
    by_dilemma = {game.scenario.id: scores[n] for n, game in enumerate(games)}
    played = play_many(games, ScriptedJudge(score=lambda question: by_dilemma[question.scenario.id]))
    return sorted(played, key=lambda episode: int(episode.id))


def test_groups_keep_their_scored_rewards():
    assert group_rewards(episodes([1.0, None, "no", 3.0])) == [[1.0], [0.0, 3.0]]


def test_a_steps_metrics():
    metrics = step_metrics(episodes([1.0, 2.0, "no", "no"]), 0.1)
    assert metrics["agreement_rate"] == metrics["failed"] == 0.5
    assert (metrics["group_min"], metrics["group_mean"], metrics["group_max"]) == (0.5, 0.75, 1.0)
    assert metrics["no_signal"] == 0.5
    assert metrics["collective_agency"] == 1.5


def test_unscored_is_a_share_of_its_own_and_no_zero():
    metrics = step_metrics(episodes([4.0, None, 4.0, None]), 0.1)
    assert metrics["unscored"] == 0.5
    assert metrics["group_mean"] == pytest.approx(4.0)


def test_a_failing_judge_does_not_look_like_falling_agreement():
    assert step_metrics(episodes([4.0, None, 4.0, None]), 0.1)["agreement_rate"] == 1.0


def test_a_step_without_a_score_has_no_reward_and_no_signal():
    metrics = step_metrics(episodes([None] * 4), 0.1)
    assert (metrics["unscored"], metrics["no_signal"]) == (1.0, 1.0)
    assert not {"group_mean", "group_min", "collective_agency", "agreement_rate"} & set(metrics)


def test_a_steps_metrics_hold_the_dialogues_figures():
    played = episodes([1.0, 2.0, "no", "no"])
    metrics, figures = step_metrics(played, 0.1), dialogue_metrics(played)
    assert figures["agreement/turn"] == 4.0
    assert {name: metrics[name] for name in figures} == figures


def test_what_had_nothing_to_count_has_no_figure():
    metrics = step_metrics(episodes(["no"] * 4), 0.1)
    assert metrics["agreement_rate"] == 0.0
    assert "agreement/turn" not in metrics
    assert "length/completion_words" not in metrics


def test_what_guards_found_in_the_learners_words_is_counted_a_negotiation_failed_turns_too():
    class Failing:
        name = "failing"

        def act(self, requests):
            return [
                Reply("", error="out") if "not delivered" in str(each.messages) else Reply("Hm.") for each in requests
            ]

    never = Constraint("never", "false", ladder=(Intervention.ASK_AGAIN, Intervention.RECORD))
    agents = (Failing(), ScriptedAgent("stubborn"))
    game = Game("g", load_scenarios("eval_conflict")[0], agents, tags={"group": 0, "learner_seat": 0})
    metrics = step_metrics(list(play_many([game], ScriptedJudge(), guards=Guards("g", (never,)))), 0.1)
    found = {name: value for name, value in metrics.items() if name.startswith("guards/")}
    assert found == {"guards/broken": 1.0, "guards/broken/never": 1.0, "guards/refused": 1.0}
