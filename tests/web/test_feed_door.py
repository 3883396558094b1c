"""Polls answered in front of the app: the same answers as the app's own, from what the database says now."""

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
from scheduler.web.feeds.middleware import FeedDoor
from scheduler.web.http.limits import Limits, Rates


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_url"))


class Doors:
    """A feed's path, asked for in front of the app and of the app itself; notes who answered."""

    def __init__(self, app: Flask, path: str) -> None:
        self.app = app
        self.path = path
        self.answered_in_front: list[int] = []
        self.behind = Client(app.wsgi_app.behind)  # type: ignore[attr-defined]  # the app without what is in front
        self.door = FeedDoor(app, self._count, on_answer=self.answered_in_front.append)
        self.front = Client(self.door)
        self.passed_on = 0

    def _count(self, environ: Any, start_response: Any) -> Any:
        self.passed_on += 1
        return self.behind.application(environ, start_response)


@pytest.fixture
def feed(api: Api, pair: Pair) -> str:
    api.book_cadence(pair)
    return api.feed(pair.mentor)


@pytest.fixture
def doors(app: Flask, feed: str, api: Api) -> Doors:
    """Around a feed that is rendered."""
    assert api.read(feed).status_code == 200
    return Doors(app, feed)


def told(response: TestResponse) -> tuple[int, dict[str, str], bytes]:
    """All of an answer but its id."""
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
def test_whoever_answers_the_answer_is_the_same(doors: Doors, method: str, conditions: dict[str, str]) -> None:
    plain = doors.front.get(doors.path).headers
    gzipped = doors.front.get(doors.path, headers={"Accept-Encoding": "gzip"}).headers
    known = {"etag": plain["ETag"], "gzipped": gzipped["ETag"], "date": plain["Last-Modified"]}
    headers = {name: value.format(**known) for name, value in conditions.items()}
    front = doors.front.open(doors.path, method=method, headers=headers)
    assert told(front) == told(doors.behind.open(doors.path, method=method, headers=headers))
    assert doors.passed_on == 0


def test_gzip_gives_the_same_text_in_fewer_bytes_that_are_always_the_same(doors: Doors) -> None:
    plain = doors.front.get(doors.path)
    answers = [doors.front.get(doors.path, headers={"Accept-Encoding": "gzip"}) for _ in range(2)]
    assert {answer.data for answer in answers} == {answers[0].data}
    assert gzip.decompress(answers[0].data) == plain.data
    assert len(answers[0].data) < len(plain.data)
    assert answers[0].headers["Content-Encoding"] == "gzip"
    assert answers[0].headers["Content-Length"] == str(len(answers[0].data))
    assert answers[0].headers["ETag"] != plain.headers["ETag"]
    assert "Content-Encoding" not in plain.headers
    assert {answer.headers["Vary"] for answer in (plain, *answers)} == {"Accept-Encoding"}


def test_an_unchanged_feed_is_compressed_once(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    def compress(*_: object, **__: object) -> bytes:
        raise AssertionError("compressed again")

    monkeypatch.setattr(gzip, "compress", compress)
    for _ in range(3):
        doors.behind.get(doors.path, headers={"Accept-Encoding": "gzip"})
        doors.front.get(doors.path, headers={"Accept-Encoding": "gzip"})


def test_a_change_is_seen_by_the_next_poll_though_the_old_bytes_are_kept(
    doors: Doors, api: Api, pair: Pair, clock: Clock
) -> None:
    before = doors.front.get(doors.path)
    clock.advance(hours=1)
    api.book_slot(pair, title="About the paper")
    after = doors.front.get(doors.path, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert "About the paper" in after.text
    assert doors.passed_on == 1  # to be rendered
    assert doors.front.get(doors.path).data == after.data
    assert doors.passed_on == 1


def test_what_is_not_plain_is_left_to_the_app(doors: Doors, api: Api, pair: Pair, context: Context) -> None:
    made = api.post(f"/people/{pair.mentor}/feeds", {})
    path = f"/feeds/{made['token']}.ics"
    assert doors.front.get(path).status_code == 200  # has to be rendered
    assert doors.front.post(doors.path).status_code == 405
    assert doors.front.get("/feeds/unknown.ics").status_code == 404
    assert doors.front.get("/feeds/.ics").status_code == 404
    assert doors.front.get("/feeds/a/b.ics").status_code == 404
    assert doors.passed_on == 5
    api.delete(f"/people/{pair.mentor}/feeds/{made['id']}")
    assert doors.front.get(path).status_code == 404
    assert doors.passed_on == 6


def test_a_rotated_feed_is_read_by_both_tokens_while_the_old_one_lasts(
    doors: Doors, api: Api, pair: Pair, clock: Clock
) -> None:
    (feed,) = api.get(f"/people/{pair.mentor}/feeds")["items"]
    rotated = api.post(f"/people/{pair.mentor}/feeds/{feed['id']}/rotate", {"overlap": "PT1H"})
    new = f"/feeds/{rotated['token']}.ics"
    assert doors.front.get(new).data == doors.front.get(doors.path).data
    clock.now += timedelta(hours=1)
    assert doors.front.get(new).status_code == 200
    assert doors.front.get(doors.path).status_code == 404


def test_polls_are_counted_by_token_and_the_app_says_how_long_to_wait(context: Context, feed: str) -> None:
    app = create_app(context, rates=Rates(feed=3))
    client = app.test_client()
    assert [client.get(feed).status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    assert int(client.get(feed).headers["Retry-After"]) > 0
    door = FeedDoor(app, app.wsgi_app, Limits(Rates(feed=0)))
    assert Client(door).get(feed).status_code == 200


def test_every_poll_has_an_id_a_line_in_the_log_and_no_token_in_it(doors: Doors) -> None:
    with capture_logs() as lines:
        answers = [doors.front.get(doors.path, headers=headers) for headers in ({}, {"If-None-Match": "*"})]
    assert [line["request_id"] for line in lines] == [answer.headers["X-Request-ID"] for answer in answers]
    told_of_them = [(line["method"], line["route"], line["status"]) for line in lines]
    assert told_of_them == [("GET", "/feeds/<token>.ics", 200), ("GET", "/feeds/<token>.ics", 304)]
    assert doors.path.removeprefix("/feeds/").removesuffix(".ics") not in str(lines)
    assert doors.answered_in_front == [200, 304]


def test_a_database_of_another_schema_is_the_app_s_to_answer(doors: Doors, context: Context) -> None:
    """The door stands in front of what makes problems of errors."""
    with context.store.write() as tx:
        tx.feeds._connection.exec_driver_sql("ALTER TABLE feeds RENAME TO feeds_of_old")  # noqa: SLF001
    assert problem_of(doors.front.get(doors.path), 500)["type"] == "/problems#internal-error"
    assert doors.passed_on == 1


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_poll_whose_connection_was_cut_is_asked_over_another(
    doors: Doors, postgresql: PostgreSQL, store_url: str, figures: Figures
) -> None:
    assert doors.front.get(doors.path).status_code == 200
    database = urlsplit(store_url).path.removeprefix("/")
    cut = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s")
    postgresql.execute(cut, database)
    statuses = [doors.front.get(doors.path).status_code for _ in range(3)]
    figures("feed polls over a cut connection", polls=3, polls_lost=3 - statuses.count(200))
    assert statuses == [200, 200, 200]
    assert doors.passed_on == 0
