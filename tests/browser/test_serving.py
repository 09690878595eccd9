"""What goes over the wire, without a browser in between."""

import http.client
from urllib.parse import urlsplit

import pytest

from negotiation_env import Persona, Scenario
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.browser.table import LONGEST
from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.runner import Game, play
from negotiation_env.game.events import Verdict
from negotiation_env.guards.asked import Asked
from negotiation_env.guards.files import Constraint, Guards, Intervention
from negotiation_env.guards.propositions import PROPOSITIONS
from negotiation_env.interfaces import Reply
from negotiation_env.judges.scripted import ScriptedJudge
from tests.browser.pages import ask, playing, say, state, until

WATER = Scenario(
    "water",
    "One well, two fields.",
    (
        Persona("Lea", "You need LEAS-GOAL.", "LEAS-LINE", "LEAS-STYLE", ("LEAS-VALUE",)),
        Persona("Tom", "You need TOMS-GOAL.", "TOMS-LINE", "TOMS-STYLE", ("TOMS-VALUE",)),
    ),
)
RULES = {"complete_without_agreement": True}


class Thinker:
    """Thinks before it speaks."""

    name = "openai:SECRET-MODEL"

    def act(self, requests):
        return [Reply("We share.\nPROPOSE: Nights for Tom.", thought="TOMS-THOUGHT") for _ in requests]


class Telling(ScriptedJudge):
    """Says in its evidence what it was told."""

    def judge(self, questions):
        found = super().judge(questions)
        brief = " ".join(persona.goal for persona in questions[0].scenario.personas)
        return [Verdict(each.value, each.judge, f"by their goals: {brief}", {"brief": brief}) for each in found]


def two_people(id="water"):
    agent = ScriptedAgent("compromising")
    return Game(id, WATER, (agent, agent))


@pytest.fixture
def tables():
    """Two people's pages, and the watcher's."""
    with playing(two_people(), ScriptedJudge(), [0, 1], **RULES) as addresses:
        yield addresses


def test_two_people_play_to_the_end_and_the_game_is_an_episode_like_any_other():
    kept = []
    words = {0: ["Nights for you?\nPROPOSE: Tom waters at night.", "Tom waters at night, Lea by day."], 1: ["ACCEPT"]}
    with playing(two_people(), ScriptedJudge(), [0, 1], kept.append, **RULES) as (lea, tom, watcher):
        say(lea, words[0][0])
        say(tom, words[1][0])
        say(lea, words[0][1])
        ends = [until(page, lambda now: now["over"]) for page in (lea, tom, watcher)]
    (episode,) = kept
    assert [end["score"] for end in ends] == [3.0, 3.0, 3.0]
    assert [turn["text"] for turn in ends[1]["said"]] == [words[0][0], words[1][0], words[0][1]]

    class Parrot:
        name = "human"

        def act(self, requests):
            return [Reply(words[request.seat].pop(0)) for request in requests]

    parrot = Parrot()
    assert episode == play(Game("water", WATER, (parrot, parrot)), ScriptedJudge(), **RULES)
    assert Episode.from_json(episode.to_json()) == episode


def test_a_seat_learns_nothing_of_the_other_s_brief_thoughts_or_maker():
    with playing(Game("water", WATER, (ScriptedAgent("stubborn"), Thinker())), Telling(), [0], **RULES) as (
        lea,
        watcher,
    ):
        heard = [ask(lea, "state")[2]]
        say(lea, "What do you need?")
        until(lea, lambda now: len(now["said"]) == 2)
        heard.append(ask(lea, "state")[2])
        assert "LEAS-GOAL" in heard[1]
        assert "LEAS-LINE" in heard[1]
        assert "We share." in heard[1]
        for secret in ("TOMS-GOAL", "TOMS-LINE", "TOMS-STYLE", "TOMS-VALUE", "TOMS-THOUGHT", "SECRET-MODEL"):
            assert not any(secret in text for text in heard), secret
        seen = ask(watcher, "state")[2]
        assert "TOMS-GOAL" in seen
        assert "SECRET-MODEL" in seen
        assert "TOMS-THOUGHT" not in seen


def test_thoughts_and_refused_words_are_for_their_speaker_alone():
    ladder = (Intervention.ASK_AGAIN, Intervention.REPLACE)
    calm = Guards("calm", (Constraint("calm", "not pressure", ladder=ladder, told="Do not press."),))
    with playing(two_people(), ScriptedJudge(), [0, 1], guards=calm, **RULES) as (lea, tom, watcher):
        say(lea, "<think>LEAS-PLAN</think>Sign now.")
        again = until(lea, lambda now: now["move"] == 1)
        assert again["speaker"] == 0
        assert "Do not press." in again["asked"]
        say(lea, "<think>LEAS-PLAN</think>Let us share.")
        until(tom, lambda now: now["speaker"] == 1)
        for page in (tom, watcher):
            assert not any(words in ask(page, "state")[2] for words in ("LEAS-PLAN", "Sign now", "Do not press."))


