import pytest
from typer.testing import CliRunner

from negotiation_env import ChatRequest, Reply
from negotiation_env.cli import app
from negotiation_env.errors import UserError
from negotiation_env.judges.cache import users_cache

ASK = ChatRequest(({"role": "user", "content": "Hello"},))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NEGOTIATION_ENV_CACHE", str(tmp_path))


def negotiate(*arguments):
    return CliRunner().invoke(app, arguments)


def test_the_command_shows_where_and_how_much_is_kept_and_drops_it(tmp_path):
    assert negotiate("cache").stdout == f"{tmp_path / 'judge_replies.sqlite'}: no replies of judges yet\n"
    assert not list(tmp_path.iterdir())
    users_cache().put("m", ASK, Reply("Hi."))
    assert "judge_replies.sqlite: 1 replies of judges, 0.0 of at most 250 MB" in negotiate("cache").stdout
    assert "emptied" in negotiate("cache", "--clear").stdout
    assert users_cache().get("m", ASK) is None
    assert ": 0 replies of judges" in negotiate("cache").stdout


def test_a_file_that_is_no_cache_is_told_and_can_be_cleared(tmp_path):
    (tmp_path / "judge_replies.sqlite").write_text("no database, and longer than a header of SQLite would be" * 20)
    shown = negotiate("cache")
    assert isinstance(shown.exception, UserError)
    assert "is no cache of judge replies" in str(shown.exception)
    assert negotiate("cache", "--clear").exit_code == 0
    users_cache().put("m", ASK, Reply("Hi."))
    assert users_cache().get("m", ASK) == Reply("Hi.")
