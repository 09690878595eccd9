import base64
import gzip
import hashlib
import json
import re
import sys
from html import unescape

import pytest

from negotiation_env.environment.episode import append_episode
from negotiation_env.errors import MissingExtra, UserError
from negotiation_env.report import write_report
from negotiation_env.report.folder import read_run
from negotiation_env.report.page import embed_json
from negotiation_env.report.plots import run_plots
from tests.report.runs import (
    HOSTILE,
    evaluation,
    guarded,
    hostile,
    judged_by_a_model,
    learned,
    thoughtful,
    training,
    unscored,
)


def block(html, id):
    return re.search(rf'<script type="[^"]+" id="{id}">(.*?)</script>', html, re.DOTALL)[1]


def light(html):
    return json.loads(block(html, "light"))


def details(html):
    return [json.loads(gzip.decompress(base64.b64decode(line))) for line in block(html, "packed").split("\n")]


def written(folder):
    return write_report(folder).read_text(encoding="utf-8")


def test_a_report_lies_in_the_folder_and_leaves_all_else_as_it_was(tmp_path):
    before = {path.name: path.read_bytes() for path in evaluation(tmp_path).iterdir()}
    assert write_report(tmp_path) == tmp_path / "report.html"
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "report.html"}
    assert after == before


def test_the_same_run_gives_the_same_file(tmp_path):
    evaluation(tmp_path / "run")
    first = write_report(tmp_path / "run", tmp_path / "elsewhere" / "a.html").read_bytes()
    assert write_report(tmp_path / "run", tmp_path / "b.html").read_bytes() == first


def test_every_episode_is_in_the_file_with_all_that_was_said_and_judged(tmp_path):
    html = written(judged_by_a_model(tmp_path))
    rows, packed = light(html)["rows"], details(html)
    assert len(rows) == len(packed) == 3
    assert [turn["tag"] for turn in rows[0]["said"]] == ["propose", "propose", "accept", ""]
    calls = [call for ruling in packed[0]["rulings"] for call in ruling["calls"]]
    assert calls[0]["reply"] == "I would rather not say."
    assert "the reply is no JSON" in calls[0]["error"]
    assert calls[1]["messages"][0]["content"].startswith("You")


def test_a_scenario_that_was_played_often_stands_there_once(tmp_path):
    html = written(training(tmp_path))
    found = light(html)
    assert len(found["rows"]) == 12
    assert len(found["scenarios"]) == 3
    assert {row["tags"]["part"] for row in found["rows"]} == {
        "training",
        "held out after 0 steps",
        "held out after 2 steps",
    }


def test_what_is_unscored_has_a_reason_and_no_number(tmp_path):
    append_episode(tmp_path / "episodes.jsonl", unscored(learned(0, 0, 1.0), "the judge's endpoint was down"))
    html = written(tmp_path)
    (row,) = light(html)["rows"]
    assert (row["status"], row["score"], row["reward"]) == ("unscored", None, None)
    assert row["reason"] == "the judge's endpoint was down"
    assert "1 of 1" in html


def test_nothing_that_was_said_stands_in_the_page_as_markup(tmp_path):
    html = written(hostile(tmp_path))
    assert "<img" not in html
    assert "onload=window" not in re.sub(r"<script type.*?</script>|&lt;svg onload", "", html, flags=re.DOTALL)
    assert html.count("<script") == html.count("</script>") == 3
    assert light(html)["rows"][0]["said"][0]["text"] == HOSTILE
    assert details(html)[1]["said"][0]["raw"] == HOSTILE


def test_thoughts_wait_in_the_packed_part_until_they_are_unfolded(tmp_path):
    html = written(thoughtful(tmp_path))
    assert "My limit is 40." not in html
    assert details(html)[0]["said"][0]["thought"] == "My limit is 40."
    assert "Private thoughts, of all characters" in html


