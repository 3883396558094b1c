"""The adapter against a real Radicale."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from caldav.compatibility_hints import FeatureSet
from caldav.davclient import DAVClient
from support.events import event
from support.radicale import Radicale, ask, object_url
from support.reading import ReaderHere

from scheduler.adapters.caldav_server import CalDAVServer
from scheduler.adapters.guarded_http import Guard
from scheduler.domain.programme.outbox import Rejected, Stored
from scheduler.domain.programme.people import Account
from scheduler.ical.parse import read_identity
from scheduler.services.calendar_server import AddressRefused, CalendarRefused, CalendarUnreachable

UID = "meeting@example"


def held(account: Account, uid: str = UID) -> str:
    response = ask(account, "GET", object_url(account, uid))
    assert response.status_code == 200
    return response.text


def etag_of(account: Account, uid: str = UID) -> str:
    return ask(account, "GET", object_url(account, uid)).headers["ETag"]


def stored(caldav: CalDAVServer, account: Account, data: bytes) -> str:
    outcome = caldav.put(account, UID, data, stored_before=False)
    assert isinstance(outcome, Stored), outcome
    assert outcome.etag is not None
    return outcome.etag


def test_library_uses_requests() -> None:
    with DAVClient(url="http://127.0.0.1/", enable_rfc6764=False) as client:
        assert type(client.session) is requests.Session


def test_library_has_completed_what_its_clients_share_before_there_are_any() -> None:
    shared: dict[str, Any] = FeatureSet.FEATURES
    assert all({"name", "subfeatures"} <= feature.keys() for feature in shared.values())


class TestCheck:
    def test_check_accepts_calendar_collection(self, caldav: CalDAVServer, account: Account) -> None:
        caldav.check(account)

    def test_check_accepts_url_without_trailing_slash(self, caldav: CalDAVServer, account: Account) -> None:
        caldav.check(replace(account, url=account.url.rstrip("/")))

    def test_check_sends_password_in_utf_8(self, caldav: CalDAVServer, radicale: Radicale) -> None:
        caldav.check(radicale.new_account("пароль-ü-密码"))

    def test_check_refuses_wrong_password(self, caldav: CalDAVServer, account: Account) -> None:
        with pytest.raises(CalendarRefused, match=r"does not accept the login.*401") as refused:
            caldav.check(replace(account, password="battery staple"))
        assert refused.value.status == 401
        assert "battery" not in str(refused.value)

    def test_check_refuses_calendar_of_another_user(
        self, caldav: CalDAVServer, radicale: Radicale, account: Account
    ) -> None:
        with pytest.raises(CalendarRefused, match="403"):
            caldav.check(replace(account, url=radicale.new_account().url))

    def test_check_refuses_missing_collection(self, caldav: CalDAVServer, account: Account) -> None:
        with pytest.raises(CalendarRefused, match=r"has nothing at this address.*404"):
            caldav.check(replace(account, url=account.url.replace("calendar", "nowhere")))

    def test_check_refuses_address_book(self, caldav: CalDAVServer, account: Account) -> None:
        contacts = account.url.replace("calendar", "contacts")
        body = (
            b'<D:mkcol xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><D:set><D:prop>'
            b"<D:resourcetype><D:collection/><C:addressbook/></D:resourcetype></D:prop></D:set></D:mkcol>"
        )
        assert ask(account, "MKCOL", contacts, body).status_code == 201
        with pytest.raises(CalendarRefused, match="has no calendar at this address"):
            caldav.check(replace(account, url=contacts))

    def test_check_refuses_plain_collection(self, caldav: CalDAVServer, account: Account) -> None:
        with pytest.raises(CalendarRefused, match="has no calendar at this address"):
            caldav.check(replace(account, url=account.url.removesuffix("calendar/")))

    def test_check_refuses_task_list(self, caldav: CalDAVServer, account: Account) -> None:
        tasks = account.url.replace("calendar", "tasks")
        body = (
            b'<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop>'
            b'<C:supported-calendar-component-set><C:comp name="VTODO"/></C:supported-calendar-component-set>'
            b"</D:prop></D:set></C:mkcalendar>"
        )
        assert ask(account, "MKCALENDAR", tasks, body).status_code == 201
        with pytest.raises(CalendarRefused, match="keeps no events"):
            caldav.check(replace(account, url=tasks))

    def test_server_that_is_down_is_unreachable(
        self, caldav: CalDAVServer, radicale: Radicale, account: Account
    ) -> None:
        radicale.stop()
        with pytest.raises(CalendarUnreachable, match="can't be reached"):
            caldav.check(account)

    def test_check_refuses_private_address_unless_allowed(self, account: Account) -> None:
        with pytest.raises(AddressRefused):
            CalDAVServer(Guard(), ReaderHere()).check(account)


class TestPut:
    def test_put_stores_new_object_as_given(self, caldav: CalDAVServer, account: Account) -> None:
        etag = stored(caldav, account, event())
        assert etag == etag_of(account)
        assert sorted(held(account).split()) == sorted(event().decode().split())  # Radicale sorts

    def test_put_leaves_other_object_at_our_url(self, caldav: CalDAVServer, account: Account) -> None:
        ask(account, "PUT", object_url(account, UID), event("other@example"))
        for stored_before in (False, True):
            outcome = caldav.put(account, UID, event(), stored_before=stored_before)
            assert isinstance(outcome, Rejected)
            assert "another object is stored where the meeting belongs" in outcome.reason
        assert "other@example" in held(account)

    def test_put_changes_same_meeting_under_another_name(self, caldav: CalDAVServer, account: Account) -> None:
        ask(account, "PUT", object_url(account, "elsewhere"), event())
        assert isinstance(caldav.put(account, UID, event(summary="Later"), stored_before=False), Stored)
        assert "SUMMARY:Later" in held(account, "elsewhere")
        assert len(caldav.read_objects(account, *OCTOBER)) == 1

    @pytest.mark.parametrize("uid", ["20261020T143000-x@example", "a b", "a%2Fb", "ü", "a+b&c;d"])
    def test_put_finds_objects_with_odd_uids(self, uid: str, caldav: CalDAVServer, account: Account) -> None:
        outcome = caldav.put(account, uid, event(uid), stored_before=False)
        assert isinstance(outcome, Stored)
        assert caldav.put(account, uid, event(uid), stored_before=False) == outcome
        assert caldav.put(account, uid, event(uid), stored_before=True) == outcome
        assert len(caldav.read_objects(account, *OCTOBER)) == 1
        identity = read_identity(caldav.read_object(account, uid) or b"")
        assert identity is not None
        assert identity.uid == uid

    def test_put_to_missing_calendar_is_rejected(self, caldav: CalDAVServer, account: Account) -> None:
        assert ask(account, "DELETE", account.url).status_code == 200
        for stored_before, code in ((False, "409"), (True, "404")):
            outcome = caldav.put(account, UID, event(), stored_before=stored_before)
            assert isinstance(outcome, Rejected)
            assert code in outcome.reason

    def test_put_to_private_address_is_rejected(self, account: Account) -> None:
        outcome = CalDAVServer(Guard(), ReaderHere()).put(account, UID, event(), stored_before=False)
        assert isinstance(outcome, Rejected)
        assert "SCHEDULER_ALLOWED_NETWORKS" in outcome.reason

    def test_put_logs_nothing_of_the_meeting(
        self, caldav: CalDAVServer, account: Account, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            stored(caldav, account, event(summary="Top secret"))
            caldav.put(account, UID, event(summary="Top secret", sequence=1), stored_before=True)
            caldav.read_object(account, UID)
            caldav.read_objects(account, *OCTOBER)
        assert "secret" not in caplog.text
        assert account.password not in caplog.text


OCTOBER = (datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))


class TestReadObjects:
    def test_read_objects_returns_events_in_period_only(self, caldav: CalDAVServer, account: Account) -> None:
        starts = {"before": "20260930T200000Z", "into": "20260930T233000Z", "within": "20261015T100000Z"}
        starts |= {"out": "20261031T233000Z", "at-the-end": "20261101T000000Z"}
        for uid, start in starts.items():
            assert isinstance(caldav.put(account, uid, event(uid, start=start), stored_before=False), Stored)
        found = b"".join(caldav.read_objects(account, *OCTOBER))
        assert {uid for uid in starts if f"UID:{uid}\n".encode() in found.replace(b"\r", b"")} == {
            "into",
            "within",
            "out",
        }

    def test_read_objects_returns_older_series_whole(self, caldav: CalDAVServer, account: Account) -> None:
        series = event(start="20200101T120000Z", rrule="FREQ=WEEKLY")
        stored(caldav, account, series)
        (found,) = caldav.read_objects(account, *OCTOBER)
        assert b"DTSTART:20200101T120000Z" in found
        assert b"RRULE:FREQ=WEEKLY" in found

    def test_read_objects_of_empty_calendar_is_empty(self, caldav: CalDAVServer, account: Account) -> None:
        assert caldav.read_objects(account, *OCTOBER) == []

    def test_read_objects_keeps_non_ascii_characters(self, caldav: CalDAVServer, account: Account) -> None:
        stored(caldav, account, event(summary="Größe <&> 数学 🎓"))
        (found,) = caldav.read_objects(account, *OCTOBER)
        assert "SUMMARY:Größe <&> 数学 🎓" in found.decode()

    def test_read_objects_returns_many_objects(self, caldav: CalDAVServer, account: Account) -> None:
        first = datetime(2026, 10, 2, tzinfo=UTC)
        parts = [event(f"n{n}", start=f"{first + timedelta(hours=n):%Y%m%dT%H%M%SZ}") for n in range(200)]
        whole = b"".join(part.split(b"PRODID:-//Tests//EN\r\n")[1].removesuffix(b"END:VCALENDAR\r\n") for part in parts)
        data = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Tests//EN\r\n" + whole + b"END:VCALENDAR\r\n"
        assert ask(account, "PUT", account.url, data, {"Content-Type": "text/calendar"}).status_code == 201
        assert len(caldav.read_objects(account, *OCTOBER)) == 200

    def test_read_objects_refuses_wrong_password(self, caldav: CalDAVServer, account: Account) -> None:
        with pytest.raises(CalendarRefused, match="401"):
            caldav.read_objects(replace(account, password="wrong"), *OCTOBER)

    def test_read_objects_refuses_missing_calendar(self, caldav: CalDAVServer, account: Account) -> None:
        ask(account, "DELETE", account.url)
        with pytest.raises(CalendarRefused, match="404"):
            caldav.read_objects(account, *OCTOBER)

    def test_server_that_is_down_is_unreachable(
        self, caldav: CalDAVServer, radicale: Radicale, account: Account
    ) -> None:
        radicale.stop()
        with pytest.raises(CalendarUnreachable):
            caldav.read_objects(account, *OCTOBER)
