"""OpenEnv's own client and validator take the server; its games are those of an evaluation."""

import json
import threading
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from negotiation_env.agents.functions import FunctionAgent
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.environment.episode import Episode, read_episodes
from negotiation_env.episodes.evaluate import evaluate
from negotiation_env.judges.scripted import ScriptedJudge
from tests.conftest import three_parties, two_parties

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not find_spec("openenv"), reason="needs openenv"),
    pytest.mark.filterwarnings("default::DeprecationWarning"),
]

FOLDER = Path(__file__).parents[2] / "examples" / "openenv"
WORDS = (
    "We share it.\nPROPOSE: Mornings for the field.",
    "So be it.\nACCEPT",
    "Mornings for the field, then the school.",
)
SCENARIOS = [two_parties("well"), two_parties("spring")]


class SeesHalf:
    """A judge that scores one scenario and fails at the other."""

    name = "half"
    prompts = "handshake"

    def judge(self, questions):
        scripted = {
            each.scenario.id: ScriptedJudge(None if each.scenario.id == "spring" else 4.0) for each in questions
        }
        return [scripted[each.scenario.id].judge([each])[0] for each in questions]


@contextmanager
def served(app):
    """The app on a port of its own."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def words(turns_left, completing):
    """What the learner says, by how far the game is."""
    return WORDS[2] if completing else WORDS[turns_left < 7]


def client_of(url):
    from openenv import GenericEnvClient

    return GenericEnvClient(base_url=url).sync()


def play(client, **chosen):
    """A whole game over the wire: its record, and the last observation."""
    told = client.reset(**chosen)
    while not told.done:
        seen = told.observation
        told = client.step({"text": words(seen["turns_left"], seen["completing"])})
    return Episode.from_json(json.dumps(client.state()["episode"])), told


@pytest.fixture(scope="module")
def url():
    from negotiation_env.interop.openenv_server import seat_app

    with served(seat_app(judge=SeesHalf(), scenarios=SCENARIOS, complete_without_agreement=True)) as url:
        yield url


def learner(text):
    spoken = text.count("[YOU]")
    return WORDS[2] if text.endswith("answer.") else WORDS[spoken > 0]


def test_the_client_plays_the_games_of_an_evaluation(url, tmp_path):
    agents = (FunctionAgent(learner, "client"), ScriptedAgent("compromising"))
    evaluate(agents, SeesHalf(), SCENARIOS, tmp_path, seed=3, unscored_limit=1.0, complete_without_agreement=True)
    episodes = list(read_episodes(tmp_path / "episodes.jsonl"))
    with client_of(url) as client:
        assert [play(client, seed=3, scenario=each.scenario.id)[0] for each in episodes] == episodes


def test_guards_prompts_and_further_parties_are_in_the_server_what_they_are_in_an_evaluation(tmp_path):
    from negotiation_env.interop.openenv_server import seat_app

    agents, settings = (FunctionAgent(learner, "client"), ScriptedAgent("compromising")), {"guards": "careful"}
    settings |= {"prompts": "handshake", "complete_without_agreement": True}
    scenarios = [*SCENARIOS, three_parties()]
    evaluate(agents, ScriptedJudge(), scenarios, tmp_path, seed=3, **settings)
    episodes = list(read_episodes(tmp_path / "episodes.jsonl"))
    assert any(turn.refused for each in episodes for turn in each.turns)
    app = seat_app(judge=ScriptedJudge(), scenarios=scenarios, **settings)
    with served(app) as url, client_of(url) as client:
        assert [play(client, seed=3, scenario=each.scenario.id)[0] for each in episodes] == episodes


def test_the_seed_decides_the_game_and_an_unscored_one_has_no_reward(url):
    with client_of(url) as client:
        games = [play(client, seed=seed) for seed in range(6)]
        again = [play(client, seed=seed) for seed in range(6)]
    assert [game for game, _ in games] == [game for game, _ in again]
    assert {(game.scenario.id, told.reward) for game, told in games} == {("well", 4.0), ("spring", None)}


def test_sessions_side_by_side_do_not_see_one_another(url):
    with client_of(url) as first, client_of(url) as second:
        told = {client: client.reset(seed=1, scenario=id) for client, id in ((first, "well"), (second, "spring"))}
        for _ in range(2):
            told = {client: client.step({"text": WORDS[0]}) for client in told}
        assert [client.state()["scenario"] for client in told] == ["well", "spring"]
        assert [client.state()["step_count"] for client in told] == [2, 2]


def test_what_cannot_be_done_is_told_and_the_session_goes_on(url):
    with client_of(url) as client:
        for wrong, told in (
            (lambda: client.step({"text": "Hi."}), "the game is not begun: reset comes first"),
            (lambda: client.reset(scenario="lake"), "no scenario 'lake' among this environment's 2"),
        ):
            with pytest.raises(RuntimeError, match=told):
                wrong()
        play(client, seed=1)
        with pytest.raises(RuntimeError, match="the game is over: reset comes first"):
            client.step({"text": "Hi."})


def test_openenv_validates_the_example_and_its_running_server(monkeypatch):
    import runpy

    from openenv.cli.__main__ import app
    from typer.testing import CliRunner

    validate = CliRunner().invoke(app, ["validate", str(FOLDER)])
    assert (validate.exit_code, "PASS  static.manifest" in validate.output) == (0, True), validate.output
    with served(runpy.run_path(str(FOLDER / "app.py"))["app"]) as url:
        running = CliRunner().invoke(app, ["validate", "--url", url])
    assert (running.exit_code, "Verdict: PASS" in running.output) == (0, True), running.output
