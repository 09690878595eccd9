"""A run from end to end in this process: what it leaves, and what it refuses without touching anything."""

import hashlib
import json
import os
import shutil
from importlib.resources import files
from multiprocessing import get_context

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from negotiation_env import ScriptedJudge, load_scenarios  # noqa: E402
from negotiation_env.agents.models.training_card import TrainingCard, read_card  # noqa: E402
from negotiation_env.agents.scripted import ScriptedAgent  # noqa: E402
from negotiation_env.benchmark.bench import run_by_name  # noqa: E402
from negotiation_env.benchmark.config import BenchmarkConfig, Decoding  # noqa: E402
from negotiation_env.environment.episode import read_episodes  # noqa: E402
from negotiation_env.episodes.evaluate import evaluate  # noqa: E402
from negotiation_env.episodes.provenance import PROVENANCE  # noqa: E402
from negotiation_env.episodes.run_folder import claim  # noqa: E402
from negotiation_env.errors import UserError  # noqa: E402
from negotiation_env.training.config import TrainConfig, load_config  # noqa: E402
from negotiation_env.training.model_card import write_model_card  # noqa: E402
from negotiation_env.training.opponents import RATINGS  # noqa: E402
from negotiation_env.training.report import before_and_after  # noqa: E402
from negotiation_env.training.run import train, way_on  # noqa: E402
from negotiation_env.training.run_folder import CHECKPOINTS, CONFIG  # noqa: E402
from negotiation_env.training.run_folder import write_config as write_settings  # noqa: E402
from negotiation_env.training.verify import verify_training  # noqa: E402
from tests.training.command import checkpoints, write_config  # noqa: E402
from tests.training.command import judge as judge_of_runs  # noqa: E402


def test_a_run_that_cannot_begin_leaves_nothing_that_stands_in_the_way_of_the_next(tmp_path):
    with pytest.raises(UserError, match="cannot load"):
        train(TrainConfig(model=str(tmp_path / "no-such-model")), tmp_path / "run", judge=ScriptedJudge())
    assert not (tmp_path / "run").exists()


OPPONENT = """
def speak(text):
    return "No."
"""


@pytest.fixture(scope="module")
def finished(model_folder, tmp_path_factory):
    """A run of two steps against a function, from an adapter and with prompts in folders, and its config."""
    home = tmp_path_factory.mktemp("runs")
    own_prompts(home / "told")
    (home / "opponent_of_runs.py").write_text(OPPONENT)
    small = {"eval_split": "none", "eval_every": 0, "max_steps": 1, "opponent": "current", "max_turns": 2}
    first = load_config(write_config(home / "first.toml", model_folder, **small))
    train(first, home / "first", judge=judge_of_runs())
    small |= {
        "prompts": str(home / "told"),
        "max_steps": 2,
        "opponent": "function:opponent_of_runs:speak",
        "adapter": str(home / "first" / "adapter"),
    }
    config = load_config(write_config(home / "run.toml", model_folder, **small))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(home)
        train(config, home / "run", judge=judge_of_runs())
        yield home, config


def own_prompts(folder, words="Say how you would share"):
    """A prompt set as somebody might write it."""
    shipped = files("negotiation_env.game").joinpath("prompt_sets", "natural.toml").read_text(encoding="utf-8")
    folder.mkdir(exist_ok=True)
    text = shipped.replace('name = "natural"', 'name = "mine"').replace("Speak freely", words)
    (folder / "prompts.toml").write_text(text, encoding="utf-8")


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def refused(config, out, match, **options):
    before = contents(out)
    with pytest.raises(UserError, match=match) as told:
        train(config, out, **{"resume": True, "judge": judge_of_runs()} | options)
    assert "\n" not in str(told.value)
    assert contents(out) == before


@pytest.fixture
def copied(finished, tmp_path):
    home, config = finished
    return shutil.copytree(home / "run", tmp_path / "run"), config, home


@pytest.mark.models
def test_a_trained_adapter_says_who_judged_it_and_a_benchmark_by_that_judge_says_so_in_its_titles(finished, tmp_path):
    home, config = finished
    for folder in (home / "run" / "adapter", home / "run" / CHECKPOINTS / "checkpoint-2"):
        assert read_card(folder) == TrainingCard(judge_of_runs().name, (judge_of_runs().name,))
    negotiators = {"base": f"hf:{config.model}", "trained": f"hf:{config.model}+{home / 'run' / 'adapter'}"}
    settings = BenchmarkConfig(
        negotiators,
        panel={},
        judge="embedded",
        comparisons={"quality": "scripted", "held out": "embedded"},
        conflict=1,
        multi=0,
        open=0,
        decoding=(Decoding.GREEDY,),
        max_turns=2,
        max_turn_tokens=4,
        max_completion_tokens=4,
        probes=False,
    )
    titles = [table.title for table in run_by_name(settings, tmp_path / "bench")]
    assert [title for title in titles if title.startswith("Wins against")] == [
        "Wins against base, quality (the training judge of trained): conflict tasks, with itself",
        "Wins against base, held out: conflict tasks, with itself",
    ]


