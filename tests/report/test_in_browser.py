"""Reports in a real browser, as their readers have them."""

import re
from dataclasses import replace

import pytest

from negotiation_env.environment.episode import append_episode
from negotiation_env.report import write_report
from tests.report.browser import CHROMIUM, browser, note_complaints
from tests.report.runs import (
    benchmark,
    evaluation,
    guarded,
    hostile,
    judged_by_a_model,
    learned,
    thoughtful,
    training,
    unscored,
)

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
PHONE = {"width": 380, "height": 740}
DESK = {"width": 1400, "height": 900}


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as started, browser(started) as found:
        yield found


@pytest.fixture
def visit(chromium):
    """Open a report; whatever the browser complains of, or a dialog that pops up, fails the test."""
    complaints, pages = [], []

    def open_report(path, fragment="", viewport=DESK, **settings):
        page = chromium.new_page(viewport=viewport, **settings)
        pages.append(page)
        note_complaints(page, "file:", complaints)
        page.goto(path.as_uri() + fragment)
        return page

    yield open_report
    for page in pages:
        page.close()
    assert complaints == []


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    return write_report(evaluation(tmp_path_factory.mktemp("evaluation")))


@pytest.fixture(scope="module")
def modelled(tmp_path_factory):
    return write_report(judged_by_a_model(tmp_path_factory.mktemp("modelled")))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return write_report(training(tmp_path_factory.mktemp("trained")))


def lines(page):
    return page.locator("#list .line")


def shown_ids(page):
    return page.locator("#list .id a").all_inner_texts()


def title(page):
    return page.locator("#episode-title")


def test_the_list_has_a_row_for_each_negotiation(visit, evaluated):
    page = visit(evaluated)
    assert lines(page).count() == 6
    assert page.get_by_role("status").first.inner_text() == "6 negotiations"
    assert page.get_by_role("heading", level=1).is_visible()


def test_a_search_finds_what_was_said_and_shows_the_place(visit, evaluated):
    page = visit(evaluated)
    page.get_by_role("searchbox").fill("antimalarial AGREE")
    assert shown_ids(page) == ["ec-001"]
    assert page.locator("mark").inner_text() == "antimalarial"
    page.get_by_role("searchbox").fill("no such words at all")
    assert page.locator("#count").inner_text() == "0 of 6 negotiations"


def test_filters_and_sorting_work_together(visit, trained):
    page = visit(trained)
    page.get_by_role("combobox", name="part").select_option(label="training (6)")
    page.get_by_role("combobox", name="row").select_option(label="2 (2)")
    assert shown_ids(page) == ["0/2", "1/2"]
    page.get_by_role("button", name="Episode").click()
    page.get_by_role("button", name="Episode").click()
    assert shown_ids(page) == ["1/2", "0/2"]
    page.get_by_role("spinbutton", name="score from").fill("2.5")
    assert shown_ids(page) == []


def test_sorting_by_score_begins_with_the_best_and_ends_with_what_has_none(visit, tmp_path):
    for row, score in enumerate((1.0, 3.0, 2.0)):
        append_episode(tmp_path / "episodes.jsonl", learned(0, row, score))
    append_episode(tmp_path / "episodes.jsonl", unscored(learned(0, 3, 5.0), "the endpoint was down"))
    page = visit(write_report(tmp_path))
    page.get_by_role("button", name="Score").click()
    assert shown_ids(page) == ["0/1", "0/2", "0/0", "0/3"]
    page.get_by_role("button", name="Score").click()
    assert shown_ids(page) == ["0/0", "0/2", "0/1", "0/3"]
    assert "the endpoint was down" in lines(page).last.inner_text()
    assert "0.00" not in lines(page).last.inner_text()


def test_a_transcript_opens_by_click_with_all_its_parts(visit, evaluated):
    page = visit(evaluated)
    lines(page).nth(1).click()
    assert title(page).inner_text() == "ec-002"
    panel = page.locator("#episode")
    assert panel.locator(".persona").count() == 2
    assert panel.locator(".turn").count() == 4
    assert panel.locator(".tag.propose").count() == 2
    assert panel.locator(".tag.accept").inner_text() == "ACCEPT"
    assert panel.locator(".ruling h3").all_inner_texts() == ["no agreement", "agreement"]
    assert "0.00 of 5, by the scripted judge (a fake)" in panel.locator(".ending").inner_text()


def test_the_keyboard_is_enough(visit, evaluated):
    page = visit(evaluated)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    title(page).wait_for()
    assert title(page).inner_text() == "ec-002"
    page.keyboard.press("ArrowRight")
    page.get_by_role("heading", name="ec-003").wait_for()
    page.keyboard.press("k")
    page.get_by_role("heading", name="ec-002").wait_for()
    page.keyboard.press("Escape")
    title(page).wait_for(state="detached")
    assert page.evaluate("document.activeElement.textContent") == "ec-002"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()


