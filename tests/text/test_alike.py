import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from negotiation_env.text.alike import folded, name_key

HYPHENS = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"


@pytest.mark.parametrize(
    "texts",
    [
        [f"win{hyphen}win" for hyphen in HYPHENS] + ["win--win", "win---win", "Win-\u00adWin"],
        ["cooperate", "co\u00adoperate", "co\u200boper\u200date", "\ufeffcooperate", "COOPERATE", "ｃｏｏｐｅｒａｔｅ"],
        ["so … yes", "so ... yes", "so . . . yes", "so ⋯ yes", "so\u00a0…\r\nyes", "so\u2003...\u2028yes"],
        [
            f"say {left}yes{right}"
            for left, right in ("“”", "„“", "«»", "‹›", "''", '""', "‘’", "´´", "「」", "＂＂", "❝❞")
        ],
        ["l'eau", "l’eau", "lʼeau", "l＇eau", "l′eau", "l`'eau"],
        [
            "we share it",
            "**we** _share_ it",
            "~~we share~~ it",
            "`we share` *it*",
            "***we share it***",
            "we\tshare\n it",
        ],
        ["find 10, now!", "ﬁnd １０， now！", "𝐟𝐢𝐧𝐝 𝟏𝟎, now!", "find 10, now\ufe57"],
        ["café", "cafe\u0301", "CAFÉ"],
        ["❤️ yes", "❤ yes"],
        ["plan IV", "plan Ⅳ"],
        ["5 kg", "5 ㎏"],
    ],
    ids=lambda texts: texts[0],
)
def test_presentation_is_folded(texts):
    assert {folded(text) for text in texts} == {folded(texts[0])}


@pytest.mark.parametrize(
    "texts",
    [
        ["x²", "x2", "x₂", "x*2", "x 2"],
        ["10", "1 0", "1O", "①0", "1_0", "1*0", "1~0"],
        ["1½", "11⁄2", "11/2", "1 1/2"],
        ["-5", "5", "--5", "~5", "+5"],
        ["a_b", "ab", "a b"],
        ["5 * 3", "5 3", "53", "5*3"],
        ["l", "1", "I", "ι"],
        ["résumé", "resume"],
        ["50%", "50"],
        ["yes.", "yes?", "yes!"],
        ["win-win", "win win", "winwin"],
    ],
    ids=lambda texts: texts[0],
)
def test_letters_numbers_and_what_belongs_to_a_number_are_not(texts):
    assert len({folded(text) for text in texts}) == len(texts)


@given(st.text())
def test_a_folded_text_stays_as_it_is(text):
    assert folded(folded(text)) == folded(text)


@given(st.characters(categories=("L", "N")), st.characters(categories=("L", "N")))
def test_two_letters_or_numbers_are_one_only_where_unicode_says_so(one, other):
    def compatible(character):
        return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", character).casefold()).casefold()

    if folded(one) == folded(other) and not folded(one).isspace():
        assert compatible(one) == compatible(other) or "'" in folded(one)


@pytest.mark.parametrize(
    "name",
    [
        "Ann ",
        "ann",
        "Ann\u200b",
        "\u2060Ann",
        "<b>Ann</b>",
        "‹b›Ann‹/b›",
        "**Ann**",
        "[Ann]",
        "Ａｎｎ",
        "ANN\n",
        "> Ann",
        "#Ann",
    ],
)
def test_a_name_is_what_a_reader_sees(name):
    assert name_key(name) == "ann"


@pytest.mark.parametrize("name", ["*", "** **", " ", "\u200b", "—", "🦊", "[]", "…", ":"])
def test_a_name_without_letters_and_digits_is_none(name):
    assert name_key(name) == ""


def test_names_in_any_script_keep_what_tells_them_apart():
    names = ["Ann Lee", "Ann-Lee", "Anna Lee", "रवि", "रवा", "小李", "小王", "Zoë", "Zoe", "C", "C++", "Ann (CEO)"]
    assert len(set(map(name_key, names))) == len(names)
