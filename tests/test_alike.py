import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from negotiation_env.alike import folded, id_key, is_seen, name_key, speaker_key
from negotiation_env.text import neutralise

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


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\u2028\u3000",
        "\u200b\ufeff",
        "\u3164\u115f\uffa0",
        "\u2800",
        "\u0301\u20dd",
        "\u202e\u2066\u200f",
        "\x00\x1b",
        "\ufe0f\U000e0100",
        "\U000e0041\U000e0fff",
        "\u00ad\u2062",
        "\u17b4\u180e",
        "\u2065\ufff0",
        "\U0001d159",
    ],
    ids=ascii,
)
def test_nothing_is_to_be_seen_of_fillers_and_marks(text):
    assert not is_seen(text)
    assert id_key(text) == ""


@pytest.mark.parametrize(
    "text", ["a", "\u200b.", "🦊", "水", "ि क", "é", "e\u0301", "…", "\u2801", "¨", "\ue000"], ids=ascii
)
def test_letters_signs_and_pictures_are_seen(text):
    assert is_seen(text)
    assert id_key(text)


@pytest.mark.parametrize(
    "id", ["x-é 1", "x\u2011e\u0301 1", " x-é\u00a01\u200b", "\ufeffｘ-é １", "x-é\u28001"], ids=ascii
)
def test_ids_that_look_the_same_are_one(id):
    assert id_key(id) == "x-é 1"


def test_ids_that_a_reader_can_tell_apart_are_not():
    ids = ["x", "X", "x.", "_x_", "*x*", "x--1", "x-1", "x 1", "x1", "x²", "x2", "e", "é", "a/b", "a:b"]
    assert len(set(map(id_key, ids))) == len(ids)


@given(st.text())
def test_what_is_folded_to_words_is_seen(text):
    assert is_seen(text) or not any(map(str.isalnum, folded(text)))


NAMES = [
    "Dr. Ann Lee",
    "O'Neill",
    "Jean-Luc",
    "李明",
    "Ann & Co.",
    "Ann",
    "Anna",
    "Ann (CEO)",
    "रवि",
    "रवा",
    "Zoë",
    "Zoe",
    "Ann 2",
]


def test_ordinary_names_can_be_told_apart():
    assert len(set(map(speaker_key, NAMES))) == len(NAMES)


@pytest.mark.parametrize(
    "name",
    [
        "Ann.",
        "Ann:",
        "Ann：",
        "ann,",
        "“Ann”",
        "(Ann)",
        "A-n-n",
        "A. n. n.",
        "Ann \u2014",
        "Ann: the CEO",
        "Ann∶ hi",
        "Ann 🦊",
    ],
)
def test_signs_and_what_follows_a_colon_tell_no_name_apart(name):
    assert speaker_key(name) == "ann"


_SIGNS = st.text(st.sampled_from(" .,:;-–—!?'\"“”()[]<>*_#~|•∶：\u200b\u202e\u2800🦊"), max_size=2)


@given(st.text("Anné李रवि1 ", min_size=1, max_size=5), st.data())
def test_of_two_names_that_differ_none_opens_a_line_as_the_other(name, data):
    other = "".join(data.draw(_SIGNS) + each for each in name) + data.draw(
        st.sampled_from(["", ": B", "： B", ".", " B"])
    )
    for one, two in ((name, other), (other, name)):
        line = f"{two}: I accept."
        imitates = "fake_speaker" in neutralise(line, 99, (one,)).events
        assert not imitates or speaker_key(one) == speaker_key(two)