def test_a_link_opens_its_transcript_and_history_goes_back_and_forth(visit, evaluated):
    page = visit(evaluated, "#episode=ec-004")
    title(page).wait_for()
    assert title(page).inner_text() == "ec-004"
    page.get_by_role("button", name="Next transcript").click()
    page.get_by_role("heading", name="ec-005").wait_for()
    page.go_back()
    page.get_by_role("heading", name="ec-004").wait_for()
    page.go_forward()
    page.get_by_role("heading", name="ec-005").wait_for()
    page.get_by_role("button", name="Close the transcript").click()
    assert not page.locator("#episode").is_visible()
    page.go_back()
    page.get_by_role("heading", name="ec-005").wait_for()


def test_a_link_to_nothing_says_so(visit, evaluated):
    page = visit(evaluated, "#episode=no-such%")
    assert page.locator("#told").inner_text() == "This report holds no such negotiation."
    assert lines(page).count() == 6


def test_the_link_can_be_copied(visit, evaluated, chromium):
    page = visit(evaluated, "#episode=ec-001")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("Link copied.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").endswith("report.html#episode=ec-001")


def test_judge_calls_are_there_on_demand(visit, modelled):
    page = visit(modelled, "#episode=ec-001")
    first = page.locator(".ruling").first
    assert "I would rather not say." not in page.locator("#episode").inner_text()
    first.get_by_text("2 judge calls").click()
    calls = first.locator(".call")
    assert "not used" in calls.first.inner_text()
    assert calls.first.locator(".reply").inner_text() == "I would rather not say."
    calls.nth(1).get_by_text("system", exact=True).click()
    assert calls.nth(1).locator("pre").nth(1).inner_text().startswith("You")
    measures = page.locator(".ending .measure .name").all_inner_texts()
    assert measures == ["score", "knowledge", "benevolence", "power", "vitality"]
    assert "served at" in page.locator(".ending .quotes").inner_text()


def test_thoughts_are_there_on_demand(visit, tmp_path):
    page = visit(write_report(thoughtful(tmp_path)), "#episode=g")
    assert "40" not in page.locator("#episode").inner_text()
    page.get_by_text("Private thoughts, which nobody else was shown").first.click()
    assert page.locator(".thought").inner_text() == "My limit is 40."


def test_what_guards_found_stands_beside_the_turn_and_what_they_refused_is_there_on_demand(visit, tmp_path):
    page = visit(write_report(guarded(tmp_path)), "#episode=g")
    assert page.get_by_text("broken: no pressure (feedback)").count() == 1
    page.get_by_text("Not delivered: 2 tries").first.click()
    tries = page.locator(".refused")
    playwright.expect(tries).to_have_count(2)  # waits until they are unpacked
    assert "no pressure (ask again)" in page.locator("#episode").inner_text()


def test_thoughts_stand_with_the_words_that_came_of_them(visit, tmp_path):
    page = visit(write_report(guarded(tmp_path, thought="Now.", refused="They look tired.")), "#episode=g")
    turn = page.locator(".turn").filter(has_text="Not delivered: 2 tries").first
    turn.locator("summary").first.click()
    playwright.expect(turn.locator(".thought")).to_have_text(["Now."])  # waits until it is there
    turn.get_by_text("Not delivered: 2 tries").click()
    turn.get_by_text("Private thoughts, which nobody else was shown").nth(1).click()
    playwright.expect(turn.locator(".thought")).to_have_text(["Now.", "They look tired."])


def test_what_a_benchmark_asked_of_a_game_is_there_on_demand(visit, tmp_path):
    page = visit(write_report(benchmark(tmp_path)))
    lines(page).first.click()
    title(page).wait_for()
    asked = page.locator(".afterwards")
    assert asked.locator(".call").count() == 0
    asked.get_by_text("3 probes").click()
    asked.locator(".call h4").nth(2).wait_for()  # what is folded is built in its own time
    assert asked.locator(".call h4").count() == 3
    assert "satisfaction" in asked.locator(".call").first.inner_text()
    asked.get_by_text("Challenge: the agreement").click()
    asked.get_by_text("I owe you a doubt").wait_for()
    asked.get_by_text("2 comparisons").click()
    asked.locator(".call h4").nth(3).wait_for()
    assert asked.locator(".call h4").nth(3).inner_text().startswith("quality, against ")


def test_one_table_is_shown_at_a_time_and_each_has_an_address(visit, tmp_path):
    page = visit(write_report(benchmark(tmp_path)))
    tables = page.locator(".table:visible")
    assert tables.count() == 1
    page.locator(".tabs a").nth(2).click()
    chosen = page.locator(".tabs a[aria-current]")
    assert tables.get_attribute("id") == chosen.get_attribute("href").removeprefix("#")
    page.goto(page.url.partition("#")[0] + "#table-1")
    playwright.expect(page.locator("#table-1")).to_be_visible()
    page.emulate_media(media="print")
    assert tables.count() == page.locator(".table").count() > 2


def test_the_contents_lead_to_their_sections_also_out_of_a_transcript(visit, evaluated):
    page = visit(evaluated, "#episode=ec-001")
    title(page).wait_for()
    page.get_by_role("navigation", name="Contents").get_by_text("Run").click()
    page.get_by_role("heading", name="Run", exact=True).wait_for()
    assert not page.locator("#episode").is_visible()
    assert abs(page.locator("#run").bounding_box()["y"]) < 120


