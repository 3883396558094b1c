"""FeedMiddleware gives the same answers as the app behind it, as of what is stored now."""

from __future__ import annotations

import gzip
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from structlog.testing import capture_logs
from support.api import Api, Clock, Pair, problem_of
from support.budget import examples
from support.figures import Figures
from support.postgres import PostgreSQL
from werkzeug.test import Client, TestResponse

from scheduler.app import create_app
from scheduler.services.ports import Context
from scheduler.web.feeds.middleware import FeedMiddleware
from scheduler.web.feeds.responses import MAX_BYTES, body_cache
from scheduler.web.http.limits import UNLIMITED, Limits, Rates


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_url"))


class Polls:
    """A feed's path, requested through the middleware and from the app behind it."""

    def __init__(self, app: Flask, path: str) -> None:
        self.path = path
        self.passed_on = 0
        """How many requests it passed to the app."""
        self.app = Client(app.wsgi_app.app)  # type: ignore[attr-defined]  # the app without the middleware
        middleware = FeedMiddleware(self._count, lambda: app.extensions["scheduler"], Limits(UNLIMITED))
        self.middleware = Client(middleware)

    def _count(self, environ: Any, start_response: Any) -> Any:
        self.passed_on += 1
        return self.app.application(environ, start_response)


@pytest.fixture
def feed(api: Api, pair: Pair) -> str:
    api.book_cadence(pair)
    return api.feed(pair.mentor)


@pytest.fixture
def polls(app: Flask, feed: str, api: Api, clock: Clock) -> Polls:
    """Polls of a feed that was rendered a second ago, so that its date can lead to a 304."""
    assert api.read(feed).status_code == 200
    clock.advance(seconds=1)
    return Polls(app, feed)


def parts(response: TestResponse) -> tuple[int, dict[str, str], bytes]:
    """Status, header fields without the request's id, and body."""
    headers = {name: value for name, value in response.headers if name != "X-Request-ID"}
    return response.status_code, headers, response.data


ETAGS = st.sampled_from(["{etag}", "W/{etag}", "{gzipped}", '"other", {gzipped}', "*", '"other"', "none", '""', ""])
ODD_DATES = [
    "Fri, 31 Dec 9999 23:59:59 -0100",
    "Sun, 06 Nov 99999999999 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 +99999999999999999999",
]
DATES = st.sampled_from(
    ["{date}", "Thu, 01 Jan 2026 00:00:00 GMT", "Fri, 01 Jan 2027 00:00:00 GMT", "yesterday", *ODD_DATES]
)
ENCODINGS = st.sampled_from(["gzip", "gzip;q=0", "identity", "*", "br, gzip;q=0.3", "identity;q=0, gzip", ""])
CONDITIONS = st.fixed_dictionaries(
    {}, optional={"If-None-Match": ETAGS, "If-Modified-Since": DATES, "Accept-Encoding": ENCODINGS}
)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=st.sampled_from(["GET", "HEAD"]), conditions=CONDITIONS)
def test_middleware_and_app_give_the_same_answer(polls: Polls, method: str, conditions: dict[str, str]) -> None:
    plain = polls.middleware.get(polls.path).headers
    gzipped = polls.middleware.get(polls.path, headers={"Accept-Encoding": "gzip"}).headers
    known = {"etag": plain["ETag"], "gzipped": gzipped["ETag"], "date": plain["Last-Modified"]}
    headers = {name: value.format(**known) for name, value in conditions.items()}
    front = polls.middleware.open(polls.path, method=method, headers=headers)
    assert parts(front) == parts(polls.app.open(polls.path, method=method, headers=headers))
    assert polls.passed_on == 0


def test_gzipped_body_is_the_same_text_in_fewer_constant_bytes(polls: Polls) -> None:
    plain = polls.middleware.get(polls.path)
    answers = [polls.middleware.get(polls.path, headers={"Accept-Encoding": "gzip"}) for _ in range(2)]
    assert {answer.data for answer in answers} == {answers[0].data}
    assert gzip.decompress(answers[0].data) == plain.data
    assert len(answers[0].data) < len(plain.data)
    assert answers[0].headers["Content-Encoding"] == "gzip"
    assert answers[0].headers["Content-Length"] == str(len(answers[0].data))
    assert answers[0].headers["ETag"] != plain.headers["ETag"]
    assert "Content-Encoding" not in plain.headers
    assert {answer.headers["Vary"] for answer in (plain, *answers)} == {"Accept-Encoding"}


def test_unchanged_feed_is_compressed_once(polls: Polls, monkeypatch: pytest.MonkeyPatch) -> None:
    def compress(*_: object, **__: object) -> bytes:
        raise AssertionError("compressed again")

    monkeypatch.setattr(gzip, "compress", compress)
    for client in (polls.app, polls.middleware) * 3:
        polled = client.get(polls.path, headers={"Accept-Encoding": "gzip"})
        assert (polled.status_code, polled.headers["Content-Encoding"]) == (200, "gzip")


