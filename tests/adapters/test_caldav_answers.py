"""CalDAV answers that Radicale never gives: of other servers, of failing servers, and malformed ones."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from support.events import event
from support.reading import ReaderHere
from support.scripted import Asked, Raw, Reply, ScriptedServer

from scheduler.adapters.caldav_server import CalDAVServer
from scheduler.adapters.guarded_http import Guard
from scheduler.domain.programme.outbox import Outcome, Rejected, Stored, TryAgain
from scheduler.domain.programme.people import Account
from scheduler.services.calendar_server import AddressRefused, CalendarRefused, CalendarUnreachable

UID = "meeting@example"
DATA = event(sequence=1, changed="20261002T000000Z")
OLDER = event()
OCTOBER = (datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))

CALENDAR_HEADERS = {"Content-Type": "text/calendar"}
XML_HEADERS = {"Content-Type": "application/xml; charset=utf-8"}
ROW = (
    "<D:response><D:href>/calendar/a.ics</D:href><D:propstat><D:prop><C:calendar-data>{data}</C:calendar-data>"
    "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
)
BARE = "<D:response><D:href>/calendar/b.ics</D:href><D:status>HTTP/1.1 {status}</D:status></D:response>"


def multistatus(*rows: str) -> Reply:
    body = f'<D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">{"".join(rows)}</D:multistatus>'
    return Reply(207, body.encode(), XML_HEADERS)


@pytest.fixture
def account(scripted: ScriptedServer) -> Account:
    return Account(f"{scripted.url}/calendar/", "user", "correct horse")


@pytest.fixture
def put(caldav: CalDAVServer, account: Account) -> Callable[..., Outcome]:
    return lambda stored_before=False: caldav.put(account, UID, DATA, stored_before=stored_before)


@dataclass
class ObjectServer:
    """The script of a server with one object at most."""

    data: bytes | None = None
    etag: str | None = '"1"'
    put_etag: str | None = '"1"'
    lose_reply: bool = False
    change_while_writing: bool = False

    def __call__(self, asked: Asked) -> Reply | Raw:
        return self._read() if asked.method == "GET" else self._write(asked)

    def _read(self) -> Reply:
        if self.data is None:
            return Reply(404)
        return Reply(200, self.data, CALENDAR_HEADERS | ({"ETag": self.etag} if self.etag else {}))

    def _write(self, asked: Asked) -> Reply | Raw:
        if self.change_while_writing:
            self.etag = f'"{time.monotonic_ns()}"'
        expected = asked.headers.get("If-Match")
        if (self.data is not None) if expected is None else (self.data is None or expected != self.etag):
            return Reply(412)
        assert expected is not None or asked.headers["If-None-Match"] == "*"
        self.data = asked.body
        if self.lose_reply:
            self.lose_reply = False
            return Raw(b"")
        return Reply(201, headers={"ETag": self.put_etag} if self.put_etag else {})


class TestRequests:
    def test_new_object_is_put_unchanged_under_if_none_match(
        self, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.answer(Reply(201, headers={"ETag": '"1"'}))
        assert put() == Stored('"1"', sequence=1)
        (asked,) = scripted.asked
        assert (asked.method, asked.path, asked.body) == ("PUT", "/calendar/meeting@example.ics", DATA)
        assert asked.headers["If-None-Match"] == "*"
        assert asked.headers["If-Match"] is None
        assert asked.headers["Content-Type"] == "text/calendar; charset=utf-8"
        assert asked.headers["Accept-Encoding"] == "identity"

    def test_line_ends_are_sent_unchanged(
        self, caldav: CalDAVServer, account: Account, scripted: ScriptedServer
    ) -> None:
        scripted.answer(Reply(201, headers={"ETag": '"1"'}))
        data = DATA.replace(b"\r", b"")
        assert isinstance(caldav.put(account, UID, data, stored_before=False), Stored)
        assert scripted.asked[0].body == data

    @pytest.mark.parametrize(
        ("uid", "name"),
        [
            ("20261020T143000-a@b.example", "20261020T143000-a@b.example"),
            ("a/b", "a%2Fb"),
            ("a b", "a%20b"),
            ("a?b#c", "a%3Fb%23c"),
            ("a%2Fb", "a%252Fb"),
            ("ü", "%C3%BC"),
            ("..", ".."),
        ],
    )
    def test_uid_is_quoted_into_one_path_segment(
        self, uid: str, name: str, caldav: CalDAVServer, account: Account, scripted: ScriptedServer
    ) -> None:
        scripted.answer(Reply(201, headers={"ETag": '"1"'}))
        assert caldav.put(account, uid, event(uid), stored_before=False) == Stored('"1"', sequence=0)
        assert scripted.asked[0].path == f"/calendar/{name}.ics"

    @pytest.mark.parametrize("slash", ["", "/", "//", "/?query", "#fragment"])
    def test_collection_url_loses_query_fragment_and_extra_slashes(
        self, slash: str, caldav: CalDAVServer, account: Account, scripted: ScriptedServer
    ) -> None:
        scripted.answer(Reply(201, headers={"ETag": '"1"'}))
        caldav.put(replace(account, url=f"{scripted.url}/calendar{slash}"), UID, DATA, stored_before=False)
        assert scripted.asked[0].path == "/calendar/meeting@example.ics"

    @pytest.mark.parametrize("url", ["", "calendar.example/me", "ftp://{here}/", "http://u:p@{here}/", "http://[::1"])
    def test_url_other_than_plain_http_gets_no_request(
        self, url: str, caldav: CalDAVServer, account: Account, scripted: ScriptedServer
    ) -> None:
        odd = replace(account, url=url.format(here=f"127.0.0.1:{scripted.port}"))
        assert isinstance(caldav.put(odd, UID, DATA, stored_before=False), Rejected)
        with pytest.raises(AddressRefused):
            caldav.check(odd)
        assert scripted.asked == []

    def test_stored_object_is_replaced_under_its_etag(
        self, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.answer(Reply(200, OLDER, CALENDAR_HEADERS | {"ETag": '"1"'}), Reply(204, headers={"ETag": '"2"'}))
        assert put(stored_before=True) == Stored('"2"', sequence=1)
        assert scripted.methods == ["GET", "PUT"]
        assert scripted.asked[1].headers["If-Match"] == '"1"'
        assert scripted.asked[1].headers["If-None-Match"] is None

    def test_equal_stored_object_is_not_written(self, put: Callable[..., Outcome], scripted: ScriptedServer) -> None:
        scripted.answer(Reply(200, DATA, CALENDAR_HEADERS | {"ETag": '"1"'}))
        assert put(stored_before=True) == Stored('"1"', sequence=1)
        assert scripted.methods == ["GET"]

    def test_object_under_another_name_is_replaced_there(
        self, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        names = {"/calendar/x.ics": OLDER, "/calendar/part-of.ics": event(f"{UID}-more")}
        rows = [ROW.format(data=data.decode()).replace("/calendar/a.ics", name) for name, data in names.items()]
        outside = ROW.format(data=OLDER.decode()).replace("/calendar/a.ics", "/other/y.ics")

        def script(asked: Asked) -> Reply:
            if asked.method == "REPORT":
                assert f">{UID}<".encode() in asked.body
                return multistatus(outside, *reversed(rows))
            if asked.path not in names:
                return Reply(404)
            return Reply(200, names[asked.path], CALENDAR_HEADERS | {"ETag": '"1"'})

        scripted.script = script
        assert put(stored_before=True) == Stored('"1"', sequence=1)
        assert [(asked.method, asked.path) for asked in scripted.asked][-1] == ("PUT", "/calendar/x.ics")

    @pytest.mark.parametrize("scheme", ["Basic", "Digest"])
    def test_login_uses_the_requested_scheme(
        self, scheme: str, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        challenge = Reply(401, headers={"WWW-Authenticate": f'{scheme} realm="r", nonce="n", qop="auth"'})
        scripted.script = lambda asked: (
            Reply(201, headers={"ETag": '"1"'})
            if asked.headers.get("Authorization", "").startswith(scheme)
            else challenge
        )
        assert put() == Stored('"1"', sequence=1)
        assert {asked.body for asked in scripted.asked} == {DATA}

    def test_unsupported_login_scheme_is_rejected(self, put: Callable[..., Outcome], scripted: ScriptedServer) -> None:
        scripted.answer(Reply(401, headers={"WWW-Authenticate": "Negotiate"}))
        assert isinstance(put(), Rejected)


class TestStatuses:
    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 414, 415, 418, 422, 431, 507])
    def test_permanent_error_status_is_rejected(
        self, status: int, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.answer(Reply(status))
        outcome = put()
        assert isinstance(outcome, Rejected)
        assert str(status) in outcome.reason
        assert "correct horse" not in outcome.reason
        assert "PUT" in scripted.methods

    @pytest.mark.parametrize("status", [408, 421, 423, 425, 429, 500, 501, 502, 503, 504, 599])
    def test_temporary_error_status_is_tried_again(
        self, status: int, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.answer(Reply(status))
        outcome = put()
        assert isinstance(outcome, TryAgain)
        assert str(status) in outcome.reason
        assert scripted.methods == ["PUT"]

    @pytest.mark.parametrize("status", [202, 206, 207, 226])
    def test_success_status_without_storing_is_tried_again(
        self, status: int, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.answer(Reply(status))
        assert isinstance(put(), TryAgain)

    @pytest.mark.parametrize("status", [301, 302, 303])
    def test_redirect_that_drops_the_body_is_rejected(
        self, status: int, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.answer(Reply(status, headers={"Location": "/elsewhere.ics"}), Reply(200))
        outcome = put()
        assert isinstance(outcome, Rejected)
        assert "another address now" in outcome.reason
        assert scripted.methods == ["PUT"]

    @pytest.mark.parametrize("status", [307, 308])
    def test_redirect_that_keeps_the_body_is_followed(
        self, status: int, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.answer(Reply(status, headers={"Location": "/elsewhere.ics"}), Reply(201, headers={"ETag": '"1"'}))
        assert put() == Stored('"1"', sequence=1)
        assert (scripted.asked[1].path, scripted.asked[1].body) == ("/elsewhere.ics", DATA)
        assert scripted.asked[1].headers["If-None-Match"] == "*"

    @pytest.mark.parametrize("status", [423, 429, 503])
    @pytest.mark.parametrize(
        ("header", "wait"),
        [
            ("120", timedelta(minutes=2)),
            ("0", timedelta(0)),
            ("-5", None),
            ("soon", None),
            ("", None),
            ("9" * 30, timedelta(days=1)),
            ("Mon, 01 Jan 2001 00:00:00 GMT", timedelta(0)),
        ],
    )
    def test_retry_after_sets_the_wait(
        self, header: str, wait: timedelta | None, status: int, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.answer(Reply(status, headers={"Retry-After": header}))
        outcome = put()
        assert isinstance(outcome, TryAgain)
        assert outcome.retry_after == wait

    def test_retry_after_date_sets_the_wait(self, put: Callable[..., Outcome], scripted: ScriptedServer) -> None:
        at = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
        scripted.answer(Reply(429, headers={"Retry-After": at}))
        outcome = put()
        assert isinstance(outcome, TryAgain)
        assert outcome.retry_after is not None
        assert timedelta(minutes=4) < outcome.retry_after <= timedelta(minutes=5)

    def test_failed_precondition_is_in_the_reason(self, put: Callable[..., Outcome], scripted: ScriptedServer) -> None:
        body = b'<D:error xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><C:max-resource-size/></D:error>'
        scripted.answer(Reply(403, body, XML_HEADERS))
        outcome = put()
        assert isinstance(outcome, Rejected)
        assert "403 Forbidden: max-resource-size" in outcome.reason

    def test_long_reason_phrase_is_cut_and_printable(
        self, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.answer(Raw(b"HTTP/1.1 409 \x1b[31m" + b"no" * 1000 + b"\r\nContent-Length: 0\r\n\r\n"))
        outcome = put()
        assert isinstance(outcome, Rejected)
        assert outcome.reason.isprintable()
        assert len(outcome.reason) < 250


class TestETags:
    @pytest.mark.parametrize("given", [None, 'W/"1"', "1", '"', "", "%221%22"])
    def test_put_without_strong_etag_reads_it(
        self, given: str | None, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.script = ObjectServer(put_etag=given, etag='"strong"')
        assert put() == Stored('"strong"', sequence=1)
        assert scripted.methods == ["PUT", "GET"]

    def test_server_with_weak_etags_only_gives_none(
        self, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.script = ObjectServer(put_etag='W/"1"', etag='W/"1"')
        assert put() == Stored(None, sequence=1)

    def test_etag_of_a_later_version_is_not_kept(self, put: Callable[..., Outcome], scripted: ScriptedServer) -> None:
        scripted.answer(Reply(201), Reply(200, event(sequence=2), CALENDAR_HEADERS | {"ETag": '"theirs"'}))
        assert put() == Stored(None, sequence=2)

    @pytest.mark.parametrize("etag", [None, 'W/"1"'])
    def test_object_without_strong_etag_is_not_overwritten(
        self, etag: str | None, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.script = server = ObjectServer(OLDER, etag=etag)
        assert isinstance(put(), Rejected)
        assert server.data == OLDER
        assert scripted.methods == ["PUT", "GET"]

    def test_accepted_object_that_cannot_be_read_is_tried_again(
        self, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.answer(Reply(201), Reply(404))
        assert isinstance(put(), TryAgain)
        scripted.answer(Reply(200, b"<html>welcome</html>", {"Content-Type": "text/html"}))
        assert isinstance(put(), TryAgain)


class TestLostReplies:
    @pytest.mark.parametrize("stored_before", [False, True])
    def test_connection_cut_after_storing_is_resolved_by_the_next_attempt(
        self, stored_before: bool, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.script = server = ObjectServer(OLDER if stored_before else None, lose_reply=True)
        assert isinstance(put(stored_before), TryAgain)
        assert server.data is not None
        assert b"SEQUENCE:1" in server.data
        server.etag = '"2"'
        assert put(stored_before) == Stored('"2"', sequence=1)
        assert scripted.methods == (["GET", "PUT", "GET"] if stored_before else ["PUT", "PUT", "GET"])

    def test_object_changed_during_each_write_is_tried_again(
        self, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.script = ObjectServer(OLDER, change_while_writing=True)
        assert isinstance(put(), TryAgain)
        assert scripted.methods == ["PUT", "GET", "PUT"]

    def test_object_deleted_after_the_412_is_tried_again(
        self, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.answer(Reply(412), Reply(404), multistatus())
        assert isinstance(put(), TryAgain)
        assert scripted.methods == ["PUT", "GET", "REPORT"]

    def test_missing_calendar_is_not_reported_as_deleted_event(
        self, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.answer(Reply(404))
        outcome = put(stored_before=True)
        assert isinstance(outcome, Rejected)
        assert "check the calendar's URL" in outcome.reason

    def test_object_unreadable_after_the_412_is_tried_again(
        self, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.answer(Reply(412), Reply(500))
        assert isinstance(put(), TryAgain)


MALFORMED = {
    "nothing": Raw(b""),
    "no HTTP": Raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "binary": Raw(bytes(range(256)) * 10),
    "half a status line": Raw(b"HTTP/1.1 20"),
    "half a header": Raw(b"HTTP/1.1 207 Multi-Status\r\nContent-Le"),
    "half a body": Raw(b"HTTP/1.1 207 Multi-Status\r\nContent-Length: 1000\r\n\r\n<D:multistatus xmlns:D='DAV:'>"),
    "half a chunk": Raw(b"HTTP/1.1 207 Multi-Status\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n<D:multi"),
    "a chunk of no size": Raw(b"HTTP/1.1 207 Multi-Status\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
    "two lengths": Raw(b"HTTP/1.1 207 Multi-Status\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    "no XML": Reply(207, b"{}", XML_HEADERS),
    "half of XML": Reply(207, b"<D:multistatus xmlns:D='DAV:'><D:response>", XML_HEADERS),
    "another document": Reply(207, b"<html><body>hello</body></html>", XML_HEADERS),
    "a page": Reply(207, b"<!doctype html><p>hello", {"Content-Type": "text/html"}),
    "an empty body": Reply(207, b"", XML_HEADERS),
    "entities": Reply(207, b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>", XML_HEADERS),
    "no gzip": Reply(207, b"<a/>", XML_HEADERS | {"Content-Encoding": "gzip"}),
    "an unknown encoding": Reply(207, b"\xff\xfe\xfd", {"Content-Type": "text/calendar; charset=nonsense"}),
    "an unreadable redirect": Raw(b"HTTP/1.1 307 No\r\nLocation: http://\xff\xfe[/\r\nContent-Length: 0\r\n\r\n"),
    "a redirect to no port": Raw(b"HTTP/1.1 307 No\r\nLocation: http://a:b/\r\nContent-Length: 0\r\n\r\n"),
    "a redirect to nowhere": Raw(b"HTTP/1.1 308 No\r\nLocation: http:///\r\nContent-Length: 0\r\n\r\n"),
    "a status of 0": Raw(b"HTTP/1.1 000 Zero\r\nContent-Length: 0\r\n\r\n"),
    "a status of 999": Raw(b"HTTP/1.1 999 Many\r\nContent-Length: 0\r\n\r\n"),
    "a strange Retry-After": Reply(429, headers={"Retry-After": "1" * 400}),
    "a strange challenge": Reply(401, headers={"WWW-Authenticate": ',,="\\'}),
    "half a digest challenge": Reply(401, headers={"WWW-Authenticate": "Digest"}),
    "a digest of an unknown kind": Reply(401, headers={"WWW-Authenticate": 'Digest realm="r", nonce="n", algorithm=X'}),
    "an unknown Content-Length": Raw(b"HTTP/1.1 207 Multi-Status\r\nContent-Length: many\r\n\r\n<a/>"),
    "a response without href": multistatus("<D:response><D:status>HTTP/1.1 200 OK</D:status></D:response>"),
    "an unreadable href": multistatus("<D:response><D:href>http://[::1</D:href></D:response>"),
    "a bad inner status": multistatus("<D:response><D:href>/a</D:href><D:status>no</D:status></D:response>"),
    "comments": multistatus("<!-- a --><D:response><!-- b --><D:href>/a</D:href></D:response>"),
}


class TestMalformedAnswers:
    @pytest.mark.parametrize("reply", MALFORMED.values(), ids=MALFORMED.keys())
    def test_malformed_answer_to_put_neither_raises_nor_counts_as_stored(
        self, reply: Reply | Raw, put: Callable[..., Outcome], scripted: ScriptedServer
    ) -> None:
        scripted.answer(reply)
        assert isinstance(put(), TryAgain | Rejected)
        scripted.answer(Reply(412), reply)
        assert isinstance(put(), TryAgain | Rejected)

    @pytest.mark.parametrize("reply", MALFORMED.values(), ids=MALFORMED.keys())
    def test_malformed_answer_is_no_calendar(
        self, reply: Reply | Raw, caldav: CalDAVServer, account: Account, scripted: ScriptedServer
    ) -> None:
        scripted.answer(reply)
        with pytest.raises((CalendarRefused, CalendarUnreachable, AddressRefused)):
            caldav.check(account)

    @pytest.mark.parametrize("reply", MALFORMED.values(), ids=MALFORMED.keys())
    def test_malformed_answer_is_not_free_time(
        self, reply: Reply | Raw, caldav: CalDAVServer, account: Account, scripted: ScriptedServer
    ) -> None:
        scripted.answer(reply)
        with pytest.raises((CalendarRefused, CalendarUnreachable, AddressRefused)):
            caldav.read_objects(account, *OCTOBER)

    def test_slow_server_is_tried_again(
        self, account: Account, scripted: ScriptedServer, loopback_guard: Guard
    ) -> None:
        scripted.answer(Raw(b" " * 10, pause=0.5))
        outcome = CalDAVServer(replace(loopback_guard, read_seconds=0.2), ReaderHere()).put(
            account, UID, DATA, stored_before=False
        )
        assert outcome == TryAgain("the calendar server did not answer in time", of_server=True)

    def test_answer_over_the_size_limit_is_refused(
        self, account: Account, scripted: ScriptedServer, loopback_guard: Guard
    ) -> None:
        scripted.answer(multistatus("<!-- " + "x" * 5000 + " -->"))
        with pytest.raises(CalendarUnreachable, match="more than can be read"):
            CalDAVServer(replace(loopback_guard, largest_body=4000), ReaderHere()).read_objects(account, *OCTOBER)

    def test_answers_are_not_logged(
        self, caldav: CalDAVServer, account: Account, scripted: ScriptedServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        odd = multistatus("<D:response><D:href>/a</D:href><D:odd>Top secret</D:odd></D:response>")
        page = Reply(200, b"Top secret", {"Content-Type": "text/html"})
        for reply in (Reply(500, b"Top secret"), Reply(207, b"Top secret", XML_HEADERS), page, odd):
            scripted.answer(reply)
            with caplog.at_level(logging.DEBUG), contextlib.suppress(CalendarRefused, CalendarUnreachable):
                caldav.read_objects(account, *OCTOBER)
        assert "secret" not in caplog.text


class TestReading:
    def test_read_objects_returns_calendar_data_unescaped(
        self, caldav: CalDAVServer, account: Account, scripted: ScriptedServer
    ) -> None:
        scripted.answer(multistatus(ROW.format(data="one"), ROW.format(data="two &amp; ü")))
        assert caldav.read_objects(account, *OCTOBER) == [b"one", "two & ü".encode()]
        (asked,) = scripted.asked
        assert (asked.method, asked.headers["Depth"]) == ("REPORT", "1")
        assert b'time-range start="20261001T000000Z" end="20261101T000000Z"' in asked.body

    def test_object_deleted_meanwhile_is_left_out(
        self, caldav: CalDAVServer, account: Account, scripted: ScriptedServer
    ) -> None:
        scripted.answer(multistatus(ROW.format(data="one"), BARE.format(status="404 Not Found")))
        assert caldav.read_objects(account, *OCTOBER) == [b"one"]

    @pytest.mark.parametrize(
        "row",
        [
            BARE.format(status="507 Insufficient Storage"),
            ROW.format(data=""),
            ROW.format(data="").replace("200 OK", "403 Forbidden"),
        ],
        ids=["cut short", "no data", "kept back"],
    )
    def test_incomplete_answer_is_unreachable(
        self, row: str, caldav: CalDAVServer, account: Account, scripted: ScriptedServer
    ) -> None:
        scripted.answer(multistatus(ROW.format(data="one"), row))
        with pytest.raises(CalendarUnreachable):
            caldav.read_objects(account, *OCTOBER)

    def test_retry_after_of_busy_server_is_in_the_error(
        self, caldav: CalDAVServer, account: Account, scripted: ScriptedServer
    ) -> None:
        scripted.answer(Reply(503, headers={"Retry-After": "60"}))
        with pytest.raises(CalendarUnreachable) as unreachable:
            caldav.read_objects(account, *OCTOBER)
        assert unreachable.value.retry_after == timedelta(minutes=1)

    def test_check_of_moved_calendar_is_refused_with_reason(
        self, caldav: CalDAVServer, account: Account, scripted: ScriptedServer
    ) -> None:
        scripted.answer(Reply(301, headers={"Location": "/new/"}))
        with pytest.raises(CalendarRefused, match="another address now"):
            caldav.check(account)

    def test_collection_missing_in_multistatus_is_refused(
        self, caldav: CalDAVServer, account: Account, scripted: ScriptedServer
    ) -> None:
        scripted.answer(multistatus(BARE.format(status="404 Not Found")))
        with pytest.raises(CalendarRefused, match="404"):
            caldav.check(account)
