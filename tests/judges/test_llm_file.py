import pytest

from negotiation_env.errors import UserError
from negotiation_env.judges.llm_file import read_llm_judge
from negotiation_env.judges.panel import PanelJudge
from negotiation_env.judges.specs import resolve_judge
from tests.helpers.endpoint_server import EndpointServer

FILE = """
criteria = "thrift.toml"
[judge]
samples = 3
[endpoint]
model = "m"
base_url = "http://127.0.0.1:9/v1"
requests_per_minute = 60
"""


def test_a_judge_file_names_endpoint_settings_and_a_criteria_file_beside_it(tmp_path):
    (tmp_path / "judge.toml").write_text(FILE)
    (tmp_path / "thrift.toml").write_text("")
    found = read_llm_judge(tmp_path / "judge.toml")
    assert (found.judge.samples, found.endpoint.requests_per_minute) == (3, 60)
    assert found.criteria == str(tmp_path / "thrift.toml")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('model = "m"', ""), "endpoint.model"),
        (("samples = 3", "sample = 3"), "judge.sample"),
        (("samples = 3", "samples = 0"), "at least 1"),
        (("[judge]", "[jugde]"), "jugde"),
    ],
)
def test_a_wrong_file_is_told_what_is_wrong(tmp_path, change, told):
    (tmp_path / "judge.toml").write_text(FILE.replace(*change))
    with pytest.raises(UserError, match=told):
        read_llm_judge(tmp_path / "judge.toml")


def test_a_missing_file_and_an_endpoint_where_nobody_answers_are_told(tmp_path):
    with pytest.raises(UserError, match="no judge file"):
        resolve_judge(str(tmp_path / "none.toml"))
    with pytest.raises(UserError, match="nobody answers"):
        resolve_judge("openai:m@http://127.0.0.1:9/v1")


def test_a_panel_is_named_by_its_members():
    with EndpointServer() as server:
        panel = resolve_judge(f"panel:mean:scripted,openai:m@{server.url}", cache=False)
    assert isinstance(panel, PanelJudge)
    assert (panel.combine, len(panel.members)) == ("mean", 2)
    with pytest.raises(UserError, match="panel"):
        resolve_judge("panel:mode:scripted,scripted")
    with pytest.raises(UserError, match="panel"):
        resolve_judge("panel:median:scripted")
