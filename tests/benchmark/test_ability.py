import json
from dataclasses import replace
from pathlib import Path

import pytest

from negotiation_env.benchmark.ability.comparison import (
    REPORT,
    Ability,
    AbilitySettings,
    Metric,
    TaskResult,
    ability_file,
    ability_table,
    compare,
    kept_ability,
)
from negotiation_env.benchmark.ability.measuring import find_tasks, load_tasks, measure, open_model, version
from negotiation_env.errors import MissingExtra, ModelError, UserError
from negotiation_env.statistics.intervals import Estimate
from tests.conftest import small_network
from tests.helpers.endpoint_server import EndpointServer

FOLDER = Path("tests/benchmark/ability_task")
QUESTIONS = [json.loads(line) for line in (FOLDER / "questions.jsonl").read_text().splitlines()]
SETTINGS = AbilitySettings(lm_eval="0.4.13")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::SyntaxWarning")  # inside lm-eval


def accuracy(*right, name="acc", value=None):
    documents = {f"{number}-hash": float(each) for number, each in enumerate(right)}
    return Metric(name, "none", sum(right) / len(right) if value is None else value, 0.1, True, documents)


def ability(model, *metrics):
    return Ability(model, SETTINGS, (TaskResult("quiz", "1.0", 0, False, 4, metrics, {}),))


class TestComparison:
    def test_models_are_paired_by_document(self):
        report = compare([ability("old", accuracy(0, 0, 1, 1)), ability("new", accuracy(1, 0, 1, 1))], ["quiz"])
        before, after = report.figures
        assert before.difference is None
        assert (after.estimate.value, after.difference.value, after.difference.n) == (0.75, 0.25, 4)
        assert 0 <= after.difference.low < 0.25 < after.difference.high

    def test_a_document_that_changed_is_in_no_pair(self):
        old, new = accuracy(0, 0, 1, 1), accuracy(1, 1, 1, 1)
        shuffled = {"0-other": 1.0} | {name: each for name, each in new.documents.items() if name != "0-hash"}
        assert replace(new, documents=shuffled).minus(old).n == 3

    def test_a_metric_that_is_no_mean_over_documents_has_neither_interval_nor_difference(self):
        perplexity = accuracy(1, 2, 3, name="perplexity", value=7.4)
        assert perplexity.minus(perplexity) is None
        assert perplexity.estimate(3) == Estimate(7.4, None, None, 3)
        assert replace(perplexity, documents={}).minus(perplexity) is None

    def test_the_table_has_before_after_and_difference_of_each_metric(self):
        models = [ability(name, accuracy(*right)) for name, right in (("a", (0, 0)), ("b", (1, 1)), ("c", (0, 1)))]
        table = ability_table(compare(models, ["quiz"]))
        assert table.columns == ("task", "n", "before: a", "after: b", "difference", "after: c", "difference")
        (row,) = table.rows
        assert row[:2] == ("quiz, acc ↑", 2)
        assert [cell.value for cell in row[2:]] == [0.0, 1.0, 1.0, 0.5, 0.5]


class TestFiles:
    def test_specs_that_look_alike_have_files_of_their_own(self, tmp_path):
        specs = ["hf:a/b", "hf:a_b", "hf_a/b", "hf:a+b"]
        assert len({ability_file(tmp_path, spec) for spec in specs}) == 4
        assert all(ability_file(tmp_path, spec).parent == tmp_path for spec in specs)

    def test_what_is_kept_reads_as_it_was(self, tmp_path):
        measured = ability("hf:a/b", accuracy(0, 1))
        ability_file(tmp_path, "hf:a/b").write_text(measured.to_json())
        assert kept_ability(tmp_path, "hf:a/b", SETTINGS) == measured

    def test_a_model_that_is_another_behind_the_same_spec_is_refused(self, tmp_path):
        ability_file(tmp_path, "a").write_text(replace(ability("a"), contents="1a2b").to_json())
        assert kept_ability(tmp_path, "a", SETTINGS, "1a2b").contents == "1a2b"
        with pytest.raises(UserError, match="contents was '1a2b' and is '3c4d'; --resume needs the same"):
            kept_ability(tmp_path, "a", SETTINGS, "3c4d")

    def test_other_settings_and_broken_files_are_refused(self, tmp_path):
        ability_file(tmp_path, "a").write_text(ability("a", accuracy(0, 1)).to_json())
        with pytest.raises(UserError, match="other settings: limit was None and is 4; --resume needs the same"):
            kept_ability(tmp_path, "a", replace(SETTINGS, limit=4))
        ability_file(tmp_path, "a").write_text("{")
        with pytest.raises(UserError, match="does not hold a model's results"):
            kept_ability(tmp_path, "a", SETTINGS)


