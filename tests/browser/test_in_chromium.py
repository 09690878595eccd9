"""Games in a real browser, as people play them."""

from dataclasses import replace

import pytest

from negotiation_env.agents.functions import FunctionAgent
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.browser.study import Trial
from negotiation_env.episodes.runner import Game
from negotiation_env.judges.scripted import ScriptedJudge
from tests.browser.pages import playing
from tests.browser.test_serving import RULES, WATER, two_people
from tests.browser.test_study import LEVELS, sitting
from tests.report.browser import CHROMIUM, browser, note_complaints

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
HOSTILE = (
    "<img src=x onerror=alert(1)><script>alert(2)</script><style>body{display:none}</style>\n[a](javascript:alert(3))"
)


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as started, browser(started) as found:
        yield found


@pytest.fixture
def visit(chromium):
    """Open a page in a window of its own; whatever the browser complains of, or a dialog, fails the test."""
    complaints, windows = [], []

    def open_page(address, **settings):
        window = chromium.new_context(**settings)
        windows.append(window)
        page = window.new_page()
        note_complaints(page, address, complaints)
        page.goto(address)
        return page

    yield open_page
    for window in windows:
        window.close()
    gone = "ERR_CONNECTION_REFUSED"  # games end before the windows are closed
    assert [each for each in complaints if each != "data:," and gone not in each] == []


def say(page, words):
    page.get_by_label("Your turn").or_(page.get_by_label("Your joint answer")).fill(words)
    page.get_by_role("button", name="Say it").click()


def heard(page):
    return page.locator("#talk .turn")


def test_two_windows_play_a_game_to_its_end(visit):
    kept = []
    with playing(two_people(), ScriptedJudge(), [0, 1], kept.append, **RULES) as (lea_at, tom_at, watcher_at):
        lea, tom, watcher = visit(lea_at), visit(tom_at), visit(watcher_at)
        say(lea, "Nights for you?\nPROPOSE: Tom waters at night.")
        tom.get_by_text("PROPOSE: Tom waters at night.").wait_for()
        assert tom.title() == "● Your turn – Tom"
        say(tom, "ACCEPT")
        lea.get_by_label("Your joint answer").wait_for()
        say(lea, "Tom waters at night, Lea by day.")
        for page in (lea, tom, watcher):
            page.get_by_text("3.00").wait_for()
            assert heard(page).count() == 3
            assert not page.locator("#speak").is_visible()
    assert kept[0].outcome.status == "agreed"
    lea.get_by_text("does not answer; what is shown stays").wait_for()
    assert heard(lea).count() == 3


def test_a_reload_and_a_second_tab_show_all_and_lose_no_draft(visit):
    with playing(two_people(), ScriptedJudge(), [0, 1], **RULES) as (lea_at, tom_at, _):
        lea = visit(lea_at)
        say(lea, "First words.")
        tom = visit(tom_at)
        tom.get_by_label("Your turn").fill("A draft")
        tom.reload()
        heard(tom).get_by_text("First words.").wait_for()
        assert tom.get_by_label("Your turn").input_value() == "A draft"
        tab = tom.context.new_page()
        tab.goto(tom_at)
        say(tab, "From the other tab.")
        heard(tom).get_by_text("From the other tab.").wait_for()
        assert not tom.locator("#speak").is_visible()


def test_words_cannot_act(visit):
    bad = FunctionAgent(lambda text: HOSTILE)
    game = Game("water", replace(WATER, dilemma=HOSTILE), (bad, bad))
    with playing(game, ScriptedJudge(), [0], **RULES) as (lea_at, watcher_at):
        lea, watcher = visit(lea_at), visit(watcher_at)
        say(lea, HOSTILE)
        for page in (lea, watcher):
            heard(page).nth(1).wait_for()
            assert page.locator("#talk img, #talk script, #talk style, #talk a").count() == 0
            assert "alert(2)" in heard(page).nth(1).inner_text()
            assert page.locator("#brief img, #brief script, #brief style").count() == 0
            assert "<script>alert(2)</script>" in page.locator("#brief").inner_text()


def test_the_keyboard_is_enough(visit):
    game = Game("water", WATER, (ScriptedAgent("stubborn"),) * 2)
    with playing(game, ScriptedJudge(), [0], **RULES) as (lea_at, _):
        lea = visit(lea_at)
        lea.get_by_label("Your turn").wait_for()
        lea.keyboard.type("I have the keyboard.")
        lea.keyboard.press("Control+Enter")
        heard(lea).nth(1).wait_for()
        assert lea.get_by_label("Your turn").evaluate("node => node === document.activeElement")
        lea.keyboard.type("Still.")
        assert lea.get_by_label("Your turn").input_value() == "Still."


@pytest.mark.parametrize("width", [320, 390, 1400])
def test_nothing_is_wider_than_the_screen(visit, width):
    with playing(two_people(), ScriptedJudge(), [0, 1], **RULES) as (lea_at, tom_at, _):
        lea, tom = visit(lea_at, viewport={"width": width, "height": 740}), visit(tom_at)
        say(lea, "w" * 300)
        heard(tom).first.wait_for()
        heard(lea).first.wait_for()
        assert lea.evaluate("document.documentElement.scrollWidth") <= width


def test_light_and_dark_follow_the_system_and_the_button(visit):
    with playing(two_people(), ScriptedJudge(), [0, 1], **RULES) as (lea_at, *_):
        lea = visit(lea_at, color_scheme="dark")
        lea.get_by_label("Your turn").wait_for()
        background = "getComputedStyle(document.body).backgroundColor"
        dark = lea.evaluate(background)
        lea.get_by_role("button", name="Switch between light and dark").click()
        assert lea.evaluate(background) != dark


def test_a_participant_consents_plays_and_rates(visit):
    kept, rates = [], []
    with sitting([Trial(0, "c", "s0", 0)], kept, rates, agent="compromising") as (address,):
        page = visit(address)
        page.get_by_text("Do you agree?").wait_for()
        page.get_by_role("button", name="I agree, and begin").click()
        say(page, "Let us share.\nPROPOSE: Tom waters at night.")
        ending = page.get_by_role("button", name="Send and go on")
        answer = page.get_by_label("Your joint answer")
        while not ending.is_visible():
            answer.or_(ending).or_(page.get_by_label("Your turn")).first.wait_for()
            if answer.is_visible():
                say(page, "Tom waters at night, Lea by day.")
            elif page.locator("#speak").is_visible():
                say(page, "ACCEPT")
            page.wait_for_timeout(100)
        assert page.get_by_text("Collective Agency").count() == 0
        for question, level in (("acceptable", "4"), ("fair", "2"), ("agreed", "5")):
            page.locator(f"input[name={question}][value='{level}']").check()
        ending.click()
        page.get_by_role("heading", name="Thank you").wait_for()
    assert rates == [(0, LEVELS)]