def test_what_a_speaker_was_told_is_there_on_demand(visit, evaluated):
    page = visit(evaluated, "#episode=ec-001")
    turn = page.locator(".turn").nth(1)
    turn.get_by_text("Prompt", exact=True).click()
    playwright.expect(turn.locator("pre")).to_have_count(2)
    assert turn.locator("pre").first.inner_text().startswith("You are ")


def test_what_was_learned_from_a_negotiation_is_coloured(visit, trained):
    page = visit(trained, "#episode=0%2F0")
    title(page).wait_for()
    turns = page.locator(".turn")
    assert [kind for kind in ("trained", "worse") if kind in turns.first.get_attribute("class").split()] == [
        "trained",
        "worse",
    ]
    assert "trained −1.00" in turns.first.inner_text()
    assert "not trained" in turns.nth(1).inner_text()
    assert "not trained" in turns.last.inner_text()  # of the learner's answer by these settings
    turns.first.get_by_text("3 tokens", exact=True).click()
    token = turns.first.locator(".tokens span").nth(1)
    assert (token.inner_text(), token.get_attribute("title")) == ("41", "log-probability -2.500, probability 0.082")
    page.goto(page.url.replace("#episode=0%2F0", "#episode=held_out%2Fstep-2%2Fec-001"))
    page.get_by_role("heading", name="held_out/step-2/ec-001").wait_for()
    assert page.locator(".turn.trained, .legend").count() == 0


def test_the_theme_follows_the_reader_and_can_be_switched(visit, evaluated):
    page = visit(evaluated, color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.get_by_role("button", name="Switch between light and dark").click()
    light = page.evaluate(background)
    assert sum(map(int, re.findall(r"\d+", dark))) < 100 < 600 < sum(map(int, re.findall(r"\d+", light)))


@pytest.mark.parametrize("fragment", ["", "#episode=0%2F0"])
def test_a_phone_needs_no_sideways_scrolling(visit, trained, fragment):
    page = visit(trained, fragment, viewport=PHONE)
    if fragment:
        title(page).wait_for()
        assert not page.locator("#list").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_on_a_phone_a_benchmark_needs_no_sideways_scrolling_and_search_covers_no_filter(visit, tmp_path):
    page = visit(write_report(benchmark(tmp_path)), viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page.locator("#list").scroll_into_view_if_needed()
    search, filters = (page.locator(name).bounding_box() for name in ("#search", "#facets"))
    assert search["y"] + search["height"] <= filters["y"]


def test_long_lists_are_drawn_as_they_are_scrolled(visit, tmp_path):
    one = learned(0, 0, 1.0)
    for number in range(150):
        append_episode(tmp_path / "episodes.jsonl", replace(one, id=f"{number:03}"))
    page = visit(write_report(tmp_path))
    assert lines(page).count() == 60
    lines(page).last.scroll_into_view_if_needed()
    playwright.expect(lines(page)).to_have_count(120)
    page.goto(page.url + "#episode=149")
    title(page).wait_for()
    assert page.locator("#where").inner_text() == "150 of 150"


def test_attacks_are_shown_and_never_run(visit, tmp_path):
    page = visit(write_report(hostile(tmp_path)))
    for number in range(3):
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.get_by_text(f"{number + 1} of 3", exact=True).wait_for()
        while page.locator("#episode details:not([open])").count():
            page.locator("#episode details:not([open]) > summary").first.click()
        assert "<script>window.pwned=1</script>" in page.locator("#episode").inner_text()
    page.get_by_role("searchbox").fill("</script>")
    assert lines(page).count() == 3
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("[...document.links].every(link => link.getAttribute('href').startsWith('#'))")
    assert page.locator("img, iframe, object, #episode script, #list script, svg script").count() == 0


def test_characters_that_turn_the_writing_are_shown_by_their_number(visit, tmp_path):
    page = visit(write_report(hostile(tmp_path)))
    lines(page).first.click()
    title(page).wait_for()
    hidden = page.locator("blockquote .hidden-character").all_inner_texts()
    assert hidden == ["U+2028", "U+202E", "U+0007"]


def test_even_markup_that_got_in_could_not_run(chromium, evaluated):
    page = chromium.new_page()
    page.goto(evaluated.as_uri())
    page.evaluate(
        """() => {
        const markup = "<img src=x onerror='window.pwned = 1'><style>body { opacity: 0 }</style>";
        document.body.insertAdjacentHTML("beforeend", markup);
        const script = document.createElement("script");
        script.textContent = "window.pwned = 1";
        document.body.append(script);
        }"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("[window.pwned, getComputedStyle(document.body).opacity]") == [None, "1"]
    page.close()


def test_a_printed_transcript_is_the_transcript_alone(visit, evaluated):
    page = visit(evaluated, "#episode=ec-001")
    title(page).wait_for()
    page.emulate_media(media="print")
    assert [page.locator(name).is_visible() for name in (".bar", ".bench", "main", "#episode")] == [False] * 3 + [True]
