import pytest

from negotiation_env.synthesis.neighbours import NearLimits, Neighbours, find_encoder, jaccard
from tests.synthesis.writers import bags_of_words, words

TEXT = words("text", 60)


def nearest(text, known=TEXT, encode=None):
    found = Neighbours(encode)
    found.add("other", words("other", 60))
    found.add("known", known)
    return found.nearest(text)


def exceeded(text, **more):
    return NearLimits().exceeded(nearest(text, **more))


def test_the_same_text_is_near_by_every_measure():
    found = nearest(TEXT.upper(), encode=bags_of_words)
    assert (found.run, found.lexical, found.jaccard, found.semantic, found.cosine) == ("known", "known", 1, "known", 1)


def test_eight_words_in_a_row_are_too_many_and_seven_are_not():
    some = TEXT.split()
    assert exceeded(f"{words('else', 50)} {' '.join(some[:8])}") == ("words in a row",)
    assert exceeded(f"{words('else', 50)} {' '.join(some[:7])}") == ()


def test_a_text_with_every_seventh_word_exchanged_is_found_by_its_word_3_grams():
    changed = " ".join("new" if place % 7 == 6 else word for place, word in enumerate(TEXT.split()))
    assert exceeded(changed) == ("jaccard",)


def test_the_same_words_in_another_order_are_found_by_meaning_only():
    backwards = " ".join(reversed(TEXT.split()))
    assert exceeded(backwards) == ()
    assert exceeded(backwards, encode=bags_of_words) == ("cosine",)


def test_an_unrelated_text_is_near_nothing_and_so_is_any_text_to_no_text():
    assert exceeded(words("new", 60), encode=bags_of_words) == ()
    assert NearLimits().exceeded(Neighbours(bags_of_words).nearest(TEXT)) == ()


def test_jaccard_counts_word_3_grams():
    assert jaccard("a b c d", "A, b: c e!") == pytest.approx(1 / 3)
    assert jaccard("a b", "a b") == 0.0


@pytest.mark.models
def test_minilm_finds_a_retold_dilemma_and_leaves_another_of_the_same_domain():
    told = (
        "The bakery's oven broke on Friday. Marta wants to close until it is repaired; Jonas would sell bought bread."
    )
    retold = (
        "On Friday the oven at the bakery gave out. Marta would shut till it is fixed, Jonas sell bread from elsewhere."
    )
    other = "Two apprentices at the bakery want the morning shift; one has a child at school, the other asked first."
    encode = find_encoder()
    assert exceeded(retold, known=told, encode=encode) == ("cosine",)
    assert exceeded(other, known=told, encode=encode) == ()