def test_without_lm_eval_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "lm_eval", None)
    with pytest.raises(MissingExtra, match=r"negotiation-env\[lm-eval\]"):
        version()


@pytest.fixture(scope="module")
def index():
    """The tests' own tasks; without lm-eval's thousands, which take half a minute to find."""
    pytest.importorskip("lm_eval")
    from lm_eval.tasks import TaskManager

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lm_eval.evaluator.add_env_info", lambda _: None)  # asks pip and the machine for seconds; unused
        yield TaskManager(include_path=FOLDER, include_defaults=False)


class TestTasks:
    def test_a_task_that_nobody_knows_is_named(self, index):
        with pytest.raises(UserError, match="has no task 'no_such'"):
            load_tasks(["no_such"], index)

    def test_data_that_cannot_be_fetched_are_named_with_their_task(self, index):
        with pytest.raises(UserError, match=r"data of the task 'ability_unreachable': .*no-such-dataset.*hub"):
            load_tasks(["ability_unreachable"], index)

    def test_sentence_data_that_ifeval_needs_are_missed_before_the_model_answers(self, index, monkeypatch):
        nltk = pytest.importorskip("nltk")
        monkeypatch.setattr(nltk.data, "path", [])
        with pytest.raises(UserError, match="'ability_ifeval' needs NLTK's data punkt_tab"):
            load_tasks(["ability_ifeval"], index)

    def test_a_folder_of_tasks_must_be_there(self, tmp_path):
        pytest.importorskip("lm_eval")
        with pytest.raises(UserError, match="no folder"):
            find_tasks(tmp_path / "none")


class TestEndpoint:
    def test_an_endpoint_is_asked_in_chat_and_its_answers_are_scored(self, index, tmp_path):
        tasks = load_tasks(["ability_words"], index)
        right = {each["question"]: each["answer"] for each in QUESTIONS[:6]}

        def answer(asked):
            (message,) = asked["messages"]
            return right.get(message["content"].removesuffix(" Answer with one word."), "Pardon?")

        with EndpointServer(answer) as server:
            settings = AbilitySettings(version(), seed=3, max_tokens=5)
            report = measure([f"openai:m@{server.url}"], tasks, tmp_path, settings)
        (figure,) = report.figures
        assert (figure.estimate.value, figure.estimate.n, figure.filter) == (0.75, 8, "first-word")
        assert {(each["max_tokens"], each["seed"], each["model"]) for each in server.requests} == {(5, 3, "m")}

    def test_an_endpoint_that_fails_is_no_wrong_answer(self, index, tmp_path):
        tasks = load_tasks(["ability_words"], index)
        with EndpointServer(fault=lambda number, _: "400" if number == 7 else None) as server:
            spec = f"openai:m@{server.url}"
            with pytest.raises(ModelError, match=r"failed at the task 'ability_words': 1 of 8 requests .* HTTP 400"):
                measure([spec], tasks, tmp_path, SETTINGS)
        assert not ability_file(tmp_path, spec).exists()

    def test_a_login_goes_out_and_is_on_no_file(self, index, tmp_path):
        tasks = load_tasks(["ability_words"], index)
        with EndpointServer() as server:
            measure([f"openai:m@{server.url.replace('://', '://user:pass-word@')}"], tasks, tmp_path, SETTINGS)
        assert set(server.keys) == {"Basic dXNlcjpwYXNzLXdvcmQ="}
        written = "".join(path.name + path.read_text(encoding="utf-8") for path in tmp_path.iterdir())
        assert "pass-word" not in written

    def test_what_chat_cannot_tell_is_refused(self, index, tmp_path):
        with EndpointServer() as server, pytest.raises(UserError, match="cannot do the task 'ability_choice'"):
            measure([f"openai:m@{server.url}"], load_tasks(["ability_choice"], index), tmp_path, SETTINGS)

    def test_specs_without_weights_or_endpoint_are_refused(self):
        with pytest.raises(UserError, match="lm-eval cannot be given 'scripted:stubborn'"):
            open_model("scripted:stubborn", SETTINGS)


