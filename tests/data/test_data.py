import json
from dataclasses import replace

import pytest

from negotiation_env.data import SPLITS, load_brief_demos, load_demos, load_scenarios
from negotiation_env.errors import UserError
from tests.conftest import two_parties


@pytest.mark.parametrize(
    ("split", "count"),
    [
        ("train", 1100),
        ("professional", 370),
        ("interpersonal", 365),
        ("everyday", 365),
        ("eval_conflict", 100),
        ("eval_multi", 20),
        ("eval_open", 100),
    ],
)
def test_the_shipped_splits_are_complete(split, count):
    scenarios = load_scenarios(split)
    assert len({scenario.id for scenario in scenarios}) == count
    assert split in SPLITS


def test_the_other_shipped_files_are_complete():
    assert len(load_demos()) == 180
    assert len(load_brief_demos()) == 720


def test_pairing_follows_the_seed_and_puts_either_persona_in_either_seat():
    first, again, other = (load_scenarios("everyday", seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert {scenario.id.rpartition("/")[2] for scenario in first} == {"ab", "ba"}


def test_all_pairings_list_every_tension_in_both_seatings():
    everything = load_scenarios("everyday", seed=None)
    ids = {scenario.id for scenario in everything}
    assert {"day-001/privacy_vs_safety/ab", "day-001/privacy_vs_safety/ba", "day-001/consent_vs_urgency/ab"} <= ids


def test_held_out_dilemmas_are_not_trained_on():
    trained = {scenario.dilemma for scenario in load_scenarios("train")}
    assert not trained & {scenario.dilemma for scenario in load_scenarios("eval_conflict")}


def test_the_party_counts_of_the_multi_party_split():
    assert {len(scenario.personas) for scenario in load_scenarios("eval_multi")} == {3, 4, 5}


def test_a_users_own_file_is_read(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(two_parties().to_json() + "\n", encoding="utf-8")
    assert load_scenarios(str(path)) == [two_parties()]
    assert load_scenarios(path) == [two_parties()]


def test_a_line_separator_inside_a_scenario_ends_no_line(tmp_path):
    path = tmp_path / "mine.jsonl"
    scenario = replace(two_parties(), dilemma="One\u2028well.")
    path.write_text(scenario.to_json() + "\n", encoding="utf-8")
    assert "\u2028" in path.read_text(encoding="utf-8")
    assert load_scenarios(str(path)) == [scenario]


def test_a_wrong_line_is_named(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(two_parties().to_json() + "\n" + json.dumps({"id": "x"}) + "\n")
    with pytest.raises(UserError, match="line 2: scenario: the field 'dilemma' is missing"):
        load_scenarios(str(path))


def test_an_unknown_split_is_told_with_those_there_are():
    with pytest.raises(UserError, match="no split or file 'evil'; expected one of train"):
        load_scenarios("evil")
