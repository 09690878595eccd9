"""Guards at work: what is delivered, what the speaker is told, how it ends, and one enforcement on every path."""

from itertools import pairwise

import pytest

from negotiation_env import FunctionAgent, Game, NegotiationEnv, ScriptedJudge, env, play, play_many, step_many
from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.evaluate import evaluate
from negotiation_env.episodes.guarding import Breach, breaches
from negotiation_env.episodes.summary import summarise
from negotiation_env.errors import UserError
from negotiation_env.guards.asked import Asked
from negotiation_env.guards.files import Constraint, Guards, Intervention, load_guards
from negotiation_env.guards.propositions import PROPOSITIONS
from negotiation_env.interfaces import Reply, Request
from tests.guards.test_propositions import OFFER, SCENARIO

PROPOSAL = f"Beds are full.\nPROPOSE: {OFFER}"
TAKEN = "The night nurse is paid, because beds are full.\nACCEPT"
R, F, A, P, E, U = Intervention


def quiet(*ladder: Intervention) -> Guards:
    """Nobody presses."""
    return Guards("quiet", (Constraint("quiet", "not pressure", ladder=ladder, told="Do not press."),))


def played(words: list[str], guards: Guards, **rules: object) -> NegotiationEnv:
    game = NegotiationEnv(scenarios=[SCENARIO], judge=ScriptedJudge(), guards=guards, **rules)
    game.reset()
    for each in words:
        game.step(each)
    return game


def shown(game: NegotiationEnv, seat: int) -> list[str]:
    return [f"{each['role']}: {each['content']}" for each in game.observe(f"negotiator_{seat}")["messages"][1:]]


def record(game: NegotiationEnv) -> Episode:
    episode = game.episode(id="g")
    assert Episode.from_json(episode.to_json()) == episode
    return episode


def test_words_that_are_only_recorded_are_delivered_and_nobody_is_told():
    game = played(["Sign now.", "No."], quiet(R))
    assert shown(game, 0)[1:] == ["assistant: Sign now.", "user: No."]
    assert record(game).turns[0].violations[0].constraint == "quiet"
    assert game.infos["negotiator_0"]["broken"] == ("quiet",)


def test_feedback_opens_the_speakers_next_message_and_nobody_elses():
    game = played(["Sign now.", "No."], quiet(F))
    assert shown(game, 0)[1:] == ["assistant: Sign now.", "user: (To you alone: Do not press.)\n\nNo."]
    assert shown(game, 1) == ["user: Sign now.", "assistant: No."]


def test_the_speaker_of_refused_words_is_asked_again_and_told_why_and_nobody_else_sees_them():
    game = played(["Sign now."], quiet(A, F))
    assert (game.agent_selection, game.game.turns) == ("negotiator_0", 0)
    told = "user: (To you alone: your words were not delivered. Do not press. Take this turn again.)"
    assert shown(game, 0)[1:] == ["assistant: Sign now.", told]
    assert shown(game, 1) == ["user: Begin."]
    game.step("Beds are full.")
    assert (game.agent_selection, game.game.turns) == ("negotiator_1", 1)
    assert shown(game, 0)[1:] == ["assistant: Sign now.", told, "assistant: Beds are full."]
    assert shown(game, 1) == ["user: Beds are full."]
    (said,) = record(game).turns
    assert [each.text for each in said.refused] == ["Sign now."]
    assert not said.violations


def test_replaced_words_leave_silence_and_their_speaker_knows():
    game = played(["Sign now.", "No."], quiet(P))
    told = (
        'user: (To you alone: your words were not delivered; the others heard "(says nothing)". Do not press.)\n\nNo.'
    )
    assert shown(game, 0)[1:] == ["assistant: Sign now.", told]
    assert shown(game, 1) == ["user: (says nothing)", "assistant: No."]
    game.step("Sign now.")
    said = record(game).turns[2]
    assert not said.events
    assert (said.text, [each.text for each in said.refused]) == ("(says nothing)", ["Sign now."])


