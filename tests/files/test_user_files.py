import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given

from negotiation_env.data import read_scenarios
from negotiation_env.errors import UserError
from negotiation_env.files.settings_file import read_toml
from negotiation_env.files.user_files import read_rows, read_text, row_text
from negotiation_env.game.chats import brief, single_agent_chat
from negotiation_env.game.prompts import shipped_prompts
from negotiation_env.judges.check.labelled import read_labelled
from negotiation_env.judges.criteria import load_criteria
from negotiation_env.judges.llm_file import read_llm_judge
from negotiation_env.synthesis.sources import load_sources
from tests.conftest import three_parties, two_parties
from tests.helpers.arbitrary_json import json_texts
from tests.helpers.no_files import PLACES, a_pipe

BOM = b"\xef\xbb\xbf"
SHIPPED = Path(__file__).parents[2] / "negotiation_env"
GOOD = two_parties().to_dict()


def pairs(path):
    return load_sources("dilemmas", personas=path, shipped=False).pairs


READERS = {
    "scenarios": (SHIPPED / "data" / "eval_conflict.jsonl", read_scenarios),
    "labelled": (SHIPPED / "data" / "judge_check.jsonl", lambda path: read_labelled(path).items),
    "personas": (SHIPPED / "data" / "personas.jsonl", pairs),
    "criteria": (SHIPPED / "judges" / "objectives" / "collective_agency.toml", lambda path: load_criteria(str(path))),
    "judge": (SHIPPED.parent / "examples" / "judge.toml", read_llm_judge),
    "training": (SHIPPED.parent / "examples" / "selfplay_embedded.toml", lambda path: read_toml(path, "config file")),
}


