import json
from collections import Counter

import pytest

from negotiation_env.errors import UserError
from negotiation_env.synthesis.plan import plan_slots
from negotiation_env.synthesis.sources import load_sources
from tests.synthesis.writers import PAIRS, SOURCES


def spread(counts):
    return max(counts.values()) - min(counts.values())


def test_categories_domains_and_tensions_are_as_even_as_can_be():
    slots = plan_slots(47, 0, SOURCES.domains, tuple(PAIRS))
    assert spread(Counter(slot.category for slot in slots)) <= 1
    assert spread(Counter(slot.domain for slot in slots if slot.category == "work")) <= 1
    assert spread(Counter(id for slot in slots for id in slot.tensions)) <= 1
    assert {len(slot.tensions) for slot in slots} == {1, 2, 3}
    assert all(len(set(slot.tensions)) == len(slot.tensions) for slot in slots)


def test_the_plan_is_its_seeds():
    first, again, other = (plan_slots(20, seed, SOURCES.domains, tuple(PAIRS)) for seed in (1, 1, 2))
    assert first == again != other


def test_a_domain_comes_once_a_round():
    slots = plan_slots(47, 0, SOURCES.domains, tuple(PAIRS))
    assert len({(slot.round, slot.domain) for slot in slots}) == len(slots)


def test_the_shipped_domains_are_those_of_the_shipped_dilemmas():
    found = load_sources("dilemmas").domains
    assert {name: len(domains) for name, domains in found.items()} == {
        "professional": 260,
        "interpersonal": 69,
        "everyday": 104,
    }


def test_open_questions_have_the_shipped_categories_and_need_no_domains_of_their_own():
    found = load_sources("open").domains
    assert set(found) == {"society", "professional", "interpersonal", "everyday"}
    assert found["society"] == found["professional"]


def test_known_texts_are_all_shipped_ones_and_those_for_evaluation_are_marked():
    known = load_sources("dilemmas").known
    assert (len(known), sum(each.held_out for each in known)) == (1320, 220)
    assert len(load_sources("personas").known) == 25
    assert load_sources("open", shipped=False).known == ()


def test_a_users_domains_name_the_categories_too(tmp_path):
    path = tmp_path / "domains.toml"
    path.write_text('everyday = ["queues", "lifts", "queues"]', encoding="utf-8")
    assert load_sources("dilemmas", path).domains == {"everyday": ("queues", "lifts")}


@pytest.mark.parametrize("text", ['weekend = ["queues"]', "everyday = []", "everyday = [1]", 'everyday = "queues"', ""])
def test_a_file_that_lists_no_domains_is_refused(tmp_path, text):
    path = tmp_path / "domains.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="expected lists of domain names under any of professional"):
        load_sources("dilemmas", path)


ANN, BEA = {"name": "Ann", "goal": "You save."}, {"name": "Bea", "goal": "You give."}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("no JSON", "Expecting value"),
        ("{}", "expected text under 'id', got None"),
        ('{"id": "a_vs_b", "id": "b_vs_a"}', "the name 'id' stands twice"),
        ({"id": 3, "personas": [{}, {}]}, "expected text under 'id', got 3"),
        ({"id": "\ud83d", "personas": [ANN, BEA]}, r"expected text under 'id', got '\\ud83d'"),
        ({"id": "a_vs_b", "personas": []}, "expected a list of two personas under 'personas', got \\[\\]"),
        ({"id": "a_vs_b", "personas": [ANN, "Bea"]}, "persona 2: expected a JSON object, got 'Bea'"),
        ({"id": "a_vs_b", "personas": [ANN, {**BEA, "name": "ANN "}]}, "persona names must differ in more than case"),
        (
            {"id": "a_vs_b", "personas": [ANN, {**BEA, "goal": "x" * 4001}]},
            "persona 2: expected at most 4000 characters",
        ),
        (
            {"id": "a_vs_b", "personas": [ANN, {**BEA, "values": "thrift"}]},
            "persona 2: expected a list of texts under 'v",
        ),
    ],
)
def test_a_broken_persona_pair_is_refused_with_its_line(tmp_path, row, told):
    path = tmp_path / "personas.jsonl"
    path.write_text(row if isinstance(row, str) else json.dumps(row), encoding="utf-8")
    with pytest.raises(UserError, match=f"personas.jsonl, line 1: .*{told}"):
        load_sources("dilemmas", personas=path)