def test_change_is_in_the_next_poll_though_the_old_body_is_cached(
    polls: Polls, api: Api, pair: Pair, clock: Clock
) -> None:
    before = polls.middleware.get(polls.path)
    clock.advance(hours=1)
    api.book_slot(pair, title="About the paper")
    after = polls.middleware.get(polls.path, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert "About the paper" in after.text
    assert polls.passed_on == 1  # to be rendered
    assert polls.middleware.get(polls.path).data == after.data
    assert polls.passed_on == 1


def test_middleware_passes_on_what_is_not_a_current_feed(polls: Polls, api: Api, pair: Pair, context: Context) -> None:
    made = api.post(f"/people/{pair.mentor}/feeds", {})
    path = f"/feeds/{made['token']}.ics"
    assert polls.middleware.get(path).status_code == 200  # has to be rendered
    assert polls.middleware.post(polls.path).status_code == 405
    assert polls.middleware.get("/feeds/unknown.ics").status_code == 404
    assert polls.middleware.get("/feeds/.ics").status_code == 404
    assert polls.middleware.get("/feeds/a/b.ics").status_code == 404
    assert polls.passed_on == 5
    api.delete(f"/people/{pair.mentor}/feeds/{made['id']}")
    assert polls.middleware.get(path).status_code == 404
    assert polls.passed_on == 6


def test_rotated_feed_is_read_with_both_tokens_during_the_overlap(
    polls: Polls, api: Api, pair: Pair, clock: Clock
) -> None:
    (feed,) = api.get(f"/people/{pair.mentor}/feeds")["items"]
    rotated = api.post(f"/people/{pair.mentor}/feeds/{feed['id']}/rotate", {"overlap": "PT1H"})
    new = f"/feeds/{rotated['token']}.ics"
    assert polls.middleware.get(new).data == polls.middleware.get(polls.path).data
    clock.now += timedelta(hours=1)
    assert polls.middleware.get(new).status_code == 200
    assert polls.middleware.get(polls.path).status_code == 404


def test_polls_over_the_limit_are_429_with_retry_after(context: Context, feed: str) -> None:
    app = create_app(context, rates=Rates(feed=3))
    client = app.test_client()
    assert [client.get(feed).status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    assert int(client.get(feed).headers["Retry-After"]) > 0
    unlimited = FeedMiddleware(app.wsgi_app, lambda: context, Limits(Rates(feed=0)))
    assert Client(unlimited).get(feed).status_code == 200


def test_poll_is_logged_with_id_and_without_token(polls: Polls) -> None:
    with capture_logs() as lines:
        answers = [polls.middleware.get(polls.path, headers=headers) for headers in ({}, {"If-None-Match": "*"})]
    assert [line["request_id"] for line in lines] == [answer.headers["X-Request-ID"] for answer in answers]
    requests = [(line["method"], line["route"], line["status"]) for line in lines]
    assert requests == [("GET", "/feeds/<token>.ics", 200), ("GET", "/feeds/<token>.ics", 304)]
    assert polls.path.removeprefix("/feeds/").removesuffix(".ics") not in str(lines)
    assert ([answer.status_code for answer in answers], polls.passed_on) == ([200, 304], 0)


def test_database_of_another_schema_is_a_500_problem(polls: Polls, context: Context) -> None:
    """The middleware stands in front of the error handlers."""
    with context.store.write() as tx:
        tx.feeds._connection.exec_driver_sql("ALTER TABLE feeds RENAME TO feeds_of_old")  # noqa: SLF001
    assert problem_of(polls.middleware.get(polls.path), 500)["type"] == "/problems#internal-error"
    assert polls.passed_on == 1


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_poll_over_a_cut_connection_is_repeated_over_another(
    polls: Polls, postgresql: PostgreSQL, store_url: str, figures: Figures
) -> None:
    assert polls.middleware.get(polls.path).status_code == 200
    database = urlsplit(store_url).path.removeprefix("/")
    cut = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s")
    postgresql.execute(cut, database)
    statuses = [polls.middleware.get(polls.path).status_code for _ in range(3)]
    figures("feed polls over a cut connection", polls=3, polls_lost=3 - statuses.count(200))
    assert statuses == [200, 200, 200]
    assert polls.passed_on == 0


def test_feed_that_is_rendered_again_during_a_poll_is_answered_by_the_app(
    polls: Polls, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = polls.app.get(polls.path).headers["ETag"]
    body_cache.clear()
    monkeypatch.setattr("scheduler.store.lookups.Lookups.feed_body", lambda *_, **__: None)
    assert polls.middleware.get(polls.path).headers["ETag"] == etag
    assert polls.passed_on == 1


def test_bodies_of_polls_are_cached_up_to_a_bound(polls: Polls) -> None:
    body_cache.clear()
    body = polls.middleware.get(polls.path).data
    assert body_cache.currsize == len(body)
    assert body_cache.maxsize == MAX_BYTES
