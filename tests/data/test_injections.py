import unicodedata
from collections import Counter
from importlib.resources import files

from negotiation_env.data import load_injections
from negotiation_env.text.untrusted import neutralise

INJECTIONS = load_injections()
LIMIT = 4000  # characters; more than any attack has


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


def failing(right):
    """The ids of the attacks of which it is not so."""
    return [attack.id for attack in INJECTIONS if not right(neutralise(attack.text, LIMIT).text)]


def test_neutralised_every_attack_still_says_something():
    assert failing(str.strip) == []


def test_neutralised_no_attack_has_half_of_a_control_token():
    assert failing(lambda text: "<|" not in text and "|>" not in text) == []


def test_neutralised_no_attack_has_control_characters():
    def controls(text):
        return {each for each in text if each not in "\n\t" and unicodedata.category(each) in ("Cc", "Cs")}

    assert failing(lambda text: not controls(text)) == []


def test_neutralised_every_attack_can_be_written():
    assert failing(lambda text: text.encode("utf-8", "ignore").decode("utf-8") == text) == []


def test_to_neutralise_an_attack_twice_is_to_neutralise_it_once():
    assert failing(lambda text: neutralise(text, LIMIT).text == text) == []