def test_the_figures_say_what_guards_found(tmp_path):
    html = unescape(written(guarded(tmp_path)))
    assert "Guards: constraints broken" in html
    assert re.search(r"no pressure \d+", html)
    assert "Guards: words not delivered" in html


def test_a_figure_at_the_end_of_its_scale_is_drawn_whole(tmp_path):
    html = written(evaluation(tmp_path))
    assert '<circle cx="100.0%"' in html
    assert re.search(r"\.interval {[^}]*overflow: visible", html)


def test_turns_are_counted_in_whole_numbers_also_where_all_games_are_as_long(tmp_path):
    (turns,) = [svg for svg in run_plots(read_run(evaluation(tmp_path))) if "Length of the negotiations" in svg]
    assert not re.search(r">\s*\d+\.\d+\s*<", turns)


def test_json_in_a_script_cannot_end_it():
    text = embed_json({"a": "</script><!--&\u2028\u2029", "b": float("nan")})
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == {"a": "</script><!--&\u2028\u2029", "b": None}


def test_only_the_reports_own_script_and_style_may_run(tmp_path):
    html = written(evaluation(tmp_path))
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', html)[1])
    for name in ("script", "style"):
        text = re.search(rf"<{name}>(.*?)</{name}>", html, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_nothing_is_loaded_from_anywhere(tmp_path):
    html = re.sub(r"<script type.*?</script>", "", written(training(tmp_path)), flags=re.DOTALL)
    assert set(re.findall(r'\b(?:src|href)="([^"#]*)', html)) == {"data:,", ""}
    assert "style=" not in html
    assert "@import" not in html
    assert "url(http" not in html


def test_the_script_makes_no_markup_out_of_text(tmp_path):
    script = re.search(r"<script>(.*?)</script>", written(evaluation(tmp_path)), re.DOTALL)[1]
    forbidden = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "fetch(")
    assert not [name for name in forbidden if name in script]


def test_tables_come_with_their_intervals_their_matrix_and_plots(tmp_path):
    html = written(hostile(tmp_path))
    assert "<b>0.50</b> <small>[0.40, 0.60]</small>" in html
    assert 'class="number heat-5"' in html
    assert html.count('role="img"') == 1
    assert "Figures</h2>" not in html


def test_settings_and_the_files_digests_are_folded_in(tmp_path):
    evaluation(tmp_path)
    html = written(tmp_path)
    assert "&#34;max_turns&#34;: 7" in html
    assert hashlib.sha256((tmp_path / "episodes.jsonl").read_bytes()).hexdigest() in html


def test_a_run_that_goes_on_is_shown_as_far_as_it_is(tmp_path):
    evaluation(tmp_path)
    (tmp_path / "summary.json").unlink()
    with (tmp_path / "episodes.jsonl").open("a") as file:
        file.write('{"id": "half a li')
    assert len(light(written(tmp_path))["rows"]) == 6


def test_a_run_that_has_only_begun_has_an_empty_report(tmp_path):
    (tmp_path / "episodes.jsonl").touch()
    html = written(tmp_path)
    assert light(html) == {"scenarios": [], "rows": []}
    assert block(html, "packed") == ""


def test_no_run_no_report(tmp_path):
    with pytest.raises(UserError, match="no folder"):
        write_report(tmp_path / "no-such")
    with pytest.raises(UserError, match=r"holds no episodes\.jsonl"):
        write_report(tmp_path)
    evaluation(tmp_path)
    (tmp_path / "tables.json").write_text("[]}")
    with pytest.raises(UserError, match="holds no tables"):
        write_report(tmp_path)


def test_without_jinja2_one_is_told_what_to_install(tmp_path, monkeypatch):
    evaluation(tmp_path)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.delitem(sys.modules, "negotiation_env.report.page", raising=False)
    with pytest.raises(MissingExtra, match=r"negotiation-env\[bench\]"):
        write_report(tmp_path)
