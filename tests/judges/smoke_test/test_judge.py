"""The smoke-test judge as the environment meets it."""

import subprocess
import sys
from pathlib import Path

import pytest

from negotiation_env.errors import JudgeError
from negotiation_env.game.events import Question, QuestionKind, Utterance
from negotiation_env.game.scenario import Persona, Scenario
from negotiation_env.judges.smoke_test.encoder import Encoder, load_encoder
from negotiation_env.judges.smoke_test.judge import EmbeddedJudge, other_dilemmas

SCENARIO = Scenario(
    "van",
    "Two bakers share one delivery van, and both want it on market days. Who drives it when?",
    (Persona("Ada", "sell bread at the Monday market"), Persona("Bo", "deliver cakes to the hospital on time")),
)
PROPOSAL = Utterance(0, "Mondays matter to me.\nPROPOSE: Ada drives on Mondays and takes the cakes along.")
DONE = (PROPOSAL, Utterance(1, "With the cakes on board by nine, yes.\nACCEPT"))
PLAN = "Ada drives to the Monday market at eight and drops the hospital's cakes on her way, and Bo pays half the fuel."


def agreement(*dialogue: Utterance) -> Question:
    return Question(QuestionKind.AGREEMENT, SCENARIO, dialogue)


def answer(text: str) -> Question:
    return Question(QuestionKind.SCORE, SCENARIO, completion=text)


@pytest.mark.usefixtures("no_encoder")
def test_agreement_needs_no_encoder() -> None:
    yes, no = EmbeddedJudge().judge([agreement(*DONE), agreement(PROPOSAL)])
    assert (yes.value, no.value) == (1.0, 0.0)
    assert yes.details == {
        "proposal": "Ada drives on Mondays and takes the cakes along.",
        "proposer": 0,
        "accepted": [1],
    }
    assert "smoke-test" in yes.judge


@pytest.mark.usefixtures("no_encoder")
def test_a_refused_answer_scores_zero_with_its_code() -> None:
    (verdict,) = EmbeddedJudge().judge([answer("")])
    assert (verdict.value, verdict.reason) == (0.0, "empty")


@pytest.mark.usefixtures("no_encoder")
def test_no_questions_no_answers() -> None:
    assert EmbeddedJudge().judge([]) == []


def test_importing_it_loads_no_torch() -> None:
    code = "import negotiation_env.judges.smoke_test.judge, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_changed_weights_raise_instead_of_scoring(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(JudgeError, match="SHA-256"):
        Encoder(tmp_path)


def test_the_pool_is_fixed_and_diverse() -> None:
    assert len(other_dilemmas()) == len(set(other_dilemmas())) > 50


@pytest.mark.models
def test_a_mixed_batch_is_answered_in_order() -> None:
    verdicts = EmbeddedJudge().judge([answer(PLAN), agreement(*DONE), answer("No.")])
    assert verdicts[0].value is not None
    assert verdicts[0].value > 1
    assert verdicts[0].details["score"] == verdicts[0].value
    assert verdicts[1].value == 1.0
    assert verdicts[2].reason == "too_short"


@pytest.mark.models
def test_a_score_does_not_depend_on_the_rest_of_the_batch() -> None:
    others = [answer(f"Bo keeps the van, but on day {day} Ada rides along with her bread.") for day in range(9)]
    judge = EmbeddedJudge()
    encoder = load_encoder()
    alone = judge.judge([answer(PLAN)])[0].value
    encoder.forget()
    assert judge.judge([*others, answer(PLAN)])[-1].value == pytest.approx(alone, abs=0.002)
