from dataclasses import replace

import pytest

from negotiation_env import NegotiationEnv, ScriptedJudge
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.agents.seat import SeatEnv
from negotiation_env.environment.episode import Episode
from negotiation_env.environment.prompting import (
    chosen_id,
    chosen_prompts,
    ids_of,
    load_prompts,
    planned_prompts,
    seat_prompts,
    suited,
)
from negotiation_env.episodes.runner import Game, play
from negotiation_env.errors import UserError
from negotiation_env.game.prompts import shipped_prompts
from negotiation_env.interfaces import Reply
from negotiation_env.judges.functions import FunctionJudge
from negotiation_env.judges.panel import PanelJudge
from negotiation_env.judges.smoke_test.judge import EmbeddedJudge
from negotiation_env.judges.specs import resolve_judge
from tests.conftest import three_parties, two_parties

NATURAL, HANDSHAKE, HANDSHAKE_2, GERMAN = map(shipped_prompts, ("natural", "handshake", "handshake.2", "natural.de"))
READS = FunctionJudge(lambda question: 3.0 if question.completion else True)


def talker():
    return ChatAgent(FakeModel(lambda _: Reply("Let us share the water.")))


@pytest.mark.parametrize(
    ("judge", "told"),
    [
        (EmbeddedJudge(), HANDSHAKE),
        (ScriptedJudge(), HANDSHAKE),
        (ScriptedJudge(agrees=lambda _: True), NATURAL),
        (READS, NATURAL),
        (PanelJudge([READS, EmbeddedJudge()]), HANDSHAKE),
        (PanelJudge([READS, READS]), NATURAL),
    ],
)
def test_the_default_follows_the_judge(judge, told):
    assert NegotiationEnv(two_parties(), judge).prompts == (told,)


@pytest.mark.parametrize("spec", ["embedded", "scripted", "panel:mean:scripted,scripted", "function:math:sqrt"])
def test_what_is_planned_for_a_judge_by_its_spec_is_what_is_played(spec):
    assert planned_prompts(None, spec) == chosen_prompts(None, resolve_judge(spec))


def test_a_set_is_named_or_given_or_lies_in_a_file_or_folder(tmp_path):
    from importlib.resources import files

    text = files("negotiation_env.game").joinpath("prompt_sets", "natural.de.toml").read_text(encoding="utf-8")
    (tmp_path / "prompts.toml").write_text(text, encoding="utf-8")
    for given in ("natural.de", GERMAN, tmp_path, str(tmp_path), tmp_path / "prompts.toml"):
        assert load_prompts(given) == GERMAN


@pytest.mark.parametrize("given", ["naturall", "", "x" * 5000, "x\0y", 3, (), ("natural", 3), {"natural": 1}])
def test_what_is_no_set_is_told_in_one_line(given):
    with pytest.raises(UserError, match="prompt") as error:
        chosen_prompts(given, READS)
    assert "\n" not in str(error.value)


def test_each_seat_can_have_a_set_and_the_last_one_takes_the_seats_beyond():
    env = NegotiationEnv(three_parties(), READS, prompts=("natural", GERMAN))
    env.reset()
    assert env.game.prompts == (NATURAL, GERMAN, GERMAN)
    assert env.episode(id="x").prompts == f"{NATURAL.id}; {GERMAN.id}; {GERMAN.id}"
    assert env.observe("negotiator_2")["messages"][0]["content"].startswith("Du bist Ida.")


def test_an_agent_with_a_set_of_its_own_is_shown_that():
    seen = []
    german = ChatAgent(FakeModel(lambda request: seen.append(request.messages) or Reply("Teilen wir das Wasser.")))
    german.prompts = GERMAN
    episode = play(Game("x", two_parties(), (talker(), german)), READS)
    assert episode.prompts == f"{NATURAL.id}; {GERMAN.id}"
    assert seen[0][0]["content"].startswith("Du bist Noor.")
    assert Episode.from_json(episode.to_json()) == episode


def test_an_agent_can_name_a_shipped_set_as_a_judge_does():
    german = talker()
    german.prompts = "natural.de"
    assert play(Game("x", two_parties(), (talker(), german)), READS).prompts == f"{NATURAL.id}; {GERMAN.id}"


def test_what_somebodys_own_classes_call_prompts_is_theirs():
    agent, judge = talker(), FunctionJudge(lambda _: 1.0)
    agent.prompts, judge.prompts = ["mine"], {"agreement": "mine"}
    assert play(Game("x", two_parties(), (agent, agent)), judge).prompts == NATURAL.id


def test_scripts_read_their_own_brief_whatever_the_others_are_told():
    pair = (ScriptedAgent("stubborn"), talker())
    episodes = [play(Game("x", two_parties(), pair), READS, prompts=told) for told in ("natural", "natural.de")]
    assert episodes[0].turns[0].text == episodes[1].turns[0].text
    assert "You need water for your field" in episodes[0].turns[0].text
    assert episodes[0].prompts == f"{HANDSHAKE_2.id}; {NATURAL.id}"  # a persona of theirs has no values


def test_the_opponent_of_a_single_seat_has_its_own_set_too():
    env = SeatEnv("scripted:stubborn", READS, scenarios=two_parties(), seat=1)
    env.reset(seed=0)
    assert env.game.game.prompts == (HANDSHAKE_2, NATURAL)


def test_a_judge_that_reads_tags_with_prompts_that_ask_for_none_is_warned_of():
    with pytest.warns(UserWarning, match=r"PROPOSE and ACCEPT, which the prompt set 'natural' does not ask for"):
        NegotiationEnv(two_parties(), "scripted", prompts="natural")
    NegotiationEnv(two_parties(), READS, prompts="handshake")


def test_one_id_stands_for_all_seats_that_have_it():
    assert ids_of(seat_prompts((NATURAL,), 3)) == NATURAL.id


def test_where_something_lacks_or_three_negotiate_the_record_names_the_second_handshake():
    bare, several = two_parties(), three_parties()
    whole = replace(bare, personas=tuple(replace(each, values=("calm",)) for each in bare.personas))
    scripts = [ScriptedAgent("compromising")]
    found = [
        play(Game("a", each, tuple(scripts * each.seats), 0), ScriptedJudge()).prompts.rpartition(" ")[0]
        for each in (whole, bare, several)
    ]
    assert found == ["handshake 1", "handshake 2", "handshake 2"]
    assert chosen_id(shipped_prompts("handshake.2").id) == HANDSHAKE.id
    assert chosen_id(NATURAL.id) == NATURAL.id


def test_another_set_and_an_agents_own_text_stay_what_they_are():
    several = three_parties()
    assert suited(NATURAL, several) == NATURAL
    (told,) = seat_prompts([HANDSHAKE], 1, [ChatAgent(FakeModel(lambda _: Reply("x")), system="Be brief.")], several)
    assert told == shipped_prompts("handshake.2").with_system("Be brief.")
