"""Files of runs that somebody else may have written: whatever they hold, a value or one line about it."""

import json
from codecs import BOM_UTF8
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from negotiation_env import ChatRequest, ScriptedJudge
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.benchmark.ability.comparison import Ability, AbilitySettings, ability_file, kept_ability
from negotiation_env.benchmark.asked import Asked
from negotiation_env.benchmark.compare import Compared
from negotiation_env.benchmark.durability import Challenge
from negotiation_env.endpoints.recording import Recorder, Replayer
from negotiation_env.environment.episode import read_episodes, stream_latest
from negotiation_env.episodes.answer_file import AnswerFile
from negotiation_env.episodes.evaluate import evaluate
from negotiation_env.episodes.rejudge import FOLDER, rejudge
from negotiation_env.episodes.run_folder import EPISODES, SETTINGS, SUMMARY, open_run
from negotiation_env.episodes.summary import Summary
from negotiation_env.errors import UserError
from negotiation_env.files.durable import append_bytes, read_lines
from negotiation_env.report import write_report
from negotiation_env.report.folder import read_run
from negotiation_env.statistics.intervals import Estimate
from negotiation_env.statistics.table import Table, tables_to_json
from negotiation_env.synthesis.candidates import CANDIDATES, Candidate, append_candidates, read_candidates
from negotiation_env.training.held_out_log import HELD_OUT, HeldOut, append_held_out, read_held_out
from tests.conftest import two_parties
from tests.helpers.arbitrary_json import json_texts
from tests.helpers.no_files import PLACES
from tests.report.runs import benchmark

ABILITY = Ability("m", AbilitySettings("0.4"))
REJUDGED = f"{FOLDER}/scripted-judge-a-fake.jsonl"
TAPE = "tape"
ASK = ChatRequest(({"role": "user", "content": "Hi."},))


