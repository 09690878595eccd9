"""A person at the terminal: what they are shown is written for them."""

import pytest

from negotiation_env.data import load_scenarios
from tests.helpers.command_line import negotiate

(SCENARIO,) = (each for each in load_scenarios("eval_conflict") if each.id == "ec-001")


@pytest.fixture(autouse=True)
def quiet_party(tmp_path, monkeypatch):
    source = "def speak(text):\n    return 'Go on.'\n\n\ndef pleased(question):\n    return 1\n"
    (tmp_path / "quiet_party.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


def played(*agents, typed, told="natural"):
    done = negotiate(
        "play",
        *(part for agent in agents for part in ("--agents", agent)),
        *("--judge", "function:quiet_party:pleased", "--scenario", "ec-001", "--max-turns", "2", "--prompts", told),
        stdin=typed,
    )
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.replace("│", " ").split())


@pytest.mark.parametrize("seat", [0, 1])
def test_a_person_is_shown_who_they_are_who_the_others_are_the_dilemma_and_what_to_do(seat):
    agents = ["function:quiet_party:speak"] * 2
    agents[seat] = "human"
    shown = played(*agents, typed="Twelve stay.\n\nWe share them.\n\n")
    own, other = SCENARIO.personas[seat], SCENARIO.personas[1 - seat]
    before, _, _ = shown.partition("your turn")
    for text in (
        f"You are {own.name}",
        own.goal,
        own.red_line,
        own.style,
        other.name,
        SCENARIO.dilemma,
        "Speak freely",
    ):
        assert " ".join(text.split()) in before
    assert other.goal not in before
    assert "an empty line ends it" in shown


def test_a_person_who_writes_the_joint_answer_is_shown_all_personas_whole():
    shown = played("human", "function:quiet_party:speak", typed="Twelve stay.\n\nWe share them.\n\n")
    asked = shown.partition("The negotiation is over.")[2]
    assert all(" ".join(each.goal.split()) in asked for each in SCENARIO.personas)


def test_an_empty_line_before_any_word_ends_no_turn():
    assert "Twelve stay." in played(
        "human", "function:quiet_party:speak", typed="\n\nTwelve stay.\n\nWe share them.\n\n"
    )


def test_with_natural_prompts_a_person_sees_no_tag_and_no_part_of_a_chat_template():
    shown = played("human", "function:quiet_party:speak", typed="Twelve stay.\n\nWe share them.\n\n")
    assert [word for word in ("PROPOSE", "ACCEPT", "Begin.", "system", "assistant", "<|") if word in shown] == []
