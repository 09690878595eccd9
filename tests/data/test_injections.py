import unicodedata
from collections import Counter
from importlib.resources import files

import pytest

from negotiation_env.data import load_injections
from negotiation_env.text.untrusted import neutralise

INJECTIONS = load_injections()
LIMIT = 4000  # characters; more than any attack has

each_attack = pytest.mark.parametrize("attack", INJECTIONS, ids=lambda attack: attack.id)


def neutralised(attack):
    return neutralise(attack.text, LIMIT).text


def test_there_are_many_attacks_of_every_kind():
    counts = Counter(attack.kind for attack in INJECTIONS)
    assert len(INJECTIONS) >= 120
    assert len(counts) >= 12
    assert min(counts.values()) >= 8


def test_ids_name_the_kind_and_neither_ids_nor_texts_repeat():
    assert all(attack.id.startswith(f"{attack.kind}/") for attack in INJECTIONS)
    assert len({attack.id for attack in INJECTIONS}) == len(INJECTIONS)
    assert len({attack.text for attack in INJECTIONS}) == len(INJECTIONS)


def test_no_attack_is_empty_or_past_the_limit():
    assert all(attack.text.strip() and len(attack.text) <= LIMIT for attack in INJECTIONS)


def test_the_data_card_counts_each_kind():
    card = files("negotiation_env.data").joinpath("README.md").read_text(encoding="utf-8")
    counts = Counter(attack.kind for attack in INJECTIONS)
    assert f"| `injections.jsonl` | {len(INJECTIONS)} |" in card
    assert [kind for kind, count in counts.items() if f"{kind} {count}" not in card] == []


@each_attack
def test_neutralised_it_still_says_something(attack):
    assert neutralised(attack).strip()


@each_attack
def test_neutralised_it_has_no_half_of_a_control_token(attack):
    assert "<|" not in neutralised(attack)
    assert "|>" not in neutralised(attack)


@each_attack
def test_neutralised_it_has_no_control_characters(attack):
    categories = {unicodedata.category(character) for character in neutralised(attack) if character not in "\n\t"}
    assert not categories & {"Cc", "Cs"}


@each_attack
def test_neutralised_it_can_be_written(attack):
    assert neutralised(attack).encode("utf-8")


@each_attack
def test_to_neutralise_it_twice_is_to_neutralise_it_once(attack):
    once = neutralised(attack)
    assert neutralise(once, LIMIT).text == once
