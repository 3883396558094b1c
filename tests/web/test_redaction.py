"""What is taken out of every log line, whoever writes it; and that the suite would find it if it were not."""

from __future__ import annotations

import base64
import io
import json
import logging
from urllib.parse import quote

import pytest
import structlog
from support.leaks import leaks

from scheduler.logs import format_traceback, redact
from scheduler.services.reasons import redact_reason

TOKEN = "q9Zt3_xL-0aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456"
CANARY = "Zoë Kanárek-4711"


@pytest.mark.parametrize(
    ("line", "redacted"),
    [
        (f'127.0.0.1 "GET /feeds/{TOKEN}.ics HTTP/1.1" 200', '127.0.0.1 "GET /feeds/(token) HTTP/1.1" 200'),
        (f"Exception while serving /feeds/{TOKEN}.ics", "Exception while serving /feeds/(token)"),
        (f"http://127.0.0.1/feeds/{TOKEN}.ics?x={TOKEN}", "http://127.0.0.1/feeds/(token)"),
        (f"next=%2Ffeeds%2F{TOKEN}.ics", "next=/feeds/(token)"),
        (f"key mk_{TOKEN} is good", "key mk_(key) is good"),
        (f"Authorization: Bearer {TOKEN}", "Authorization: Bearer (login)"),
        ("authorization: basic Z3JldGE6aHVudGVyMg==", "authorization: basic (login)"),
        ("https://greta:hunter2@dav.example.org/cal", "https://(login)@dav.example.org/cal"),
        ("redis://:hunter2@cache:6379/0 is away", "redis://(login)@cache:6379/0 is away"),
        ("GET /v1/people/42 200 in 3 ms", "GET /v1/people/42 200 in 3 ms"),
    ],
)
def test_redact_removes_only_keys_feed_addresses_and_logins(line: str, redacted: str) -> None:
    assert redact(line) == redacted
    assert redact(redacted) == redacted


@pytest.mark.parametrize("name", ["gunicorn.access", "granian.access", "werkzeug", "waitress", "anything"])
def test_log_of_any_library_is_redacted(log: io.StringIO, name: str) -> None:
    own = io.StringIO()
    logger, handler = logging.getLogger(name), logging.StreamHandler(own)
    logger.addHandler(handler)
    try:
        logger.warning('%s "%s" %d', "127.0.0.1", f"GET /feeds/{TOKEN}.ics", 200)
        try:
            raise ValueError(f"mk_{TOKEN} of {CANARY}")
        except ValueError:
            logger.exception("failed with %(key)s", {"key": f"mk_{TOKEN}"})
    finally:
        logger.removeHandler(handler)
    for written in (own.getvalue(), log.getvalue()):
        assert "/feeds/(token)" in written
        assert "ValueError" in written
        assert leaks(written, [TOKEN, CANARY]) == []
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["logger"], line["level"]) for line in lines] == [(name, "warning"), (name, "error")]


def test_error_is_logged_with_types_and_places_without_messages(
    log: io.StringIO,
) -> None:
    def fail() -> None:
        try:
            raise KeyError(CANARY)
        except KeyError as error:
            raise RuntimeError(f"no such thing as {CANARY}") from error

    try:
        fail()
    except RuntimeError as error:
        structlog.get_logger().error("unexpected error", exc_info=error)
        structlog.get_logger().exception("the same again")
        place = format_traceback(error)
    assert CANARY not in place
    for line in map(json.loads, log.getvalue().splitlines()):
        assert "builtins.RuntimeError" in line["exception"]
        assert "caused by" in line["exception"]
        assert "builtins.KeyError" in line["exception"]
        assert "in fail" in line["exception"]
    assert leaks(log.getvalue(), [CANARY]) == []


@pytest.mark.parametrize(
    ("reason", "logged"),
    [
        (None, None),
        (f"the calendar server answered 503 {CANARY} is away", "the calendar server answered 503"),
        (
            f"the calendar server does not accept the request (it answered 400 {CANARY})",
            "the calendar server does not accept the request (it answered 400",
        ),
        ("the host 'canary.example.org' is not public: give", "the host is not public: give"),
        ("the calendar server did not answer in time", "the calendar server did not answer in time"),
    ],
)
def test_logged_reason_is_redacted(reason: str | None, logged: str | None) -> None:
    assert redact_reason(reason) == logged


@pytest.mark.parametrize(
    "text",
    [
        f"... {CANARY} ...",
        CANARY.upper(),
        quote(CANARY),
        quote(CANARY, safe="").lower(),
        json.dumps(CANARY),
        repr(CANARY.encode()),
        *(base64.b64encode(f"{'x' * before}{CANARY}:hunter2".encode()).decode() for before in range(4)),
        *(base64.urlsafe_b64encode(f"{'x' * before}{CANARY}".encode()).decode() for before in range(4)),
    ],
)
def test_leak_search_finds_a_word_in_any_encoding(text: str) -> None:
    assert leaks(text, [CANARY]) == [CANARY]
    assert leaks(text.replace("x", "y"), ["Somebody-else-0815"]) == []


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        (f"mk_{TOKEN}", "an API key"),
        (f"/feeds/{TOKEN}.ics", "a feed's address"),
        (f"%2ffeeds%2f{TOKEN}", "a feed's address"),
        ("Basic Z3JldGE6aHVudGVyMg==", "a login"),
        ("http://greta:hunter2@x", "a login in an address"),
    ],
)
def test_leak_search_finds_anything_shaped_like_a_secret(text: str, shape: str) -> None:
    assert shape in leaks(text, [])
    assert leaks(redact(text), []) == []