@pytest.mark.models
def test_a_trained_adapter_has_a_card_of_its_base_data_judge_settings_figures_and_provenance(copied):
    run, config, _ = copied
    card = (run / "adapter" / "README.md").read_text(encoding="utf-8")
    made = json.loads((run / PROVENANCE).read_text(encoding="utf-8").splitlines()[-1])
    assert f"base_model: {json.dumps(config.model)}" in card
    assert judge_of_runs().name in card
    assert "\n".join(["```toml", (run / CONFIG).read_text(encoding="utf-8").rstrip(), "```"]) in card
    assert f"Commit {made['commit']}" in card
    assert f"`{made['sha256']['scenarios']}`" in card
    assert [place in card for place in ("## Licence", "## Limits", "[More Information Needed]")] == [True, True, False]


def test_an_embedded_learner_s_adapter_names_its_base_as_its_makers_do_and_not_by_a_folder_of_this_machine(tmp_path):
    config = TrainConfig(max_steps=1)
    write_settings(config, tmp_path)
    played = evaluate([ScriptedAgent("stubborn")], ScriptedJudge(), load_scenarios("eval_conflict")[:3], tmp_path / "e")
    before_and_after(config, played, played, [{"step": 1, "no_signal": 0.0}], tmp_path / "summary.json")
    (tmp_path / "adapter").mkdir()
    own = tmp_path / "adapter" / "adapter_config.json"
    own.write_text(json.dumps({"base_model_name_or_path": str(tmp_path), "r": 8}), encoding="utf-8")
    write_model_card(tmp_path)
    name = "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert json.loads(own.read_text(encoding="utf-8")) == {"base_model_name_or_path": name, "r": 8}
    card = (tmp_path / "adapter" / "README.md").read_text(encoding="utf-8")
    rate = f"| agreement rate | {played.agreement_rate} | {played.agreement_rate} |"
    assert f'base_model: "{name}"' in card
    assert "license: apache-2.0" in card
    assert f"On 3 held-out scenarios (95 % intervals):\n\n| | before | after |\n|---|---|---|\n{rate}" in card
    assert str(tmp_path) not in card


def spoil(path):
    weights = load_file(path)
    save_file({name: weight * torch.nan for name, weight in weights.items()}, path)


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def other_lines(path):
    path.write_bytes(path.read_bytes() + b"no step\n")


SPOILT = {
    "no checkpoint": (lambda out: shutil.rmtree(out / CHECKPOINTS), "no whole checkpoint to go on from"),
    "no whole checkpoint": (lambda out: [path.unlink() for path in out.glob(f"*/*/{RATINGS}")], "no whole checkpoint"),
    "other settings": (
        lambda out: (out / CONFIG).write_text((out / CONFIG).read_text().replace("seed = 0", "seed = 1")),
        "seed was 1 and is 0",
    ),
    "weights that are not finite": (
        lambda out: spoil(out / CHECKPOINTS / "checkpoint-2" / "adapter_model.safetensors"),
        "not finite; move that checkpoint away",
    ),
    "half an optimizer": (lambda out: half(out / CHECKPOINTS / "checkpoint-2" / "optimizer.pt"), "cut short"),
    "metrics that cannot be read": (lambda out: other_lines(out / "metrics.jsonl"), "line 3 cannot be read"),
    "episodes that cannot be read": (lambda out: other_lines(out / "episodes.jsonl"), "cannot be read, mend it"),
    "contents that cannot be read": (lambda out: half(out / "contents.json"), "contents.json cannot be read"),
}


@pytest.mark.models
@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_resume_that_is_refused_has_changed_nothing(copied, spoilt):
    out, config, _ = copied
    change, told = SPOILT[spoilt]
    change(out)
    (out / CHECKPOINTS / "checkpoint-9").mkdir(parents=True)  # half of one, which a resume would remove
    refused(config, out, told)


@pytest.mark.models
def test_a_resume_with_another_judge_has_changed_nothing(copied):
    out, config, _ = copied
    another = judge_of_runs()
    another.name = "another judge"
    refused(config, out, "judge was .* and is 'another judge'", judge=another)


