"""The reading judge as the environment meets it."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from negotiation_env import load_scenarios, resolve_judge
from negotiation_env.errors import NotFetched, UserError
from negotiation_env.game.events import Question, QuestionKind, Utterance
from negotiation_env.game.scenario import Persona, Scenario
from negotiation_env.judges.probes import Probe, ProbeKind
from negotiation_env.judges.reading import judge as module
from negotiation_env.judges.reading.heads import Network, load_heads, squeezed
from negotiation_env.judges.reading.judge import ReadingJudge, make
from negotiation_env.judges.reading.passages import passage
from negotiation_env.judges.reading.reader import PLACES, WIDTH
from tests.conftest import three_parties

SCENARIO = Scenario(
    "van",
    "Two bakers share one delivery van, and both want it on market days. Who drives it when?",
    (Persona("Ada", "You sell bread at the Monday market."), Persona("Bo", "You bring cakes to the hospital by nine.")),
)
PLAN = "Ada drives to the Monday market at eight and drops the hospital's cakes on her way, and Bo pays half the fuel."
NONSENSE = "The van is the market of the bread, and the hospital is kept at nine by the Monday, so the cakes are kept."
GOOD_WILL = (
    "Ada and Bo will talk about the van and find a way that is good for the bakers, the market and the hospital."
)
PROPOSAL = "Ada drives to the Monday market at eight and drops the hospital's cakes on her way."
DONE = (
    Utterance(0, f"Mondays are all I have.\nPROPOSE: {PROPOSAL}"),
    Utterance(1, "With the cakes on board by nine I am glad to do it so; we have a deal.\nACCEPT"),
)
FREE = tuple(Utterance(turn.seat, turn.text.replace("PROPOSE: ", "").replace("\nACCEPT", "")) for turn in DONE)
COUNTER = Utterance(1, "I would rather we took turns: two Mondays are yours, two are mine. What do you say to that?")
BARE = (Utterance(0, "PROPOSE: Half."), DONE[1])
EMPTY = (Utterance(0, f"PROPOSE: {GOOD_WILL}"), DONE[1])
OPEN = (DONE[0], Utterance(1, "No. The hospital will not wait for your bread, and I will not sign this."))


def answer(text, scenario=SCENARIO):
    return Question(QuestionKind.SCORE, scenario, completion=text)


def agreement(*dialogue):
    return Question(QuestionKind.AGREEMENT, SCENARIO, dialogue)


@pytest.fixture
def no_model(monkeypatch):
    monkeypatch.setattr(module, "load_reader", lambda: pytest.fail("the model was loaded"))


@pytest.mark.usefixtures("no_model")
def test_what_is_refused_or_not_accepted_is_not_read():
    empty, silent, bare, no = ReadingJudge().judge([answer(""), agreement(FREE[0]), agreement(*BARE), agreement(*OPEN)])
    assert (empty.value, empty.reason) == (0.0, "empty")
    assert (silent.value, bare.value, no.value) == (0.0, 0.0, 0.0)
    assert bare.reason == "what was accepted is no plan: too_short"
    assert ReadingJudge().judge([]) == []


def test_tags_are_not_read():
    read = passage(agreement(*DONE))
    assert read.text == f"A: Mondays are all I have. {PROPOSAL}\n"
    assert read.closing == "B: With the cakes on board by nine I am glad to do it so; we have a deal."


@pytest.mark.usefixtures("no_model")
def test_an_open_question_is_unscored():
    [verdict] = ReadingJudge().judge([answer(PLAN, load_scenarios("eval_open")[0])])
    assert (verdict.value, verdict.reason) == (None, "this judge reads what parties settle: it scores no open question")


def test_what_texts_on_one_scenario_share_comes_first_and_all_parties_are_asked_about():
    two, other = passage(answer("One.")), passage(answer("Two."))
    assert (two.scene, two.question) == (other.scene, other.question)
    assert two.question.endswith("serves both A and B?")
    assert passage(answer("One.", three_parties())).question.endswith("serves A, B and C?")


def test_scores_stay_within_the_scale_and_keep_their_order():
    scores = squeezed(np.linspace(-3, 8, 500))
    assert (np.diff(scores) > 0).all()
    assert 0 < scores[0] < 0.01
    assert 4.99 < scores[-1] < 5
    np.testing.assert_allclose(squeezed(np.array([0.5, 2.0, 4.5])), [0.5, 2.0, 4.5])


def test_a_network_is_units_that_are_zero_below_a_threshold_and_a_line():
    network = Network(np.array([[1.0, -1.0, 0.5], [2.0, 0.0, 0.0]]), np.array([[3.0, -1.0, 0.25]]))
    found = np.array([[2.0, 1.0], [-4.0, 0.0]])  # units: 1.5 and 4; none
    np.testing.assert_allclose(network.values(found), [[3 * 1.5 - 4 + 0.25], [0.25]])


def test_grades_are_mixed_by_how_surely_a_small_model_wrote_the_text():
    def saying(*values):
        return Network(np.zeros((1, 2)), np.array([[0.0, value] for value in values]))

    nothing = np.zeros((1, 1))
    mixed = [
        replace(load_heads(), by_model=saying(odds), of_any=saying(4, 3, 2), of_models=saying(1, 2, 3)).grades(nothing)
        for odds in (-50, 0, 50)
    ]
    np.testing.assert_allclose(np.concatenate(mixed), [[4, 3, 2], [2.5, 2.5, 2.5], [1, 2, 3]])


def test_the_shipped_heads_are_small_and_whole():
    heads = load_heads()
    of_answers = (heads.axes, *(network.first[:, :-1] for network in (heads.by_model, heads.of_any, heads.of_models)))
    assert {each.shape[1] for each in of_answers} == {heads.centre.size} == {2 * WIDTH}
    assert heads.agreement.first.shape[1] - 1 == PLACES * WIDTH
    assert np.isfinite(heads.grades(np.stack([heads.centre, 1e6 * heads.centre]))).all()


def test_where_the_model_cannot_be_had_the_rubric_judges_and_every_verdict_says_so(monkeypatch, capfd):
    def no_source():
        raise NotFetched("could not fetch the model: no network")

    monkeypatch.setattr(module, "reading_model", no_source)
    judge = resolve_judge("reading")
    assert "the rubric judges in place of the reading judge: could not fetch" in " ".join(
        capfd.readouterr().err.split()
    )
    assert judge.judge([answer("")])[0].judge == judge.name
    assert judge.name.endswith(", in place of the reading judge")


def test_a_model_that_was_changed_is_told_and_nobody_judges_in_its_place(monkeypatch):
    def changed():
        raise UserError("weights was changed")

    monkeypatch.setattr(module, "reading_model", changed)
    with pytest.raises(UserError, match="was changed"):
        resolve_judge("reading")


def test_importing_it_loads_no_torch():
    code = "import negotiation_env.judges.reading.judge, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.models
def test_a_plan_scores_above_nonsense_and_a_yes_is_told_from_a_no():
    judge = make()
    plan, nonsense, yes, no = judge.judge(
        [answer(PLAN), answer(NONSENSE), agreement(*FREE), agreement(FREE[0], COUNTER)]
    )
    assert nonsense.value < plan.value
    assert len(plan.details["satisfaction"]) == 2
    assert plan.details["interval"][0] < plan.value < plan.details["interval"][1]
    assert yes.details["probability"] > no.details["probability"]


@pytest.mark.models
def test_a_yes_is_told_from_a_plain_refusal():
    yes, refused = make().judge([agreement(*FREE), agreement(FREE[0], OPEN[1])])
    assert yes.details["probability"] > refused.details["probability"]


@pytest.mark.models
def test_an_acceptance_counts_only_where_what_was_accepted_is_a_plan():
    plan, empty, free = make().judge([agreement(*DONE), agreement(*EMPTY), agreement(*FREE)])
    assert (plan.value, empty.value) == (1.0, 0.0)
    assert plan.details["plan"] >= 1.0 > empty.details["plan"]
    assert empty.reason == f"what was accepted is no plan: it scores {empty.details['plan']:g}, and 1 is the least"
    assert "plan" not in free.details


@pytest.mark.models
def test_a_plan_that_breaks_off_settles_nothing():
    broken = Utterance(0, f"PROPOSE: {PROPOSAL} Then, on the way back, she"), DONE[1]
    [verdict] = make().judge([agreement(*broken)])
    assert (verdict.value, verdict.reason) == (0.0, "what was accepted is no plan: it breaks off")
    assert verdict.details["plan"] > 0


@pytest.mark.models
def test_asked_again_in_another_batch_it_says_the_same():
    judge = make()
    (alone,) = judge.judge([answer(PLAN)])
    beside = judge.judge([answer(NONSENSE), answer(PLAN * 3), answer(PLAN)])[-1]
    assert alone.value == pytest.approx(beside.value, abs=0.005)


@pytest.mark.models
def test_each_party_is_asked_whether_it_accepts():
    probes = [Probe(ProbeKind.ACCEPTANCE, SCENARIO, PLAN, seat) for seat in (0, 1)]
    three = Probe(ProbeKind.ACCEPTANCE, three_parties(), PLAN)
    first, second, unknown = make().examine([*probes, three])
    assert 0 <= first.value <= 5
    assert first.details["accepts"] == (first.value >= 2.5)
    assert 0 <= second.value <= 5
    assert unknown.value is None
