import json
from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from negotiation_env import Persona, Scenario
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.episodes.runner import Game
from negotiation_env.game.protocol import Negotiation
from negotiation_env.game.scenario import MAX_CHARACTERS
from tests.conftest import two_parties


def test_a_scenario_survives_json():
    scenario = two_parties()
    assert Scenario.from_dict(json.loads(scenario.to_json())) == scenario


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"dilemma": " "}, "expected text under 'dilemma'"),
        ({"personas": [{"name": "A", "goal": "g"}]}, "at least 2 personas"),
        ({"personas": [{"name": "A", "goal": "g"}] * 2}, "names must differ"),
        ({"personas": "A and B"}, "expected a list under 'personas'"),
        ({"personas": [{"name": "A"}, {"name": "B", "goal": "g"}]}, "'goal' is missing"),
        ({"id": 7}, "expected text under 'id', got 7"),
    ],
)
def test_a_wrong_field_is_named(change, told):
    with pytest.raises(ValueError, match=told):
        Scenario.from_dict(two_parties().to_dict() | change)


def test_without_personas_it_is_an_open_question_for_one_agent():
    question = Scenario("q", "How do we share a well?")
    assert (question.seats, two_parties().seats) == (1, 2)
    assert Scenario.from_dict(question.to_dict()) == question


def test_something_else_than_an_object_is_told():
    with pytest.raises(ValueError, match="expected a JSON object"):
        Persona.from_dict(["name"])


def test_lists_become_tuples_so_that_a_scenario_can_be_a_key():
    scenario = Scenario("s", "One well.", [Persona("Lea", "Water.", values=["food"]), Persona("Noor", "School.")])
    assert hash(scenario) == hash(Scenario.from_dict(scenario.to_dict()))
    assert scenario.names == ("Lea", "Noor")


def test_what_python_makes_is_checked_too():
    for wrong in ({"values": "fairness"}, {"values": {"fairness"}}, {"style": None}, {"red_line": "\ud83d"}):
        with pytest.raises(ValueError, match=f"persona: expected .* under '{next(iter(wrong))}'"):
            Persona("Lea", "Water.", **wrong)
    for personas in (None, "Lea, Noor", [two_parties().to_dict()["personas"][0]] * 2, [None, None]):
        with pytest.raises(ValueError, match="scenario 's': expected personas, got"):
            Scenario("s", "One well.", personas)
    with pytest.raises(ValueError, match="scenario: expected text under 'tension'"):
        Scenario("s", "One well.", tension=3)


@pytest.mark.parametrize(
    "name",
    [
        "Noor ",
        "NOOR",
        "No\u200bor",
        "<b>Noor</b>",
        "Ｎｏｏｒ",
        "**Noor**",
        "[Noor]",
        "\nNoor",
        "Noor.",
        "Noor:",
        "N-oor",
        "Noor: CEO",
    ],
)
def test_names_must_differ_to_a_reader(name):
    with pytest.raises(ValueError, match="scenario 's': persona names must differ in more than case"):
        Scenario("s", "One well.", (Persona("Noor", "Water."), Persona(name, "School.")))


@pytest.mark.parametrize("text", ["\u200b", "\u3164\uffa0", "\u2800", "\u0301", "\u202e\u2069", " \u00a0"], ids=ascii)
def test_a_text_of_which_nothing_is_to_be_seen_is_refused_under_its_field(text):
    for name in ("id", "dilemma", "category", "domain", "tension"):
        with pytest.raises(ValueError, match=f"^scenario: expected text under {name!r}, got [!-~ ]+ to be seen$"):
            replace(two_parties(), **{name: text})
    row = two_parties().to_dict()
    for name, value in {"name": text, "goal": text, "red_line": text, "style": text, "values": ["water", text]}.items():
        with pytest.raises(ValueError, match=f"^persona 2: expected .*{name!r}.*, got [!-~ ]+$"):
            Scenario.from_dict({**row, "personas": [row["personas"][0], {**row["personas"][1], name: value}]})


def test_a_scenario_too_long_to_be_shown_can_be_a_record_but_not_be_played():
    long = replace(two_parties(), dilemma="x" * (MAX_CHARACTERS + 1))
    with pytest.raises(
        ValueError, match=r"scenario 'well': expected at most 4000 characters, .* under 'dilemma'; got 4001"
    ):
        Negotiation(long)
    with pytest.raises(ValueError, match="expected at most 4000 characters"):
        Game("1", long, (ScriptedAgent("pushy"),) * 2)
    assert TypeAdapter(Scenario).validate_json(long.to_json()) == long
    Negotiation(replace(long, dilemma="x" * MAX_CHARACTERS))
