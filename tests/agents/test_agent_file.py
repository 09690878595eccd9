"""Each seat can have its own prompts, system text and sampling: in a file, in Python, in every command."""

from dataclasses import replace
from importlib.resources import files

import pytest
from typer.testing import CliRunner

from negotiation_env import Reply, Sampling, ScriptedJudge
from negotiation_env.agents.agent_file import agent_from_file, as_run_draws, read_agent_file
from negotiation_env.agents.chat import COMPLETION, ChatAgent, with_sampling
from negotiation_env.agents.contents import contents_of
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.agents.specs import resolve_agent
from negotiation_env.benchmark.bench import _cast as cast
from negotiation_env.benchmark.config import BenchmarkConfig, Decoding
from negotiation_env.cli import app
from negotiation_env.endpoints.recording import Live
from negotiation_env.environment.prompting import ids_of, seat_prompts
from negotiation_env.episodes.runner import Game, play
from negotiation_env.errors import UserError
from negotiation_env.game.events import Task
from negotiation_env.game.prompts import shipped_prompts
from tests.conftest import two_parties
from tests.helpers.endpoint_server import EndpointServer

pytestmark = pytest.mark.filterwarnings("ignore:scripted judge .a fake. sees agreement by the tags")
ENDPOINT = 'model = "m"\nbase_url = "{}"\napi_key_env = ""\n'
LEA = """
agent = "endpoint.toml"
prompts = "natural.de"
system = "Sag's kurz, für $5."
temperature = 0.9
top_p = 1
max_turn_tokens = 33
max_completion_tokens = 44
"""
NOOR = 'agent = "endpoint.toml"\nsystem = "Ask first."\n'


def negotiate(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def server():
    with EndpointServer(lambda _: "Let us share.\nPROPOSE: One week each.") as running:
        yield running


@pytest.fixture
def folder(tmp_path, server):
    (tmp_path / "endpoint.toml").write_text(ENDPOINT.format(server.url))
    (tmp_path / "lea.toml").write_text(LEA, "utf-8")
    (tmp_path / "noor.toml").write_text(NOOR)
    server.bodies.clear()
    return tmp_path


def test_all_that_a_file_says_is_the_agents_own(folder):
    agent = resolve_agent(str(folder / "lea.toml"))
    assert agent.name == str(folder / "lea.toml")
    assert agent.sampling(Task.UTTERANCE) == Sampling(0.9, 1.0, 33)
    assert agent.sampling(Task.COMPLETION) == replace(COMPLETION, max_tokens=44)
    assert agent.prompts.name == "natural.de"
    assert agent.prompts.id != shipped_prompts("natural.de").id


def test_an_evaluation_sends_to_each_seat_what_its_file_says(folder, server):
    command = ["eval", "--n", 1, "--max-turns", 2, "--judge", "scripted", "--prompts", "handshake"]
    done = negotiate(
        *command, "--agents", folder / "lea.toml", "--agents", folder / "noor.toml", "--out", folder / "run"
    )
    assert done.exit_code == 0, done.output
    first, second, answer = server.requests
    ours, theirs = (each["messages"][0]["content"] for each in (first, second))
    assert ours.startswith("Sag's kurz, für $5.\n\nDu bist")
    assert "PROPOSE" not in ours
    assert theirs.startswith("Ask first.\n\nYou are")
    assert "PROPOSE" in theirs
    assert [each["temperature"] for each in (first, second, answer)] == [0.9, 0.7, 0.1]
    assert [each["max_tokens"] for each in (first, second, answer)] == [33, 96, 44]
    assert "natural.de 1 " in (folder / "run" / "episodes.jsonl").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("lea.toml", LEA.replace("0.9", "0.8")),
        ("lea.toml", LEA.replace("$5", "$6")),
        ("endpoint.toml", 'model = "another"\nbase_url = "{}"\napi_key_env = ""\n'),
    ],
)
def test_a_run_goes_on_only_with_the_file_that_it_began_with(folder, server, name, change):
    command = ["eval", "--n", 1, "--max-turns", 2, "--judge", "scripted", "--agents", folder / "lea.toml"]
    assert negotiate(*command, "--out", folder / "run").exit_code == 0
    assert negotiate(*command, "--out", folder / "run", "--resume").exit_code == 0
    (folder / name).write_text(change.replace("{}", server.url), "utf-8")
    assert "lea.toml was" in str(negotiate(*command, "--out", folder / "run", "--resume").exception)


