"""No file, name or printed line of a run holds a key or password, whatever a server sends back."""

import base64
import json

import pytest

from negotiation_env.episodes.run_folder import open_run
from tests.helpers.command_line import negotiate
from tests.helpers.raw_server import RawAnswer, completion, raw_server

KEY = "sk-live-0123456789abcdef"
PASSWORD = "pass-word-77"
LOGIN = f"deploy-user:{PASSWORD}"
SECRETS = (KEY, PASSWORD, "deploy-user", base64.b64encode(LOGIN.encode()).decode(), "query-secret")


def echo(asked):
    """Everything that it was sent as the model's name and words; every third answer is an error that quotes it."""
    told = f"{asked.headers['Authorization']} {asked.target} {asked.headers.get('Proxy-Authorization', '')}"
    echo.count += 1
    return RawAnswer(400, told.encode()) if echo.count % 3 == 0 else completion(f"I got {told}.", model=told)


@pytest.mark.parametrize("login", ["", f"{LOGIN}@"])
def test_a_run_its_recording_and_its_report_hold_no_secrets(tmp_path, monkeypatch, login):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    echo.count = 0
    with raw_server(echo) as server:
        spec = f"openai:m@{server.url.replace('://', f'://{login}')}?key=query-secret"
        out, tape = tmp_path / "run", tmp_path / "tape"
        told = [
            negotiate(*["eval", "--agents", spec, "scripted:stubborn", "--judge", "scripted", "--split"],
                      *["eval_conflict", "--n", 3, "--out", out, "--record", tape, "--unscored-limit", 1]),
            negotiate("view", out),
            negotiate("doctor", "--agents", spec, "--judge", "scripted"),
        ]  # fmt: skip
    assert told[0][0] == told[1][0] == 0, told
    assert len(server.posts) > 5
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file()}
    assert {"episodes.jsonl", "tape", "report.html"} <= set(written)
    assert "[hidden]" in written["episodes.jsonl"]
    for secret in SECRETS:
        assert not [name for name, text in written.items() if secret in text]
        assert not [done for done in told if secret in done.stdout + done.stderr]


def test_a_run_s_settings_hold_no_secrets_and_it_goes_on_with_another_password(tmp_path):
    settings = {"judge": f"openai:m@http://{LOGIN}@h/v1?key=query-secret", "seed": 1}
    open_run(tmp_path, settings, resume=False)
    assert json.loads((tmp_path / "run.json").read_text())["judge"] == "openai:m@http://h/v1?key=[hidden]"
    open_run(tmp_path, settings | {"judge": "openai:m@http://u:new@h/v1?key=new"}, resume=True)