@pytest.mark.models
def test_a_resume_with_another_function_or_adapter_behind_the_same_name_has_changed_nothing(copied):
    out, config, home = copied
    function, adapter = home / "opponent_of_runs.py", home / "first" / "adapter" / "adapter_model.safetensors"
    for path, name in ((function, "function:opponent_of_runs:speak"), (adapter, "the learner's weights")):
        before = path.read_bytes()
        try:
            path.write_text(OPPONENT.replace("No.", "Yes.")) if path is function else spoil(path)
            refused(config, out, f"changed behind its name: {name} was")
        finally:
            path.write_bytes(before)


@pytest.mark.models
def test_a_run_with_prompts_of_ones_own_records_them_and_is_not_resumed_with_others(copied):
    out, config, home = copied
    assert {episode.prompts.split()[0] for episode in read_episodes(out / "episodes.jsonl")} == {"mine"}
    try:
        own_prompts(home / "told", words="Speak slowly")
        refused(config, out, "prompts was 'mine 1 .*' and is 'mine 1 ")
    finally:
        own_prompts(home / "told")
    refused(config.model_copy(update={"prompts": "handshake"}), out, "and is 'handshake 1 ")


@pytest.mark.models
def test_a_new_run_changes_nothing_of_an_old_one(copied):
    out, config, _ = copied
    refused(config, out, "holds a run already", resume=False)
    (out / CONFIG).unlink()
    refused(config, out, "holds episodes.jsonl, metrics.jsonl.* but no config.toml", resume=False)


@pytest.mark.models
def test_a_run_that_may_go_on_does_so(copied):
    out, config, _ = copied
    (out / CHECKPOINTS / "checkpoint-9").mkdir()  # half of one
    half_line = b'{"tags": {"st'
    whole = (out / "episodes.jsonl").read_bytes()
    (out / "episodes.jsonl").write_bytes(whole + half_line)
    train(config.model_copy(update={"max_steps": 3}), out, resume=True, judge=judge_of_runs())
    assert (out / "episodes.jsonl").read_bytes().startswith(whole + b'{"id":"2/0"')
    assert (out / "metrics.jsonl").read_bytes().count(b"\n") == 3
    assert checkpoints(out) == ["checkpoint-2", "checkpoint-3"]


def hold(out, held, over):
    with claim(out):
        held.set()
        over.wait(60)


@pytest.mark.models
def test_a_folder_that_another_run_writes_into_is_left_alone(copied):
    out, config, _ = copied
    processes = get_context("spawn")
    held, over = processes.Event(), processes.Event()
    other = processes.Process(target=hold, args=(out, held, over))
    other.start()
    try:
        assert held.wait(60)
        refused(config, out, "another run has .* another folder")
    finally:
        over.set()
        other.join()
    with claim(out):
        pass


def test_a_claim_ends_with_its_process_however_that_ends(tmp_path):
    if (child := os.fork()) == 0:
        with claim(tmp_path / "run"):
            os._exit(0)
    os.waitpid(child, 0)
    with claim(tmp_path / "run"):
        pass


def test_who_interrupts_a_run_is_told_how_to_go_on(tmp_path):
    assert way_on(tmp_path / "run") == "nothing was played for training yet; begin again"
    (tmp_path / CONFIG).write_text("")
    assert way_on(tmp_path).endswith("begin again with --resume")
    (tmp_path / "episodes.jsonl").write_text('{"tags": {"step": 0}}\n')
    assert "no checkpoint yet; begin with another --out" in way_on(tmp_path)
    (tmp_path / CHECKPOINTS / "checkpoint-3").mkdir(parents=True)
    (tmp_path / CHECKPOINTS / "checkpoint-3" / RATINGS).write_text("{}")
    assert way_on(tmp_path).endswith("and checkpoint-3; go on from there with --resume")


@pytest.mark.models
def test_a_run_says_with_which_weights_data_and_prompts_it_was_made(finished):
    home, _ = finished
    (line,) = (home / "run" / PROVENANCE).read_text(encoding="utf-8").splitlines()
    made = json.loads(line)["sha256"]
    weights = home / "first" / "adapter" / "adapter_model.safetensors"
    assert made["the learner: adapter/adapter_model.safetensors"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert {"scenarios", "function:opponent_of_runs:speak: " + f"{home.name}/opponent_of_runs.py"} <= made.keys()
    assert any(name.startswith("prompts ") for name in made)
    assert any(name.endswith("model.safetensors") and "adapter" not in name for name in made)


@pytest.mark.models
def test_the_summary_of_a_run_is_what_its_log_comes_to(finished):
    home, _ = finished
    assert verify_training(home / "run") == []
