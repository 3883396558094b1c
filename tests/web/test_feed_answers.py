"""Which representation of a feed is answered, and when none is needed (RFC 9110 §8.8, §12.5.3, §13)."""

from datetime import UTC, datetime

import pytest

from scheduler.services.feeds import FeedVersion
from scheduler.web.feeds.body_cache import KeptBytes
from scheduler.web.feeds.representation import Asked, choose_answer, takes_gzip

VERSION = FeedVersion('"abc"', datetime(2026, 10, 1, 9, tzinfo=UTC), is_gzipped=True)
LONG_BEFORE = "Thu, 01 Jan 2026 00:00:00 GMT"


@pytest.mark.parametrize(
    ("accept_encoding", "takes"),
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
def test_gzip_is_sent_to_who_takes_it_and_does_not_prefer_the_text(accept_encoding: str, takes: bool) -> None:
    assert takes_gzip(accept_encoding) is takes


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
def test_a_client_that_has_either_representation_is_told_which_one_is_still_right(
    if_none_match: str | None, accept_encoding: str | None, status: int, etag: str
) -> None:
    answer = choose_answer(VERSION, Asked(if_none_match, LONG_BEFORE, accept_encoding))
    assert (answer.status, answer.etag) == (status, etag)


def test_what_gzip_makes_no_shorter_comes_as_it_is_under_its_only_etag() -> None:
    version = VERSION._replace(is_gzipped=False)
    assert choose_answer(version, Asked(None, None, "gzip")).etag == '"abc"'
    assert choose_answer(version, Asked('"abc-gz"', None, "gzip")).status == 200


def test_kept_bytes_stay_within_their_bound_and_what_was_asked_for_longest_ago_gives_way() -> None:
    kept = KeptBytes(most_bytes=10)
    kept.keep("a", b"aaaa")
    kept.keep("b", b"bbbb")
    assert kept.get("a") == b"aaaa"
    kept.keep("c", b"cccc")
    assert [kept.get(name) for name in "abc"] == [b"aaaa", None, b"cccc"]
    kept.keep("a", b"aaaa")
    kept.keep("d", b"too many to keep")
    assert kept.get("d") is None
    assert kept.size == 8
