import pytest
from typer.testing import CliRunner

from negotiation_env.cli import app
from negotiation_env.errors import UserError
from tests.docs.pages import ROOT

EXAMPLES = ROOT / "examples"


def negotiate(*arguments):
    return CliRunner().invoke(app, arguments)


def shipped():
    paths = {path.relative_to(EXAMPLES) for path in EXAMPLES.rglob("*") if path.is_file()}
    return {path.as_posix() for path in paths if not {"results", "__pycache__"} & set(path.parts)}


def test_every_example_is_listed_with_a_line(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    _, _, _, _, *lines = negotiate("examples").stdout.rstrip().splitlines()
    told = dict(line.strip().split(maxsplit=1) for line in lines)
    assert set(told) == shipped()
    assert told["recipes/multinode/zero2.yaml"] == "accelerate: DeepSpeed ZeRO-2 on two nodes of eight GPUs"


def test_copies_are_the_files_and_their_paths_hold_where_they_were_put(tmp_path, monkeypatch):
    done = negotiate("examples", str(tmp_path / "new"))
    assert str(tmp_path / "new" / "examples") in done.stdout
    copies = tmp_path / "new" / "examples"
    assert {path.relative_to(copies).as_posix() for path in copies.rglob("*") if path.is_file()} == shipped()
    for name in shipped():
        assert (copies / name).read_bytes() == (EXAMPLES / name).read_bytes()
    monkeypatch.chdir(tmp_path / "new")
    assert negotiate("bench", "examples/recipes/bench_paper.toml", "--dry-run").exit_code == 0  # it names judge files


def test_what_is_there_already_is_not_overwritten(tmp_path):
    (tmp_path / "examples").mkdir()
    done = negotiate("examples", str(tmp_path))
    assert isinstance(done.exception, UserError)
    assert "is not overwritten" in str(done.exception)
    assert list((tmp_path / "examples").iterdir()) == []


@pytest.mark.parametrize("name", sorted(shipped()))
def test_an_example_says_in_its_first_line_what_it_is(name):
    first = (EXAMPLES / name).read_text(encoding="utf-8").partition("\n")[0]
    assert first.startswith(('"""', "# "))
    assert len(first) > 10
