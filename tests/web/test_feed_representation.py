"""Which representation of a feed a request gets, and when a 304 is enough (RFC 9110 §8.8, §12.5.3, §13)."""

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.services.feeds import FeedVersion
from scheduler.web.feeds.representation import accepts_gzip, choose_representation

VERSION = FeedVersion('"abc"', datetime(2026, 10, 1, 9, tzinfo=UTC), is_gzipped=True)
LONG_BEFORE = "Thu, 01 Jan 2026 00:00:00 GMT"


def conditions(
    if_none_match: str | None = None, if_modified_since: str | None = None, accept_encoding: str | None = None
) -> dict[str, str]:
    """A request's header fields as in WSGI; None: not sent."""
    fields = {
        "HTTP_IF_NONE_MATCH": if_none_match,
        "HTTP_IF_MODIFIED_SINCE": if_modified_since,
        "HTTP_ACCEPT_ENCODING": accept_encoding,
    }
    return {name: value for name, value in fields.items() if value is not None}


@pytest.mark.parametrize(
    ("accept_encoding", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("gzip, deflate, br", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("gzip;q=0.001", True),
        ("identity", False),
        ("deflate, br", False),
        ("identity;q=0.5, gzip;q=1.0", True),
        ("identity;q=1.0, gzip;q=0.5", False),
        ("identity;q=0", False),
        ("identity;q=0, gzip", True),
        ("gzip;q=nonsense", False),
        (",;=,", False),
    ],
)
def test_gzip_is_accepted_where_it_is_no_less_welcome_than_plain_bytes(accept_encoding: str, accepted: bool) -> None:
    assert accepts_gzip(accept_encoding) is accepted


@pytest.mark.parametrize(
    ("if_none_match", "accept_encoding", "status", "etag"),
    [
        (None, None, 200, '"abc"'),
        (None, "gzip", 200, '"abc-gz"'),
        ('"abc"', None, 304, '"abc"'),
        ('"abc-gz"', "gzip", 304, '"abc-gz"'),
        ('"abc"', "gzip", 304, '"abc"'),
        ('"abc-gz"', None, 304, '"abc-gz"'),
        ('W/"abc-gz"', "gzip", 304, '"abc-gz"'),
        ('"abc", "abc-gz"', "gzip", 304, '"abc-gz"'),
        ('"abc", "abc-gz"', None, 304, '"abc"'),
        ("*", "gzip", 304, '"abc-gz"'),
        ('"old-gz"', "gzip", 200, '"abc-gz"'),
        ("abc", "gzip", 200, '"abc-gz"'),
    ],
)
def test_either_representation_known_to_the_client_is_304_with_its_etag(
    if_none_match: str | None, accept_encoding: str | None, status: int, etag: str
) -> None:
    chosen = choose_representation(VERSION, conditions(if_none_match, LONG_BEFORE, accept_encoding))
    assert (chosen.status, chosen.etag) == (status, etag)


def test_incompressible_body_has_one_representation() -> None:
    version = VERSION._replace(is_gzipped=False)
    assert choose_representation(version, conditions(None, None, "gzip")).etag == '"abc"'
    assert choose_representation(version, conditions('"abc-gz"', None, "gzip")).status == 200


@pytest.mark.parametrize(
    ("seconds", "sent"),
    [
        (-1.1, None),
        (-1, "Thu, 01 Oct 2026 08:59:59 GMT"),
        (-0.1, "Thu, 01 Oct 2026 08:59:59 GMT"),
        (0, "Thu, 01 Oct 2026 09:00:00 GMT"),
        (3600, "Thu, 01 Oct 2026 09:00:00 GMT"),
    ],
)
def test_last_modified_is_never_later_than_the_answer(seconds: float, sent: str | None) -> None:
    chosen = choose_representation(VERSION, conditions(None, None, None))
    fields = dict(chosen.headers(9, VERSION.last_modified + timedelta(seconds=seconds)))
    assert fields.get("Last-Modified") == sent
    if sent is not None:
        known = choose_representation(VERSION, conditions(None, sent, None)).is_known
        assert known is (seconds >= 0)