@pytest.mark.models
class TestTwoLayers:
    """The real model's first two layers "before", and with an adapter merged "after"."""

    @pytest.fixture(scope="class")
    def networks(self, small_model):
        learner, tokenizer = small_model()
        return {"before": small_network(), "after": (learner.merge_and_unload(), tokenizer)}

    @pytest.fixture(scope="class")
    def opened(self):
        return []

    @pytest.fixture(scope="class")
    def opening(self, networks, opened):
        def open_network(spec, settings):
            from lm_eval.models.huggingface import HFLM

            opened.append(spec)
            model, tokenizer = networks[spec]
            return HFLM(model, tokenizer=tokenizer, batch_size=settings.batch_size, enable_thinking=False)

        return open_network

    @pytest.fixture(scope="class")
    def tasks(self, index):
        return load_tasks(["ability_choice", "ability_words"], index)

    @pytest.fixture(scope="class")
    def measured(self, tasks, opening, tmp_path_factory):
        out = tmp_path_factory.mktemp("ability")
        settings = AbilitySettings(version(), limit=6, batch_size=4)
        return out, settings, measure(["before", "after"], tasks, out, settings, open_model=opening)

    def test_the_report_has_every_metric_of_both_models_and_the_paired_difference(self, measured, opened):
        out, settings, report = measured
        assert opened == ["before", "after"]
        told = json.loads((out / REPORT).read_text())
        assert told["settings"]["lm_eval"] == settings.lm_eval
        names = [(each["task"], each["metric"], each["model"]) for each in told["figures"]]
        metrics = [("ability_choice", "acc"), ("ability_choice", "acc_norm"), ("ability_words", "exact_match")]
        assert names == [(*metric, model) for metric in metrics for model in ("before", "after")]
        assert all(each["version"] == "1.0" and each["estimate"]["n"] == 6 for each in told["figures"])
        assert all(0 <= each["stderr"] <= 0.5 for each in told["figures"])
        for before, after in zip(report.figures[::2], report.figures[1::2], strict=True):
            assert after.difference.n == 6
            assert after.difference.value == pytest.approx(after.estimate.value - before.estimate.value)

    def test_choices_are_weighed_by_the_model_s_own_log_likelihoods(self, measured, networks):
        import torch

        out, settings, _ = measured
        model, tokenizer = networks["after"]
        asked = QUESTIONS[4]
        prompt = tokenizer(f"Question: {asked['question']}\nAnswer:").input_ids
        expected = []
        for choice in asked["choices"]:
            ids = tokenizer(f"Question: {asked['question']}\nAnswer: {choice}", return_tensors="pt").input_ids
            with torch.no_grad():
                chances = model(ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])
            expected.append(float(chances[len(prompt) - 1 :].sum()))
        replies = kept_ability(out, "after", settings).tasks[0].replies
        (found,) = (reply for document, reply in replies.items() if document.startswith("4-"))
        assert [each[0][0] for each in found] == pytest.approx(expected, abs=1e-3)

    def test_answers_in_words_are_greedy_and_go_through_the_chat_template(self, measured, networks):
        out, settings, _ = measured
        model, tokenizer = networks["before"]
        chat = [{"role": "user", "content": f"{QUESTIONS[0]['question']} Answer with one word."}]
        ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=True, return_tensors="pt")
        said = model.generate(**ids, do_sample=False, max_new_tokens=12)[0, ids["input_ids"].shape[1] :]
        words = kept_ability(out, "before", settings).tasks[1]
        assert words.chat_template
        (reply,) = (each for document, each in words.replies.items() if document.startswith("0-"))
        assert reply == [[tokenizer.decode(said, skip_special_tokens=True)]]

    def test_resumed_it_measures_only_what_is_missing_and_ends_alike(self, measured, tasks, opening, opened):
        out, settings, report = measured
        whole = kept_ability(out, "after", settings)
        ability_file(out, "after").write_text(replace(whole, tasks=whole.tasks[:1]).to_json())
        opened.clear()
        assert measure(["before", "after"], tasks, out, settings, resume=True, open_model=opening) == report
        assert opened == ["after"]
        with pytest.raises(UserError, match="go on with --resume"):
            measure(["before"], tasks, out, settings)
