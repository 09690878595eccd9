from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from negotiation_env.endpoints.faults import EndpointFault, PassingFault, fault_of_status, retry_after


@pytest.mark.parametrize(
    ("status", "passing"),
    [(429, True), (500, True), (503, True), (408, True), (400, False), (401, False), (404, False)],
)
def test_what_may_pass_is_told_from_what_will_not(status, passing):
    fault = fault_of_status(status, {}, b"why")
    assert isinstance(fault, PassingFault) is passing
    assert (fault.status, str(fault)) == (status, f"HTTP {status}: why")


def test_a_fault_quotes_the_body_in_one_line_that_a_terminal_can_show():
    fault = fault_of_status(500, {}, b"<h1>\r\n  oops\x1b[31m\xff</h1>")
    assert str(fault) == "HTTP 500: <h1> oops[31m\ufffd</h1>"


def test_a_fault_says_what_its_answer_cost():
    assert EndpointFault("no").usage == PassingFault("no").usage == fault_of_status(500, {}, b"").usage == {}
    assert EndpointFault("no", usage={"prompt_tokens": 3}).usage == {"prompt_tokens": 3}
    assert PassingFault("no", 429, 1.0, usage={"prompt_tokens": 3}).usage == {"prompt_tokens": 3}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After-Ms": "250"}, 0.25),
        ({}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "9" * 400}, None),
        ({"Retry-After-Ms": "1e999"}, None),
        ({"Retry-After-Ms": "nan"}, None),
        ({"Retry-After": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, None),
    ],
)
def test_the_asked_wait_is_read(headers, seconds):
    assert retry_after(headers) == seconds


def test_the_asked_wait_may_be_a_date():
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert retry_after({"Retry-After": date}) == pytest.approx(30, abs=2)


@pytest.mark.parametrize(
    ("said", "keys"),
    [
        ("Unsupported parameter: 'max_tokens' is not supported with this model.", 'omit = ["max_tokens"]'),
        ("Unsupported value: 'temperature' does not support 0.7 with this model.", 'omit = ["temperature"]'),
        ("unknown fields: seed, top_p", 'omit = ["top_p", "seed"]'),
    ],
)
def test_a_refused_field_is_told_with_the_key_that_leaves_it_out(said, keys):
    assert keys in str(fault_of_status(400, {}, said.encode()))


@pytest.mark.parametrize("said", ["max_tokens is too large: 9000", "this model is not supported", "no"])
def test_other_refusals_are_told_without_that_advice(said):
    assert "omit" not in str(fault_of_status(400, {}, said.encode()))