def play(out, **more):
    return evaluate([ScriptedAgent("stubborn")], ScriptedJudge(), [two_parties()], out, max_turns=2, **more)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with every file that runs write and read again; a benchmark's, and the others' beside its own."""
    out = benchmark(tmp_path_factory.mktemp("made"))
    rejudge(out, ScriptedJudge())
    play(out / "eval")
    (out / SUMMARY).write_bytes((out / "eval" / SUMMARY).read_bytes())
    append_candidates(out / CANDIDATES, [Candidate(0, 0, "unreadable", ())])
    append_held_out(out / HELD_OUT, HeldOut(0, "j", Estimate(1.0, None, None, 3)))
    Recorder(out / TAPE).model("m", FakeModel).chat([ASK])
    ability_file(out, "m").write_text(ABILITY.to_json())
    (out / EPISODES).write_bytes((out / EPISODES).read_bytes().splitlines(keepends=True)[0])  # more take their time
    rows = (("a", 1, 0.5, Estimate(0.5, 0.4, 0.6, 10)), ("b", None, 2.0, "none"))
    (out / "tables.json").write_text(tables_to_json([Table("t", ("who", "n", "share", "of"), rows)]))
    return out


def read_summary(path):
    try:
        Summary.from_json(path.read_bytes())
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error


READERS = {
    EPISODES: lambda path: [*read_episodes(path), *stream_latest(path), read_run(path.parent)],
    "comparisons.jsonl": lambda path: list(AnswerFile(path, Compared).answers()),
    "probes.jsonl": lambda path: list(AnswerFile(path, Asked).answers()),
    "challenges.jsonl": lambda path: list(AnswerFile(path, Challenge).answers()),
    "tables.json": lambda path: read_run(path.parent),
    REJUDGED: lambda path: rejudge(path.parent.parent, ScriptedJudge()),
    SETTINGS: lambda path: open_run(path.parent, {"seed": 1}, resume=True),
    SUMMARY: read_summary,
    CANDIDATES: read_candidates,
    HELD_OUT: read_held_out,
    TAPE: Replayer,
    ability_file(Path(), "m").name: lambda path: kept_ability(path.parent, "m", ABILITY.settings),
}
SHOWN_TOO = ("comparisons.jsonl", "probes.jsonl", "challenges.jsonl")
"""What the report reads by forms of its own."""


def refused(read, path):
    """The one line that a file is refused with."""
    with pytest.raises(UserError) as caught:
        read(path)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize("name", READERS)
def test_what_a_file_holds_is_read_or_told_in_one_line(made, name):
    path = made / name
    before = path.read_bytes()
    good = json.loads(before if name.endswith(".json") else before.splitlines()[0])

    @given(json_texts(good), st.sampled_from([b"", b"\n"]))
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    def look(content, end):
        path.write_bytes(content + end)
        for read in (READERS[name], *([lambda path: read_run(path.parent)] if name in SHOWN_TOO else [])):
            try:
                read(path)
            except UserError as error:
                assert len(str(error).splitlines()) == 1  # noqa: PT017 (a value is as good)

    try:
        look()
    finally:
        path.write_bytes(before)


@contextmanager
def changed(path, **fields):
    """For a while the file has other fields in its object, or in that of its first line."""
    before = path.read_bytes()
    first = json.loads(before if path.suffix == ".json" else before.splitlines()[0])
    path.write_text(json.dumps(first | fields) + "\n")
    yield
    path.write_bytes(before)


OBJECTS = [name for name in READERS if name != "tables.json"]


@pytest.mark.parametrize("fields", [{"format": 99, "more": 1}, {"format": "1"}, {"format": None}])
@pytest.mark.parametrize("name", OBJECTS)
def test_a_format_that_is_not_known_is_refused_with_what_to_do(made, name, fields):
    path = made / name
    with changed(path, **fields):
        told = f"its format is {fields['format']!r}, and this version reads 1; update negotiation-env"
        assert told in refused(READERS[name], path)
        if name in SHOWN_TOO:
            assert told in refused(lambda path: read_run(path.parent), path)


def test_tables_of_another_format_are_refused_with_what_to_do(made):
    path = made / "tables.json"
    before = path.read_bytes()
    try:
        path.write_text('{"format": 2, "tables": []}')
        assert "its format is 2, and this version reads 1; update" in refused(READERS["tables.json"], path)
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("name", [name for name in OBJECTS if name != SETTINGS])  # there all keys are compared
def test_a_key_that_is_not_known_is_refused_by_its_name(made, name):
    with changed(made / name, wonder=1):
        assert "wonder" in refused(READERS[name], made / name)


@pytest.mark.parametrize("name", [name for name in READERS if name != SUMMARY])  # which is given as text
def test_a_link_in_a_runs_folder_is_not_followed(made, tmp_path, name):
    path, target = made / name, tmp_path / "elsewhere"
    path.rename(target)
    try:
        path.symlink_to(target)
        assert f"{path} is a link" in refused(READERS[name], path)
    finally:
        path.unlink()
        target.rename(path)


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("name", [name for name in READERS if name != SUMMARY])  # which is given as text
def test_what_is_no_file_is_refused_and_not_waited_for(made, tmp_path, name, kind):
    path, elsewhere = made / name, tmp_path / "elsewhere"
    path.rename(elsewhere)
    try:
        with PLACES[kind](path):
            told = refused(READERS[name], path)
            assert str(path) in told
            assert ("is a link" if kind == "device" else f"a {kind} is where a file is needed") in told
    finally:
        elsewhere.rename(path)


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("name", [".lock", SETTINGS, EPISODES, SUMMARY, "report.html"])
def test_nothing_is_written_to_what_is_no_file(tmp_path, name, kind):
    play(tmp_path / "run")
    (tmp_path / "run" / name).unlink(missing_ok=True)
    write = write_report if name == "report.html" else lambda out: play(out, resume=True)
    with PLACES[kind](tmp_path / "run" / name):
        assert name in refused(write, tmp_path / "run")


LINES = [EPISODES, "comparisons.jsonl", "probes.jsonl", "challenges.jsonl", REJUDGED, CANDIDATES, HELD_OUT, TAPE]
VALUES = READERS | {
    EPISODES: lambda path: list(read_episodes(path)),
    REJUDGED: lambda path: list(read_lines(path, TypeAdapter(dict), "")),
    TAPE: lambda path: Replayer(path).model("m", None).chat([ASK]),
}


@pytest.mark.parametrize("name", LINES)
def test_what_an_editor_adds_to_a_file_of_lines_says_nothing(made, name):
    path = made / name
    before = path.read_bytes()
    first, rest, values = *before.partition(b"\n")[::2], VALUES[name](path)
    append = partial(Recorder, resume=True) if name == TAPE else partial(append_bytes, lines=b"")
    try:
        for text in (b"%b\n%b", b"\n%b\n \t\n%b\n\n", b"\r\n%b\r\n%b\r\n  "):
            for changed in (text % (first, rest), BOM_UTF8 + text % (first, rest)):
                for end in (changed, changed.rstrip()):
                    path.write_bytes(end)
                    assert VALUES[name](path) == values
                    append(path)
                    assert VALUES[name](path) == values
    finally:
        path.write_bytes(before)


def test_a_lone_line_behind_a_byte_order_mark_is_not_taken_for_half_a_line(tmp_path):
    path = tmp_path / EPISODES
    path.write_bytes(BOM_UTF8 + b'{"id": "a"}')
    append_bytes(path, b'{"id": "b"}\n')
    assert path.read_bytes() == BOM_UTF8 + b'{"id": "a"}\n{"id": "b"}\n'


def test_the_line_that_is_wrong_is_counted_with_the_blank_ones(tmp_path):
    (tmp_path / EPISODES).write_bytes(BOM_UTF8 + b"\n\n{}\n")
    assert f"{EPISODES}, line 3 is not an episode" in refused(READERS[EPISODES], tmp_path / EPISODES)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", [name for name in READERS if name != SUMMARY])
def test_what_an_editor_saved_as_utf_16_is_told_and_stays_as_it_was(made, name, encoding):
    path = made / name
    before = path.read_bytes()
    try:
        for end in ("", "\n"):
            changed = (before.decode().rstrip() + end).encode(encoding)
            path.write_bytes(changed)
            for read in (READERS[name], *([partial(Recorder, resume=True)] if name == TAPE else [])):
                assert "is no UTF-8 text (it looks like UTF-16)" in refused(read, path)
            assert path.read_bytes() == changed
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("name", ["run.json", "episodes.jsonl", "summary.json"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_new_run_writes_through_no_link(tmp_path, name, exists):
    if exists:
        (tmp_path / "target").write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).symlink_to(tmp_path / "target")
    assert f"{name} is a link" in refused(play, tmp_path / "run")
    assert (tmp_path / "target").exists() == exists
    assert not exists or (tmp_path / "target").read_text() == "mine"


def test_a_report_reads_and_writes_no_link_and_leaves_no_file_beside_it(tmp_path):
    run, target = tmp_path / "run", tmp_path / "target"
    play(run)
    target.write_text("mine")
    for name in ("report.html", "config.toml"):
        (run / name).symlink_to(target)
        assert f"{name} is a link" in refused(write_report, run)
        (run / name).unlink()
    (run / "report.html.tmp").symlink_to(target)
    write_report(run)
    assert target.read_text() == "mine"
    names = {path.name for path in run.iterdir()}
    files = {".lock", "run.json", "provenance.jsonl", "episodes.jsonl", "summary.json"}
    assert names == files | {"report.html", "report.html.tmp"}


def test_held_out_play_is_found_by_whatever_digits_name_its_step(tmp_path):
    play(tmp_path)
    play(tmp_path / "held_out" / "step-007")
    assert [part.step for part in read_run(tmp_path).parts] == [None, 7]


def test_a_folder_that_is_a_link_is_not_followed(tmp_path):
    play(tmp_path / "run")
    play(tmp_path / "elsewhere" / "step-0")
    (tmp_path / "run" / "held_out").symlink_to(tmp_path / "elsewhere")
    assert "held_out is a link" in refused(read_run, tmp_path / "run")
    (tmp_path / "run" / FOLDER).symlink_to(tmp_path / "elsewhere")
    assert "rejudged is a link" in refused(lambda out: rejudge(out, ScriptedJudge()), tmp_path / "run")
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["step-0"]
