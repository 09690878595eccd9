"""The agreement probe reads words, not tags, and decides nothing."""

import json
from importlib import resources

import numpy as np

from negotiation_env.game.events import Utterance
from negotiation_env.judges.smoke_test.fit_probe import fit, validate
from negotiation_env.judges.smoke_test.probe import agreement_probability, features, last_words
from negotiation_env.statistics.rater_agreement import area_under_curve

DIALOGUE = (
    Utterance(0, "I need the van on Mondays."),
    Utterance(1, "Then take Mondays.\nPROPOSE: Mondays are yours and Fridays are mine."),
    Utterance(0, "That suits me well.\nACCEPT"),
)


def test_it_reads_the_last_two_turns_without_their_tags() -> None:
    assert last_words(DIALOGUE) == [
        "That suits me well.",
        "Then take Mondays. Mondays are yours and Fridays are mine.",
    ]


def test_one_voice_alone_never_agrees() -> None:
    assert agreement_probability((), {}) == 0.0
    assert agreement_probability(DIALOGUE[:1], {}) == 0.0


def test_the_probability_is_one_and_the_input_two_vectors() -> None:
    vectors = {text: np.full(384, 384**-0.5, np.float32) for text in last_words(DIALOGUE)}
    assert features(DIALOGUE, vectors).shape == (768,)
    assert 0 <= agreement_probability(DIALOGUE, vectors) <= 1


def test_the_fit_finds_a_direction() -> None:
    inputs = np.random.default_rng(0).normal(size=(80, 4))
    agreed = (inputs[:, 2] > 0).astype(float)
    weights = fit(inputs, agreed)
    assert area_under_curve(inputs @ weights[:-1], agreed) > 0.95


def test_it_is_validated_on_dilemmas_that_it_has_not_seen() -> None:
    inputs = np.eye(40)  # each dilemma has a feature of its own: nothing carries over to another
    agreed = np.arange(40) % 2.0
    measured = validate(inputs, agreed, [str(dilemma) for dilemma in range(40)])
    assert measured["rows"] == measured["dilemmas"] == 40
    assert measured["accuracy"] <= 0.5


def test_the_shipped_coefficients_are_small_and_say_how_good_they_are() -> None:
    path = resources.files("negotiation_env.judges.smoke_test") / "agreement_probe.json"
    text = path.read_text("utf-8")
    stored = json.loads(text)
    assert len(text) < 20_000
    assert len(stored["weights"]) == 768
    assert stored["rows"] == 200
    assert 0.5 < stored["auc"] < 1