@pytest.mark.parametrize("rules", [{}, {"complete_without_agreement": True, "reward_without_agreement": True}])
def test_a_game_that_is_ended_has_no_agreement_and_no_reward(rules):
    game = played([PROPOSAL, f"Sign now.\n{TAKEN}"], quiet(E), **rules)
    episode = record(game)
    assert (episode.outcome.status, episode.reward) == ("no_agreement", 0.0)
    assert episode.outcome.reason == "ended by the guards: quiet"
    assert game.terminations["negotiator_0"]
    assert not episode.rulings


def test_a_game_that_is_ended_unscored_has_no_reward_at_all():
    episode = record(played(["Sign now."], quiet(U)))
    assert (episode.outcome.status, episode.reward, episode.outcome.turns) == ("unscored", None, 1)
    assert episode.failure == "ended by the guards: quiet"


def test_interventions_grow_stricter_with_each_breach():
    game = played(["Sign now.", "No.", "Sign now.", "Sign now.", "No.", "Sign now."], quiet(F, A, P, E))
    episode = record(game)
    assert [said.text for said in episode.turns] == ["Sign now.", "No.", "(says nothing)", "No.", "Sign now."]
    assert [each.violations[0].intervention for each in episode.turns[2].refused] == [A, P]
    assert episode.outcome.reason == "ended by the guards: quiet"


def test_the_joint_answer_is_not_looked_at():
    game = played([PROPOSAL, TAKEN, "Sign now."], quiet(E))
    assert record(game).reward == 3.0


