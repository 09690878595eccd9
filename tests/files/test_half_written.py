"""Every file that the project appends to, cut off at every byte of its last two lines, as a kill can leave it."""

from codecs import BOM_UTF8
from functools import cache, partial

import pytest
from pydantic import TypeAdapter

from negotiation_env import ChatRequest, ScriptedJudge
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.benchmark.asked import Asked
from negotiation_env.benchmark.compare import Compared
from negotiation_env.benchmark.durability import Challenge
from negotiation_env.endpoints.recording import Recorder, Replayer
from negotiation_env.environment.episode import append_episode, latest_episodes, read_episodes, stream_latest
from negotiation_env.episodes.answer_file import AnswerFile
from negotiation_env.episodes.evaluate import evaluate
from negotiation_env.episodes.rejudge import Rejudged, judge_file, rejudge
from negotiation_env.episodes.run_folder import EPISODES
from negotiation_env.errors import UserError
from negotiation_env.files.durable import append_lines, read_lines
from negotiation_env.report.folder import read_run
from negotiation_env.statistics.intervals import Estimate
from negotiation_env.synthesis.candidates import CANDIDATES, Candidate, append_candidates, read_candidates
from negotiation_env.training.held_out_log import HELD_OUT, HeldOut, append_held_out, read_held_out
from tests.conftest import two_parties
from tests.report.runs import benchmark

# Each kind makes a run, and gives its file, what reads it, and what appends a value to it.
SCENARIOS = [two_parties(name) for name in ("well", "weir", "dam")]
STUBBORN = ScriptedAgent("stubborn")


def play(out, **more):
    return evaluate([STUBBORN], ScriptedJudge(), SCENARIOS, out, max_turns=0, **more)  # an answer each: short lines


def episodes(out):
    play(out)
    return out / EPISODES, lambda path: list(read_episodes(path)), append_episode


def rejudged(out):
    play(out)
    rejudge(out, ScriptedJudge())
    adapter = TypeAdapter(Rejudged)
    return judge_file(out, ScriptedJudge()), lambda path: list(read_lines(path, adapter, "")), appending(adapter)


def appending(adapter):
    return lambda path, value: append_lines(path, adapter, [value])


answer_file = cache(AnswerFile)  # to make one takes much longer than to read it


def answers(out, name, kind):
    benchmark(out)
    return out / f"{name}.jsonl", lambda path: list(answer_file(path, kind).answers()), appending(TypeAdapter(kind))


def candidates(out):
    path = out / CANDIDATES
    append_candidates(path, [Candidate(slot, 0, "unreadable", (), why="no JSON – ä") for slot in range(3)])
    return path, lambda path: list(read_candidates(path).values()), lambda path, value: append_candidates(path, [value])


def held_out(out):
    for step in range(3):
        append_held_out(out / HELD_OUT, HeldOut(step, "ä judge", Estimate(1.0, None, None, 3)))
    return out / HELD_OUT, read_held_out, append_held_out


KINDS = [
    episodes,
    rejudged,
    candidates,
    held_out,
    partial(answers, name="comparisons", kind=Compared),
    partial(answers, name="probes", kind=Asked),
    partial(answers, name="challenges", kind=Challenge),
]


def cuts(content):
    """Each beginning of a file that ends within its last two lines, with the number of lines that it holds whole."""
    lines = content.splitlines(keepends=True)
    start = sum(map(len, lines[:-2]))
    for end in range(start, len(content) + 1):
        yield content[:end], content[:end].count(b"\n") + (content[end : end + 1] == b"\n")


@pytest.mark.parametrize("kind", [pytest.param(KINDS[0], marks=pytest.mark.slow), *KINDS[1:]])  # its lines are long
def test_what_a_kill_leaves_of_a_file_is_read_as_far_as_it_is_whole_and_appended_to(kind, tmp_path):
    (tmp_path / "run").mkdir()
    source, read, append = kind(tmp_path / "run")
    content = b"".join(source.read_bytes().splitlines(keepends=True)[:2])
    path = tmp_path / source.name
    path.write_bytes(content)
    values = read(path)
    assert len(values) == 2
    for left, whole in cuts(content):
        path.write_bytes(left)
        assert read(path) == values[:whole], left[-40:]
        append(path, values[-1])
        mended = path.read_bytes().splitlines(keepends=True)
        assert mended[:-1] == content.splitlines(keepends=True)[:whole], left[-40:]
        assert (len(mended), mended[-1][-1:]) == (whole + 1, b"\n")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_so_is_what_a_kill_leaves_of_a_file_that_an_editor_had_open(kind, tmp_path):
    (tmp_path / "run").mkdir()
    source, read, append = kind(tmp_path / "run")
    lines = source.read_bytes().splitlines()[:2]
    content = BOM_UTF8 + b"\r\n \n" + b"\r\n\r\n".join(lines) + b"\r\n"
    path = tmp_path / source.name
    path.write_bytes(content)
    values = read(path)
    whole = [len(content) - len(lines[1]) - 6, len(content) - 2]  # where each line is whole but for its end
    for end in range(len(BOM_UTF8) + 4, len(content) + 1):
        path.write_bytes(content[:end])
        kept = values[: sum(end >= each for each in whole)]
        assert read(path) == kept, content[:end][-40:]
        append(path, values[-1])
        assert path.read_bytes().startswith(content[: whole[len(kept) - 1] if kept else 7]), content[:end][-40:]
        assert path.read_bytes().rstrip().endswith(lines[-1]), content[:end][-40:]


def test_a_recording_is_replayed_as_far_as_it_goes_and_gone_on_with(tmp_path):
    tape = tmp_path / "tape"
    asks = [ChatRequest(({"role": "user", "content": f"ä {number}"},)) for number in range(3)]
    Recorder(tape).model("m", lambda: FakeModel(lambda ask: ask.messages[0]["content"])).chat(asks)
    content = tape.read_bytes()
    for left, whole in cuts(content):
        tape.write_bytes(left)
        replayed = Replayer(tape).model("m", None)
        assert [reply.text for reply in replayed.chat(asks[:whole])] == [f"ä {number}" for number in range(whole)]
        for ask in asks[whole:]:
            with pytest.raises(UserError, match="no such request"):
                replayed.chat([ask])
        Recorder(tape, resume=True).model("m", FakeModel).chat([asks[0]])
        assert tape.read_bytes().count(b"\n") == whole + 1


@pytest.mark.parametrize("end", [-1, -2, -40])
def test_a_run_whose_last_line_was_cut_is_shown_judged_and_resumed_with_all_that_is_whole(tmp_path, end):
    summary, path = play(tmp_path), tmp_path / EPISODES
    whole = path.read_bytes()
    path.write_bytes(whole[:end])
    games = 3 if end == -1 else 2
    assert len(read_run(tmp_path).episodes) == len(latest_episodes(path)) == len(list(stream_latest(path))) == games
    assert rejudge(tmp_path, ScriptedJudge()).episodes == games
    assert play(tmp_path, resume=True) == summary
    assert path.read_bytes().splitlines() == whole.splitlines()
