"""Guard files: what is shipped, what one writes, and what is refused with a line."""

import pytest

from negotiation_env.errors import UserError
from negotiation_env.game.events import Utterance
from negotiation_env.guards.files import SHIPPED, Constraint, Guards, Intervention, load_guards
from negotiation_env.guards.propositions import Heard
from negotiation_env.guards.watch import Watch
from tests.guards.test_propositions import SCENARIO


def written(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_guards_load_and_tell_the_speaker_what_to_do(name):
    guards = load_guards(name)
    assert guards.name == name
    assert all(each.told.endswith(".") for each in guards.constraints)


def test_a_ladder_of_one_step_is_its_name(tmp_path):
    (found,) = load_guards(
        written(tmp_path, '[[constraint]]\nname = "a"\nformula = "accepts"\nladder = "end"')
    ).constraints
    assert found.ladder == (Intervention.END,)


def test_all_shipped_guards_go_together():
    together = load_guards(SHIPPED)
    assert together.name == "careful+anti_hacking+safety"
    assert len(together.constraints) == sum(len(load_guards(name).constraints) for name in SHIPPED)


def test_a_file_adds_functions_of_ones_own(tmp_path):
    path = written(
        tmp_path,
        """
        [[constraint]]
        name = "polite"
        formula = "says_please or shouting < 0.5"
        [propositions]
        says_please = "tests.guards.test_files:says_please"
        [numbers]
        shouting = "tests.guards.test_files:shouting"
        """,
    )
    watch = Watch(load_guards([path, "safety"]), SCENARIO)
    assert not watch.look(Utterance(0, "please GO"), ()).violations
    (found,) = watch.look(Utterance(0, "GO"), ()).violations
    assert (found.constraint, found.intervention) == ("polite", Intervention.RECORD)


def test_an_installed_package_adds_propositions_and_numbers(tmp_path, monkeypatch):
    told = tmp_path / "polite_package-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: polite-package\nVersion: 1.0\n")
    here = "tests.guards.test_files"
    groups = {"propositions": f"says_please = {here}:says_please", "numbers": f"shouting = {here}:shouting"}
    text = "\n".join(f"[negotiation_env.{group}]\n{line}" for group, line in groups.items())
    (told / "entry_points.txt").write_text(text)
    path = written(tmp_path, '[[constraint]]\nname = "polite"\nformula = "says_please or shouting < 0.5"\n')
    with pytest.raises(UserError, match="no proposition 'says_please'"):
        load_guards(path)
    monkeypatch.syspath_prepend(tmp_path)
    assert Watch(load_guards(path), SCENARIO).look(Utterance(0, "GO"), ()).violations


def says_please(heard: Heard) -> bool:
    return "please" in heard.text


def shouting(heard: Heard) -> float:
    return sum(map(str.isupper, heard.text)) / len(heard.text)


def test_a_function_of_ones_own_that_raises_is_told_with_its_place():
    def slip(heard):
        raise KeyError("gone")

    guards = Guards("mine", (Constraint("a", "slips"),), {"slips": slip})
    with pytest.raises(UserError, match=r"the proposition slips raised KeyError at test_files\.py:"):
        Watch(guards, SCENARIO).look(Utterance(0, "Hm."), ())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[constraint]]\nname = "a"', "formula"),
        ('[[constraint]]\nname = "A b"\nformula = "accepts"', "constraint 'A b': expected a name of a to z"),
        ('[[constraint]]\nname = "a"\nformula = "accepts and"', "constraint 'a': expected .* in: accepts and →"),
        (
            '[[constraint]]\nname = "a"\nformula = "smiles"',
            "constraint 'a': no proposition 'smiles'; expected one of: ",
        ),
        ('[[constraint]]\nname = "a"\nformula = "mine"', "no proposition 'mine'"),
        ('[[constraint]]\nname = "a"\nformula = "accepts > 2"', "no number 'accepts'; expected one of: words"),
        ('[[constraint]]\nname = "a"\nformula = "accepts"\nladder = ["shout"]', "ladder.0: Input should be 'record'"),
        ('[[constraint]]\nname = "a"\nformula = "accepts"\nladder = []', "does not end on ask_again"),
        (
            '[[constraint]]\nname = "a"\nformula = "accepts"\nladder = ["ask_again"]',
            "asked for ever; end it on another",
        ),
        ('[[constraint]]\nname = "a"\nformula = "accepts"\nseats = "some"', "expected seats ="),
        ('[[constraint]]\nname = "a"\nformula = "accepts"\n' * 2, "two constraints are called 'a'"),
        ('[[constraint]]\nname = "a"\nformulas = "accepts"', "there is no key 'formulas'"),
        ('name = "a"', "there is no key 'name'"),
        ('constraint = []\n[propositions]\nx = "nowhere:x"', "cannot be loaded"),
        ("[[", "is not valid TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_in_one_line_with_its_path(tmp_path, text, told):
    path = written(tmp_path, text)
    with pytest.raises(UserError, match=told) as error:
        load_guards(path)
    assert "\n" not in str(error.value)


def test_a_name_that_is_no_file_is_told_what_there_is():
    with pytest.raises(
        UserError,
        match=r"no guards 'carefull' \(did you mean careful\?\); expected one of careful, anti_hacking, safety, or",
    ):
        load_guards("carefull")


def test_guards_with_the_same_constraint_do_not_go_together():
    mine = Guards("mine", (Constraint("no_pressure", "not pressure"),))
    with pytest.raises(UserError, match="two constraints are called 'no_pressure'"):
        load_guards([mine, "safety"])


def test_guards_that_mean_different_things_by_one_name_do_not_go_together(tmp_path):
    own = '[[constraint]]\nname = "a"\nformula = "accepts"\n[propositions]\n'
    path = written(tmp_path, f'{own}accepts = "tests.guards.test_files:says_please"')
    assert load_guards([path]).propositions["accepts"] is says_please
    with pytest.raises(UserError, match="mean different things by 'accepts'"):
        load_guards([path, "careful"])


@pytest.mark.parametrize("name", ["mine", "true", "since"])
def test_no_function_is_called_like_a_word_of_formulas(tmp_path, name):
    path = written(tmp_path, f'constraint = []\n[propositions]\n{name} = "tests.guards.test_files:says_please"')
    with pytest.raises(UserError, match=f"'{name}' is a word of formulas"):
        load_guards(path)


def test_an_empty_list_of_guards_is_none():
    with pytest.raises(UserError, match="got none, which is None"):
        load_guards([])


ASKS = '[[constraint]]\nname = "kept"\nformula = "not gives_in"\n[asked]\ngives_in = "Does the speaker give in?"\n'


def test_a_file_asks_the_judge_and_its_questions_are_part_of_its_id(tmp_path):
    asking = load_guards(written(tmp_path, ASKS))
    assert asking.asked == {"gives_in": "Does the speaker give in?"}
    assert load_guards(written(tmp_path, ASKS.replace("give in", "yield"))).id != asking.id
    assert load_guards([asking, written(tmp_path, ASKS.replace('"kept"', '"held"'))]).asked == asking.asked
    assert not load_guards(SHIPPED).asked


@pytest.mark.parametrize("question", ["", " ", "x" * 501])
def test_a_question_that_is_none_is_refused(tmp_path, question):
    with pytest.raises(UserError, match="asked: expected a question of 1 to 500 characters"):
        load_guards(written(tmp_path, ASKS.replace("Does the speaker give in?", question)))