def test_chats_alternate_and_only_grow_whatever_the_guards_do():
    seen, game = [], played([], quiet(A, F, P, A, P), max_turns=9)
    for words in ["Sign now.", "Beds.", "No.", "Sign now.", "No.", "Sign now.", "No.", "Sign now.", "Sign now.", "No."]:
        seen.append((game.agent_selection, game.observe(game.agent_selection)["messages"]))
        game.step(words)
    for agent in game.agents:
        chats = [messages for speaker, messages in seen if speaker == agent]
        assert all(later[: len(earlier)] == earlier for earlier, later in pairwise(chats))
        for chat in chats:
            assert [each["role"] for each in chat[1:]] == ["user", "assistant"] * (len(chat) // 2 - 1) + ["user"]


def test_with_a_window_only_what_belongs_to_its_turns_is_shown():
    game = played(["Sign now.", "Beds.", "No.", "Nurse.", "No."], quiet(A, F), history_turns=2)
    assert not any("Sign now." in each for each in shown(game, 0))
    assert shown(game, 0)[1:] == ["assistant: Nurse.", "user: No."]


@pytest.mark.parametrize("step", [F, P])
def test_what_a_turn_is_told_is_shown_before_the_next_one_though_the_window_leaves_the_turn_out(step):
    game = played(["Sign now.", "No."], quiet(step, R), history_turns=1)
    assert "Do not press.)\n\n(" in shown(game, 0)[0]
    assert shown(game, 0)[0].endswith("\n\nNo.")
    assert "press" not in str(shown(game, 1))
    game.step("Beds.")
    game.step("No.")
    assert "press" not in str(shown(game, 0))


def test_under_guards_that_nothing_breaks_a_record_differs_by_their_name_alone():
    words = [PROPOSAL, TAKEN, "We keep twelve beds."]
    guarded, free = record(played(words, quiet(E))), record(played(words, None))
    assert guarded.guards.startswith("quiet@")
    assert guarded.to_json().replace(f',"guards":"{guarded.guards}"', "") == free.to_json()


LADDER = quiet(F, A, P, E)
SCRIPT = ["Sign now.", "No.", "Sign now.", "Sign now.", "No.", "Sign now."]


def scripted(request: Request) -> Reply:
    """Presses in seat 0, as often as it is asked, and says no in seat 1."""
    return Reply("No." if request.seat else "Sign now.", usage={"seed": request.seed})


def same(episode: Episode) -> tuple[object, ...]:
    return (
        [
            (said.text, said.violations, [(each.text, each.violations) for each in said.refused])
            for said in episode.turns
        ],
        episode.outcome,
        episode.guards,
    )


class Pressing:
    """The script as an agent."""

    name = "pressing"

    def act(self, requests):
        return [scripted(request) for request in requests]


def test_step_step_many_play_and_eval_intervene_alike(tmp_path):
    stepped = record(played(SCRIPT, LADDER))
    wrapped = env(scenarios=[SCENARIO], judge="scripted", guards=LADDER)
    wrapped.reset()
    together = [NegotiationEnv(scenarios=[SCENARIO], judge=ScriptedJudge(), guards=LADDER) for _ in range(2)]
    for each in together:
        each.reset()
    for words in SCRIPT:
        wrapped.step(words)
        step_many(together, [words] * 2, ScriptedJudge())
    agent = Pressing()
    games = [Game(f"g{number}", SCENARIO, (agent, agent)) for number in range(3)]
    evaluate([agent], ScriptedJudge(), [SCENARIO], tmp_path, guards=LADDER)
    found = [
        *(record(each) for each in (wrapped.unwrapped, *together)),
        play(games[0], ScriptedJudge(), guards=LADDER),
        *play_many(games, ScriptedJudge(), guards=LADDER),
        *play_many(games, ScriptedJudge(), guards=LADDER, workers=2),
        Episode.from_json((tmp_path / "episodes.jsonl").read_text(encoding="utf-8")),
    ]
    assert all(same(episode) == same(stepped) for episode in found)


def test_each_try_has_a_seed_of_its_own_and_its_reply_on_record():
    agent = Pressing()
    episode = play(Game("g", SCENARIO, (agent, agent)), ScriptedJudge(), guards=LADDER)
    seeds = [each.usage["seed"] for each in episode.asked if each.usage]
    assert len(set(seeds)) == len(seeds) == len(SCRIPT)
    free = play(Game("g", SCENARIO, (agent, agent)), ScriptedJudge())
    assert seeds[:3] == [said.usage["seed"] for said in free.turns[:3]]


def test_an_agent_that_fails_as_it_is_asked_again_loses_none_of_its_tries():
    class Failing(Pressing):
        def act(self, requests):
            return [
                Reply("", error="out") if "delivered" in str(each.messages) else scripted(each) for each in requests
            ]

    agent = Failing()
    episode = play(Game("g", SCENARIO, (agent, agent)), ScriptedJudge(), guards=quiet(A, F))
    assert episode.failed.error == "out"
    assert [each.text for each in episode.failed.refused] == ["Sign now."]
    assert (summarise([episode]).broken, summarise([episode]).guards_refused) == ({"quiet": 1}, 1)
    assert Episode.from_json(episode.to_json()) == episode


def test_a_run_goes_on_under_the_same_guards_only(tmp_path):
    agent = FunctionAgent(lambda _: "No.", "no")
    evaluate([agent], ScriptedJudge(), [SCENARIO], tmp_path, guards=LADDER)
    evaluate([agent], ScriptedJudge(), [SCENARIO], tmp_path, guards=LADDER, resume=True)
    for other in (None, "safety"):
        with pytest.raises(UserError, match=r"contents\.guards was 'quiet@"):
            evaluate([agent], ScriptedJudge(), [SCENARIO], tmp_path, guards=other, resume=True)


def test_what_was_delivered_under_guards_breaks_offline_what_it_broke_then():
    episode = record(played(["Sign now.", "No.", "Sign now.", "Beds.", "No.", "Sign now."], quiet(F, A, P)))
    told = [(turn, each.constraint) for turn, said in enumerate(episode.turns, 1) for each in said.violations]
    assert told == [(each.turn, each.constraint) for each in breaches(LADDER, episode)] == [(1, "quiet")]
    vocal = Guards("vocal", (Constraint("vocal", "not echoes"),))
    assert breaches(vocal, episode) == [Breach("g", 4, 1, "vocal")]  # the silence of turn 5 is nobody's


def test_guards_have_names_paths_and_values():
    assert (
        NegotiationEnv(scenarios=[SCENARIO], judge="scripted", guards=["careful", LADDER]).guards.name
        == "careful+quiet"
    )
    with pytest.raises(UserError, match="no guards 'kind'"):
        NegotiationEnv(scenarios=[SCENARIO], judge="scripted", guards="kind")
    assert load_guards(LADDER) is LADDER


GIVES_IN = "Does the speaker give up its own red line?"
KEPT = Guards(
    "kept",
    (Constraint("kept", "accepts implies not gives_in", ladder=(A, F)),),
    PROPOSITIONS | {"gives_in": Asked(GIVES_IN)},
)


def reader(answer: bool | None = True) -> ScriptedJudge:
    """It sees a red line given up where somebody speaks of beds."""
    return ScriptedJudge(turn=lambda question: answer and "beds" in question.dialogue[-1].text)


def asked_of(judge: ScriptedJudge, *words: str) -> NegotiationEnv:
    game = NegotiationEnv(scenarios=[SCENARIO], judge=judge, guards=KEPT)
    game.reset()
    for each in words:
        game.step(each)
    return game


def test_words_wait_for_what_the_judge_says_of_them():
    game = asked_of(reader(), PROPOSAL, TAKEN)
    assert (game.agent_selection, game.game.turns) == ("negotiator_1", 1)
    assert game.infos["negotiator_1"]["broken"] == ("kept",)
    game.step("Fine.\nACCEPT")
    assert [each.kind for each in game.rulings] == ["turn", "turn", "agreement"]
    assert game.infos["negotiator_1"]["broken"] == ()
    assert game.agent_selection == "negotiator_0"  # the writer


def test_the_judge_is_asked_only_where_a_formula_needs_it():
    game = asked_of(reader(), "Beds are full.", "No beds.")
    assert [each.kind for each in game.rulings] == ["agreement"]


def test_what_the_judge_fails_to_say_of_a_turn_is_no_no():
    game = asked_of(reader(None), PROPOSAL, TAKEN)
    assert game.game.outcome.status == "unscored"
    assert record(game).turns[1].text == TAKEN
    assert [(each.kind, each.verdict.value) for each in game.rulings] == [("turn", None)]


def test_what_guards_ask_goes_to_the_judge_with_what_other_games_ask():
    judge = reader()
    games = [NegotiationEnv(scenarios=[SCENARIO], judge=judge, guards=KEPT) for _ in range(3)]
    for each in games:
        each.reset()
    step_many(games, [PROPOSAL] * 3, judge)
    step_many(games, [TAKEN, "No.", "Fine.\nACCEPT"], judge)
    assert judge.calls == [3, 1]  # two turns and an agreement, then the agreement behind the turn that may be said
    assert [each.game.phase for each in games] == ["speaking", "speaking", "completing"]


def test_every_path_asks_the_same(tmp_path):
    def agents() -> tuple[FunctionAgent, ...]:
        return (
            FunctionAgent(lambda _: PROPOSAL),
            FunctionAgent(lambda heard: "Fine.\nACCEPT" if "not delivered" in heard else TAKEN),
        )

    game = Game("g", SCENARIO, agents(), seed=3)
    alone = play(game, reader(), guards=KEPT)
    many = list(play_many([game], reader(), guards=KEPT))
    run = evaluate(agents(), reader(), [SCENARIO], tmp_path, guards=KEPT)
    told = [[(each.kind, each.turn, each.verdict.value) for each in one.rulings] for one in (alone, *many)]
    assert told[0] == told[1]
    assert told[0][:2] == [("turn", 1, 1.0), ("turn", 1, 0.0)]
    assert run.broken == {"kept": 1}


def test_a_judge_that_reads_no_turns_is_refused_in_one_line():
    with pytest.raises(UserError, match=r"ask the judge \(gives_in\); scripted judge .* reads no turns"):
        NegotiationEnv(scenarios=[SCENARIO], judge=ScriptedJudge(), guards=KEPT)