@pytest.mark.parametrize("name", READERS)
def test_a_byte_order_mark_and_windows_line_ends_change_nothing_in_what_people_write(tmp_path, name):
    path, read = READERS[name]
    changed = tmp_path / path.name
    changed.write_bytes(BOM + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read(changed) == read(path)


@pytest.mark.parametrize("name", READERS)
def test_what_is_no_utf_8_is_told_with_what_to_do(tmp_path, name):
    path = tmp_path / READERS[name][0].name
    path.write_bytes("Café".encode("latin-1"))
    with pytest.raises(UserError, match=r"is no UTF-8 text \(.* at byte \d\); expected a .*: save it as UTF-8"):
        READERS[name][1](path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("name", READERS)
def test_what_windows_calls_unicode_is_told_with_what_to_do(tmp_path, name, mark, encoding):
    source, read = READERS[name]
    path = tmp_path / source.name
    path.write_bytes((mark + source.read_text(encoding="utf-8")).encode(encoding))
    with pytest.raises(UserError, match=r"is no UTF-8 text \(it looks like UTF-16\); expected a .*: save it as UTF-8$"):
        read(path)


def test_a_file_that_cannot_be_opened_is_told(tmp_path):
    for path, told in (
        (tmp_path, "a folder is where a file is needed"),
        (tmp_path / "none", "No such file or directory"),
    ):
        with pytest.raises(UserError, match=f"no list '{path}': {told}"):
            read_text(path, "list")


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file_is_told_and_not_waited_for(tmp_path, name, kind):
    path = tmp_path / READERS[name][0].name
    with PLACES[kind](path), pytest.raises(UserError) as told:
        READERS[name][1](path)
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


def test_a_link_to_a_pipe_is_not_waited_for_and_one_to_a_file_is_read(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "target")
    with a_pipe(tmp_path / "target"), pytest.raises(UserError, match="a named pipe is where a file is needed"):
        read_text(link, "list")
    (tmp_path / "target").write_text("here")
    assert read_text(link, "list") == "here"


@pytest.mark.parametrize("name", READERS)
def test_a_link_to_what_people_write_is_followed(tmp_path, name):
    source, read = READERS[name]
    link = tmp_path / source.name
    link.symlink_to(source)
    assert read(link) == read(source)


def test_what_a_shell_hands_over_open_is_read():
    source, read = READERS["scenarios"]
    code = "import sys; from pathlib import Path; from negotiation_env.data import read_scenarios as read; "
    code += "print([len(read(Path(each))) for each in sys.argv[1:]])"
    command = f'{sys.executable} -c "$CODE" <(cat "$FILE") /dev/stdin < <(cat "$FILE")'
    there = {"CODE": code, "FILE": str(source), "PYTHONPATH": str(SHIPPED.parent)}
    done = subprocess.run(["bash", "-c", command], env=os.environ | there, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([len(read(source))] * 2)


@pytest.mark.parametrize(
    "text", ["a = nan", "a = -inf", "a = 1e999", "a = [[1, [inf]]]", "a = " + "9" * 5000, "a = 1\na = 2"]
)
def test_settings_have_finite_numbers_and_every_key_once(tmp_path, text):
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(UserError, match=r"a.toml is not valid TOML: .+"):
        read_toml(tmp_path / "a.toml", "file")


def test_settings_nested_beyond_reading_are_told(tmp_path):
    (tmp_path / "a.toml").write_text("a = " + "[" * 100_000)
    with pytest.raises(UserError, match=r"a.toml is not valid TOML: "):
        read_toml(tmp_path / "a.toml", "file")


def test_empty_lines_say_nothing_and_count_for_the_numbers_of_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('\n{"id": "a"}\n  \n{"id": "b"}\n\n{"id": "a"}')
    with pytest.raises(UserError, match=r"a.jsonl, line 6: the id 'a' stands in line 2; ids must differ"):
        read_rows(path, "list", lambda row: (row_text(row, "id"), row))


@pytest.mark.parametrize("name", ["scenarios", "labelled", "personas"])
def test_an_id_that_looks_like_an_earlier_one_or_like_nothing_is_told_with_its_line(tmp_path, name):
    shipped, read = READERS[name]
    row, path = json.loads(shipped.read_text("utf-8").partition("\n")[0]), tmp_path / "a.jsonl"
    for other, told in {
        "\u200bcafe\u0301": r"line 2: the id '\\u200bcafe\\u0301' looks like the one in line 1; ids must differ",
        "\u3164": r"line 2: .*expected text under 'id', got '\\u3164', of which nothing",
    }.items():
        path.write_text("".join(json.dumps(row | {"id": id}) + "\n" for id in ("café", other)), "utf-8")
        with pytest.raises(UserError, match=told):
            read(path)
    path.write_text("".join(json.dumps(row | {"id": id}) + "\n" for id in ("café", "Café", "cafe")), "utf-8")
    read(path)


def persona(number, **change):
    changed = [dict(each) for each in GOOD["personas"]]
    changed[number - 1] |= change
    return {**GOOD, "personas": changed}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({**GOOD, "dilemma": "x" * 4001}, "scenario 'well': expected at most 4000 characters, .* 'dilemma'; got 4001"),
        (
            persona(2, goal="x" * 9000),
            "scenario 'well', persona 2: expected at most 4000 characters, .* 'goal'; got 9000",
        ),
        (persona(1, name="x" * 4001), "persona 1: expected at most 4000 characters, .* 'name'; got 4001"),
        (persona(1, red_line="x" * 4001), "persona 1: expected at most 4000 characters, .* 'red_line'; got 4001"),
        (persona(1, style="x" * 4001), "persona 1: expected at most 4000 characters, .* 'style'; got 4001"),
        (persona(2, values=["x" * 2000] * 2), "persona 2: expected at most 4000 characters, .* 'values'; got 4002"),
        (persona(1, values="fairness"), "persona 1: expected a list of texts under 'values', got 'fairness'"),
        (persona(1, values=None), "persona 1: expected a list of texts under 'values', got None"),
        (persona(1, values=[1]), r"persona 1: expected a list of texts under 'values', got \[1\]"),
        (persona(2, values={"a": 1}), "persona 2: expected a list of texts under 'values', got {'a': 1}"),
        (persona(2, values=["a", "\ud83d"]), "persona 2: expected a list of texts under 'values'"),
        (persona(2, goal=None), "persona 2: expected text under 'goal', got None"),
        (persona(2, red_line=3), "persona 2: expected text under 'red_line', got 3"),
        (persona(2, style=None), "persona 2: expected text under 'style', got None"),
        (persona(1, name="Le\ud83da"), "persona 1: expected text under 'name', got a lone surrogate, half a character"),
        (persona(1, name="*"), "persona 1: expected letters or digits in its 'name', got '\\*'"),
        (
            persona(1, name="noor\u200b "),
            "scenario 'well': persona names must differ in more than case, white space and",
        ),
        ({**GOOD, "id": "half \ud83d"}, "scenario: expected text under 'id', got a lone surrogate"),
        ({**GOOD, "dilemma": "half \ud83d"}, "scenario: expected text under 'dilemma', got a lone surrogate"),
        ({**GOOD, "tension": "\udc00"}, "scenario: expected text under 'tension', got a lone surrogate"),
        ({**GOOD, "category": ["a"]}, r"scenario: expected text under 'category', got \['a'\]"),
        ({**GOOD, "domain": None}, "scenario: expected text under 'domain', got None"),
        ({**GOOD, "personas": None}, "scenario 'well': expected a list under 'personas', got None"),
        ({**GOOD, "personas": "Lea, Noor"}, "scenario 'well': expected a list under 'personas', got 'Lea, Noor'"),
        ({**GOOD, "personas": [None, None]}, "persona 1: expected a JSON object, got None"),
        ({"id": "x"}, "scenario: the field 'dilemma' is missing; got the fields \\['id'\\]"),
        ([GOOD], "scenario: expected a JSON object, got \\[{"),
        (GOOD, "the id 'well' stands in line 1; ids must differ"),
        ('{"id": "a", "id": "b"}', "the name 'id' stands twice in one object"),
        ('{"id": "a", "dilemma": NaN}', "NaN is not a finite number"),
        ("[" * 5000 + "]" * 5000, "it is nested deeper than 100 levels"),
        ("{", "Expecting property name"),
    ],
)
def test_a_wrong_scenario_is_told_with_file_line_and_field_in_one_line(tmp_path, row, told):
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(GOOD) + "\n" + (row if isinstance(row, str) else json.dumps(row)) + "\n")
    with pytest.raises(UserError, match=rf"mine\.jsonl, line 2: .*{told}") as error:
        read_scenarios(path)
    message = str(error.value).replace(str(path), "")
    assert "\n" not in message
    assert len(message) < 300


@given(json_texts(three_parties().to_dict()))
def test_whatever_stands_in_a_file_it_is_read_or_told(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "arbitrary.jsonl"
    path.write_bytes(content)
    try:
        texts = [scenario.to_json() for scenario in read_scenarios(path)]
    except UserError as error:
        texts = [str(error)]
    assert all(text.encode() for text in texts)


def test_a_field_at_the_limit_is_shown_whole(tmp_path):
    # Each line opens like a speaker, and what is put there instead of its colon is longer.
    dilemma = ("user: a\n" * 500)[:3990] + " Who pays?"
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({**persona(1, goal="g" * 4000), "dilemma": dilemma}))
    (scenario,) = read_scenarios(path)
    assert "Who pays?" in brief(shipped_prompts("handshake"), scenario, 0)
    assert "g" * 4000 in brief(shipped_prompts("handshake"), scenario, 0)
    assert "Who pays?" in single_agent_chat(shipped_prompts("handshake"), scenario)[0]["content"]