def test_what_guards_ask_the_judge_of_words_is_not_for_the_other_seat():
    class Quoting(ScriptedJudge):
        """Gives its reasons by quoting."""

        def judge(self, questions):
            said = [question.dialogue[-1].text if question.dialogue else "" for question in questions]
            found = super().judge(questions)
            return [Verdict(each.value, each.judge, f"it said: {text}") for each, text in zip(found, said, strict=True)]

    judge = Quoting(turn=lambda question: "ALL-MINE" in question.dialogue[-1].text)
    ladder = (Intervention.ASK_AGAIN, Intervention.REPLACE)
    asked = PROPOSITIONS | {"grabs": Asked("Does the speaker take everything?")}
    modest = Guards("modest", (Constraint("modest", "not grabs", ladder=ladder),), asked)
    with playing(two_people(), judge, [0, 1], guards=modest, **RULES) as (lea, tom, watcher):
        say(lea, "ALL-MINE")
        assert until(lea, lambda now: now["move"] == 1)["speaker"] == 0
        say(lea, "Let us share.")
        until(tom, lambda now: now["speaker"] == 1)
        assert "ALL-MINE" in ask(watcher, "state")[2]
        assert "ALL-MINE" not in ask(tom, "state")[2]


def test_a_page_opens_by_its_token_alone(tables):
    lea, tom, _ = tables
    token = urlsplit(lea).path.strip("/")
    assert len(token) >= 22
    assert token != urlsplit(tom).path.strip("/")
    assert ask(lea)[0] == 200
    for place in ("", "state"):
        assert ask(lea.replace(token, "wrong"), place)[0] == 404
    assert ask(lea.replace(token, "wrong"), "answer", said={"move": 0, "words": "Hi."})[0] == 404
    assert ask(lea.replace(f"/{token}/", "/"))[0] == 404


def test_no_cookie_is_set_nothing_is_cached_and_the_policy_lets_nothing_else_act(tables):
    for place in ("", "state"):
        _, headers, _ = ask(tables[0], place)
        assert "Set-Cookie" not in headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


def test_a_foreign_name_that_points_here_is_refused(tables):
    assert ask(tables[0], "state", Host="evil.example")[0] == 403
    port = urlsplit(tables[0]).port
    assert ask(tables[0], "state", Host=f"evil.example:{port}")[0] == 403
    assert ask(tables[0], "state", Host=f"localhost:{port}")[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_words_from_another_site_are_refused(tables, origin):
    assert ask(tables[0], "answer", said={"move": 0, "words": "Hi."}, Origin=origin)[0] == 403
    assert state(tables[0])["said"] == []


def test_words_without_an_origin_are_refused(tables):
    found = urlsplit(tables[0])
    plain = http.client.HTTPConnection(found.netloc, timeout=20)
    plain.request("POST", f"{found.path}answer", b'{"move": 0, "words": "Hi."}')
    assert plain.getresponse().status == 403
    plain.close()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"no JSON",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"move": true, "words": "Hi."}',
        b'{"move": 0, "words": 3}',
        b'{"move": 0, "words": " \\n"}',
        b'{"move": 0, "words": "\\ud800"}',
        b"\xff\xfe",
        {"move": 0, "words": "a" * (LONGEST + 1)},
    ],
)
def test_what_is_no_turn_is_refused_and_the_game_goes_on(tables, said):
    assert ask(tables[0], "answer", said=said)[0] == 400
    say(tables[0], "Hi.")
    assert until(tables[1], lambda now: now["speaker"] == 1)["said"][0]["text"] == "Hi."


def test_more_than_any_turn_is_refused_unread(tables):
    assert ask(tables[0], "answer", said=b" " * 300_000)[0] == 413


def test_words_are_taken_once_in_their_turn_and_from_their_seat(tables):
    lea, tom, watcher = tables
    until(lea, lambda now: now["speaker"] == 0)
    first = {"move": 0, "words": "Hi."}
    assert ask(tom, "answer", said=first)[0] == 409
    assert ask(watcher, "answer", said=first)[0] == 400
    assert ask(lea, "answer", said=first)[0] == 204
    assert ask(lea, "answer", said=first)[0] == 409  # the second tab
    until(tom, lambda now: now["speaker"] == 1)
    assert ask(lea, "answer", said={"move": 1, "words": "Me again."})[0] == 409


def test_who_reloads_sees_all_of_the_game_again(tables):
    say(tables[0], "Hi.")
    say(tables[1], "Hello.")
    until(tables[0], lambda now: now["speaker"] == 0)
    assert ask(tables[0], "state")[2] == ask(tables[0], "state")[2]
    assert [turn["text"] for turn in state(tables[0])["said"]] == ["Hi.", "Hello."]


def test_a_game_without_people_is_watched_with_every_brief_and_verdict():
    game = Game("water", WATER, (ScriptedAgent("compromising"), ScriptedAgent("accommodating")))
    with playing(game, Telling(), [], **RULES) as (watcher,):
        seen = until(watcher, lambda now: now["over"])
    assert [persona["name"] for persona in seen["personas"]] == ["Lea", "Tom"]
    assert seen["agents"] == [agent.name for agent in game.agents]
    assert seen["rulings"][-1]["facts"]["brief"]
    assert seen["score"] == 3.0


def test_an_agent_that_fails_ends_the_game_and_its_name_stays_hidden():
    class Failing:
        name = "openai:SECRET-MODEL"

        def act(self, requests):
            return [Reply("", error="SECRET-MODEL is not there") for _ in requests]

    kept = []
    with playing(Game("water", WATER, (Failing(), Failing())), ScriptedJudge(), [0], kept.append) as (lea, watcher):
        say(lea, "Hi.")
        end = until(lea, lambda now: now["over"])
        assert end["status"] == "unscored"
        assert end["reason"]
        assert "SECRET-MODEL" not in ask(lea, "state")[2]
        assert "SECRET-MODEL is not there" in until(watcher, lambda now: now["over"])["reason"]
    assert kept[0].failure
