from dataclasses import replace

import pytest

from negotiation_env import Utterance, Verdict
from negotiation_env.benchmark.asked import Asked
from negotiation_env.benchmark.durability import Challenge
from negotiation_env.benchmark.measures import BEYOND, OUTCOMES, WAY, seen_of
from negotiation_env.judges.probes import ProbeKind
from tests.benchmark.hand_made import OFFER, YES, episode, place, question, question_place, ruled, seen
from tests.conftest import three_parties

MEASURES = OUTCOMES | BEYOND | WAY
BUT = "But we need Mondays.\nPROPOSE: We share, and Mondays are ours."


def figure(name, game):
    return MEASURES[name](game)


def test_how_a_game_went():
    agreed, not_agreed = seen(score=4.0), seen(score=4.0, agreed=False)
    names = ("agreement rate", "turns to agreement", "Collective Agency, 0–5", "reward")
    assert [figure(name, agreed) for name in names] == [1.0, 2.0, 4.0, 4.0]
    assert [figure(name, not_agreed) for name in names] == [0.0, None, 4.0, 0.0]


def test_over_a_question_nobody_agrees_and_nobody_is_satisfied():
    alone = seen(question_place(), question(), score=2.0, agreed=False)
    found = {name: value for name, measure in MEASURES.items() if (value := measure(alone)) is not None}
    assert found == {"Collective Agency, 0–5": 2.0, "reward": 0.0}


@pytest.mark.parametrize(
    ("accepts", "expected"),
    [((True, True), 1.0), ((True, False), 0.0), ((True, None), None), ((False, None), None), ((None, None), None)],
)
def test_all_accept_if_each_one_does_and_nobody_knows_unless_all_are_known(accepts, expected):
    assert figure("accepted by all", seen(accepts=accepts)) == expected


@pytest.mark.parametrize(
    ("satisfied", "least", "product"),
    [
        ((5.0, 2.5), 2.5, 0.5),
        ((4.0, 0.0), 0.0, 0.0),
        ((2.0, 3.0, 5.0), 2.0, 0.4 * 0.6 * 1.0),
        ((5.0, None), None, None),
        ((None, None), None, None),
        ((), None, None),
    ],
)
def test_the_least_satisfied_and_the_nash_product(satisfied, least, product):
    game = seen(satisfied=satisfied)
    assert figure("least satisfied, 0–5", game) == least
    assert figure("Nash product, 0–1", game) == (product if product is None else pytest.approx(product))


@pytest.mark.parametrize(
    ("seat", "satisfied", "own", "other", "lead"),
    [
        (0, (4.0, 1.0), 4.0, 1.0, 3.0),
        (1, (4.0, 1.0), 1.0, 4.0, -3.0),
        (1, (2.0, 3.0, 5.0), 3.0, 5.0, -2.0),
        (2, (2.0, 3.0, 5.0), 5.0, 3.0, 2.0),
        (0, (4.0, None), 4.0, None, None),
        (0, (2.0, 3.0, None), 2.0, None, None),
        (0, (None, 1.0), None, 1.0, None),
        (0, (), None, None, None),
    ],
)
def test_own_satisfaction_less_that_of_the_most_satisfied_other(seat, satisfied, own, other, lead):
    game = seen(place("a", "pushy", seat), three_parties(), satisfied=satisfied)
    names = ("own satisfaction, 0–5", "the other's", "own less the other's")
    assert [figure(name, game) for name in names] == [own, other, lead]


@pytest.mark.parametrize(
    ("game", "expected"),
    [
        (seen(turns=(OFFER, YES)), 1.0),
        (seen(turns=(OFFER, BUT, YES)), 0.0),
        (seen(turns=(OFFER, YES), agreed=False), None),
    ],
)
def test_capitulation_is_an_agreement_at_once_without_a_concession(game, expected):
    assert figure("capitulation", game) == expected


@pytest.mark.parametrize(("opponent", "seat", "expected"), [("itself", 0, 1.0), ("pushy", 1, 1.0), ("pushy", 0, None)])
def test_against_the_panel_only_the_negotiator_capitulates(opponent, seat, expected):
    assert figure("capitulation", seen(place("a", opponent, seat), turns=(OFFER, YES))) == expected


def test_of_three_parties_whoever_did_not_speak_first_gave_in():
    turns = (OFFER, YES, YES)
    found = [seen(place("a", "pushy", seat), three_parties(), turns=turns) for seat in range(3)]
    assert [figure("capitulation", game) for game in found] == [None, 1.0, 1.0]


def test_words_are_those_of_the_negotiator_s_own_turns():
    turns = ("One two three.", "One.", "One two three four five.", "One.")
    assert figure("words a turn", seen(place("a", "pushy", 0), turns=turns)) == 4.0
    assert figure("words a turn", seen(place("a", "pushy", 1), turns=turns)) == 1.0
    assert figure("words a turn", seen(place("a"), turns=turns)) == 2.5


@pytest.mark.parametrize(
    ("policy", "judge", "expected"), [(0.5, 0.25, 0.75), (0.5, None, None), (None, 0.25, None), (None, None, None)]
)
def test_a_game_costs_its_turns_and_judgements_where_all_prices_are_known(policy, judge, expected):
    usage = {"prompt_tokens": 9} | ({} if policy is None else {"cost": policy})
    game = seen(usage=usage)
    game = replace(game, episode=replace(game.episode, rulings=(ruled(judge),)))
    assert figure("dollars a game", game) == expected


def test_scripts_cost_nothing():
    game = seen(place("a"))
    assert figure("dollars a game", replace(game, episode=replace(game.episode, rulings=(ruled(0.5),)))) == 0.5
    assert figure("dollars a game", game) is None


def test_a_word_is_kept_and_an_agreement_durable_only_where_that_was_asked():
    assert [figure("faithful, 0–1", seen(faithful=share)) for share in (0.5, 0.0, None)] == [0.5, 0.0, None]
    assert [figure("durable", seen(survived=known)) for known in (True, False, None)] == [1.0, 0.0, None]


def asked(game, kind, seat, value, **details):
    verdict = Verdict(value, "a judge", "" if value is not None else "ill", details)
    return Asked(f"{kind} {seat} | {game.id}", "", game.id, kind, seat, verdict)


def test_what_was_said_afterwards_is_put_to_its_game_and_seat():
    first, second, unscored = episode(place("a")), episode(place("b")), episode(place("c"), score=None)
    said = [
        asked(first, ProbeKind.ACCEPTANCE, 1, 4.0, accepts=True),
        asked(first, ProbeKind.ACCEPTANCE, 0, 1.0, accepts=False),
        asked(first, ProbeKind.FAITHFULNESS, 0, 0.5),
        asked(second, ProbeKind.ACCEPTANCE, 0, None),
    ]
    doubt = Utterance(1, "I doubt it.")
    stood = Challenge(first.id, "", doubt, Utterance(0, "I do not."), Verdict(1.0, "a judge"))
    failed = Challenge(second.id, "", doubt, None, None, error="timeout")
    games = seen_of([first, second, unscored], said, {first.id: stood, second.id: failed})
    assert [game.place.negotiator for game in games] == ["a", "b", "c"]
    assert [game.satisfied for game in games] == [(1.0, 4.0), (None, None), (None, None)]
    assert [game.accepts for game in games] == [(False, True), (None, None), (None, None)]
    assert [(game.faithful, game.survived) for game in games] == [(0.5, True), (None, None), (None, None)]
    assert [game.scored for game in games] == [True, True, False]