def test_a_prompt_set_beside_the_file_is_found_there_and_counts(folder):
    text = files("negotiation_env.game").joinpath("prompt_sets", "natural.toml").read_text("utf-8")
    (folder / "mine.toml").write_text(text, "utf-8")
    (folder / "noor.toml").write_text('agent = "endpoint.toml"\nprompts = "mine.toml"\n')
    spec = str(folder / "noor.toml")
    before = contents_of([spec])
    assert resolve_agent(spec).prompts == shipped_prompts("natural")
    (folder / "mine.toml").write_text(text.replace("Speak freely", "Speak"), "utf-8")
    assert contents_of([spec]) != before


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('agent = "embedded"\nsytem = "x"', "there is no key .sytem. .did you mean system..; the keys are agent,"),
        ('agent = "embedded"\ncolour = "x"', "there is no key .colour.; the keys are agent,"),
        ('agent = "embedded"\ntemperature = -1', "expected temperature >= 0"),
        ('agent = "embedded"\nmax_turn_tokens = 0', "max_tokens >= 1"),
        ('agent = "gpt-9"', "expected one of: embedded, trained, hf:ID_OR_DIR.*; got 'gpt-9'"),
        ('agent = "scripted:stubborn"', "only a chat model can have settings of its own"),
        ('agent = "noor.toml"', "only a chat model can have settings of its own"),
        ('agent = "wrong.toml"', "only a chat model can have settings of its own"),
        ('agent = "embedded"\nmax_thought_tokens = -5', "expected a number of tokens from 0, got -5"),
        ('agent = "missing.toml"', "no endpoint file or agent file 'missing.toml'"),
        ('agent = "endpoint.toml"\nprompts = "naturl"', "no prompt set 'naturl'"),
        ('agent = "endpoint.toml"\nmax_thought_tokens = 9', "max_thought_tokens is for models in this process"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_in_one_line(folder, content, told):
    (folder / "wrong.toml").write_text(content)
    with pytest.raises(UserError, match=told) as error:
        resolve_agent(str(folder / "wrong.toml"))
    assert "\n" not in str(error.value)


def test_files_that_name_each_other_are_told_in_one_line(folder):
    for one, other in (("one.toml", "other.toml"), ("other.toml", "one.toml")):
        (folder / one).write_text(f'agent = "{other}"\n')
    with pytest.raises(UserError, match=r"only a chat model can have settings of its own; .*; got 'other.toml'"):
        resolve_agent(str(folder / "one.toml"))


def test_no_prompt_set_leaves_it_to_the_run(folder):
    (folder / "noor.toml").write_text('agent = "endpoint.toml"\nprompts = ""\n')
    assert resolve_agent(str(folder / "noor.toml")).prompts is None


def test_other_specs_and_endpoint_files_are_no_agent_files(folder):
    assert read_agent_file("embedded") is None
    assert read_agent_file(str(folder / "endpoint.toml")) is None


def test_a_benchmark_takes_its_limits_from_the_file_and_the_rest_from_its_own(folder):
    pytest.importorskip("torch")  # of the extra that these agents need
    names = {name: str(folder / f"{name}.toml") for name in ("lea", "noor")}
    made = cast(BenchmarkConfig(names, judge="scripted", max_turn_tokens=50), Live(), None, cache=False)
    drawn = {key: agent.sampling(Task.UTTERANCE) for key, agent in made.negotiators.items()}
    assert drawn["lea", Decoding.SAMPLED] == Sampling(0.9, 1.0, 33)
    assert drawn["lea", Decoding.GREEDY] == Sampling(0.0, 1.0, 33)
    assert drawn["noor", Decoding.SAMPLED].max_tokens == 50
    assert made.negotiators["lea", Decoding.GREEDY].prompts.name == "natural.de"
    assert len(made.contents) == 2


def test_a_dry_run_of_a_training_run_reads_the_opponents_file(folder):
    from negotiation_env.training.config import TrainConfig
    from negotiation_env.training.needs import lacking_for

    config = TrainConfig(opponent=str(folder / "lea.toml"), judge="scripted", held_out_judge="none")
    assert not any("lea" in each for each in lacking_for(config))
    (folder / "lea.toml").write_text(LEA.replace("natural.de", "klingon"), "utf-8")
    with pytest.raises(UserError, match="no prompt set 'klingon'"):
        lacking_for(config)


def told(agent):
    """What the seats of a game are told, by their system messages, where an agent plays a scripted set's run."""
    seen = []

    def reply(request):
        seen.append(request.messages[0]["content"])
        return Reply("Well.")

    agent = ChatAgent(FakeModel(reply), **agent)
    plain = ChatAgent(FakeModel(reply))
    play(Game("g", two_parties(), (agent, plain)), ScriptedJudge(), max_turns=2)
    return seen


def test_in_python_a_chat_agent_has_a_set_and_a_text_of_its_own():
    own, other = told({"prompts": "natural", "system": "Be brief.\n"})
    assert own.startswith("Be brief.\n\nYou are Lea. You are negotiating with Noor.")
    assert other.startswith("You are Noor.")
    assert "PROPOSE" in other


def test_a_set_of_an_agents_own_that_asks_for_no_tags_is_warned_of_where_the_judge_reads_them():
    with pytest.warns(UserWarning, match="the prompt set 'natural' does not ask for"):
        told({"prompts": "natural"})


def test_a_text_alone_goes_before_the_brief_of_whatever_set_the_run_has():
    own, other = told({"system": "Be brief."})
    assert own.startswith("Be brief.\n\nYou are Lea.")
    assert "PROPOSE" in own
    assert not other.startswith("Be brief.")


def test_the_record_tells_sets_with_another_text_apart():
    run = (shipped_prompts("natural"),)
    agents = [ChatAgent(FakeModel(), system=text) for text in ("", "Be brief.", "Be kind.")]
    ids = [ids_of(seat_prompts(run, 1, [agent])) for agent in agents]
    assert ids[0] == run[0].id
    assert len(set(ids)) == 3


def test_an_agent_that_draws_otherwise_keeps_its_prompts_and_its_text():
    agent = with_sampling(ChatAgent(FakeModel(), prompts="natural", system="Be brief."), greedy=True)
    assert agent.prompts == shipped_prompts("natural").with_system("Be brief.")


@pytest.mark.models
def test_a_limit_of_thoughts_is_refused_for_a_model_that_has_no_marks_for_them(tmp_path):
    from negotiation_env.errors import ModelError

    (tmp_path / "thinker.toml").write_text('agent = "hf:embedded"\nmax_thought_tokens = 9\n')
    with pytest.raises(ModelError, match="max_thought_tokens"):
        resolve_agent(str(tmp_path / "thinker.toml"))


def test_a_runs_sampling_gives_way_to_the_agents_file(tmp_path):
    path = tmp_path / "agent.toml"
    path.write_text('agent = "openai:m"\ntemperature = 0.2\nmax_turn_tokens = 7\n')
    agent = ChatAgent(FakeModel(lambda _: Reply("x")))
    asked = {"temperature": 0.9, "max_turn_tokens": 30, "max_completion_tokens": 40}
    drawn = as_run_draws(agent, "openai:m", **asked)
    assert drawn.sampling(Task.UTTERANCE) == replace(agent.sampling(Task.UTTERANCE), temperature=0.9, max_tokens=30)
    assert drawn.sampling(Task.COMPLETION) == replace(agent.sampling(Task.COMPLETION), max_tokens=40)
    own = agent_from_file(agent.model, read_agent_file(str(path)), "own")
    kept = as_run_draws(own, str(path), **asked)
    assert kept.sampling(Task.UTTERANCE) == own.sampling(Task.UTTERANCE)
    assert kept.sampling(Task.COMPLETION).max_tokens == 40
