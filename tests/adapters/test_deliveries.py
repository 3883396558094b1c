"""One suite for every server: from what is booked to what the calendar shows, whatever its owner does there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
import pytest
from support.delivering import CALENDAR_TYPE, Delivering, tuesday
from support.figures import Figures
from support.radicale import ask, object_url
from support.scripted import Asked, Forward, Raw, Reply, ScriptedServer

from scheduler.adapters.caldav_server import CalDAVServer
from scheduler.domain.programme.outbox import Rejected, Stored
from scheduler.ical.render import render_invite
from scheduler.services.calendars import delete_calendar
from scheduler.services.delivering import retry_delivery
from scheduler.services.meetings import cancel_meeting, cancel_occurrence, move_occurrence, update_meeting

Edit = Callable[[list[Any]], object]


def retitle(delivering: Delivering, title: str = "Pairing on the parser") -> None:
    programme = delivering.programme
    update_meeting(programme.context, programme.id, delivering.meeting_id, {"title": title})


def retry(delivering: Delivering) -> None:
    programme = delivering.programme
    retry_delivery(programme.context, programme.id, delivering.meeting_id, delivering.row.id)


def promised(delivering: Delivering) -> list[Any]:
    return sorted(delivering.meeting.meeting.busy)


class TestChanges:
    def test_series_is_created_once(self, delivering: Delivering) -> None:
        uid = delivering.book()
        assert delivering.app.names() == [f"{uid}.ics"]
        assert delivering.app.shown() == promised(delivering)
        assert (delivering.row.state, delivering.row.reason, delivering.row.attempts) == ("delivered", None, 1)

    def test_new_title_keeps_sequence(self, delivering: Delivering) -> None:
        uid = delivering.book()
        retitle(delivering)
        assert delivering.deliver().state == "delivered"
        assert "SUMMARY:Pairing on the parser" in delivering.app.text(uid)
        assert "\nSEQUENCE:0\n" in delivering.app.text(uid)
        assert delivering.row.reason is None

    def test_moved_occurrence_is_an_override(self, delivering: Delivering) -> None:
        uid = delivering.book()
        programme = delivering.programme
        to = datetime(2026, 10, 14, 9, tzinfo=UTC)
        move_occurrence(programme.context, programme.id, delivering.meeting_id, tuesday(1), to)
        assert delivering.deliver().state == "delivered"
        assert delivering.app.shown() == promised(delivering)
        assert [event["SEQUENCE"] for event in delivering.app.events(uid)] == [1, 1]

    def test_occurrence_moved_past_its_neighbour_is_its_own_object(self, delivering: Delivering) -> None:
        delivering.book()
        programme = delivering.programme
        to = datetime(2026, 10, 21, 9, tzinfo=UTC)
        move_occurrence(programme.context, programme.id, delivering.meeting_id, tuesday(1), to)
        delivering.deliver()
        assert len(delivering.app.names()) == 2
        assert delivering.app.shown() == promised(delivering)

    def test_cancelled_occurrence_is_not_shown(self, delivering: Delivering) -> None:
        delivering.book()
        programme = delivering.programme
        cancel_occurrence(programme.context, programme.id, delivering.meeting_id, tuesday(2))
        assert delivering.deliver().state == "delivered"
        assert delivering.app.shown() == promised(delivering)
        assert len(promised(delivering)) == 5

    def test_cancelled_series_has_its_status_and_no_alarm(self, delivering: Delivering) -> None:
        uid = delivering.book()
        programme = delivering.programme
        cancel_meeting(programme.context, programme.id, delivering.meeting_id)
        assert delivering.deliver().state == "delivered"
        assert delivering.app.shown() == []
        assert "STATUS:CANCELLED" in delivering.app.text(uid)
        assert "VALARM" not in delivering.app.text(uid)

    def test_repeated_delivery_writes_nothing(self, delivering: Delivering) -> None:
        uid = delivering.book()
        before = delivering.app.etag(uid)
        for _ in range(3):
            retry(delivering)
            assert delivering.deliver().state == "delivered"
        assert delivering.app.etag(uid) == before
        assert delivering.row.reason is None

    def test_superseded_change_is_never_shown(self, delivering: Delivering) -> None:
        uid = delivering.book()
        delivering.server.stop()
        retitle(delivering, "One")
        assert delivering.deliver().state == "waiting"
        retitle(delivering, "Two")
        delivering.server.start()
        assert delivering.wait_and_deliver().state == "delivered"
        assert delivering.row.delivered_revision == 3
        assert "SUMMARY:Two" in delivering.app.text(uid)

    def test_delayed_worker_does_not_restore_older_version(self, delivering: Delivering, caldav: CalDAVServer) -> None:
        uid = delivering.book()
        old = render_invite(delivering.meeting.meeting, uid)
        retitle(delivering, "Newer")
        delivering.deliver()
        for stored_before in (True, False):
            outcome = caldav.put(delivering.account, uid, old, stored_before=stored_before)
            assert isinstance(outcome, Rejected)
            assert "holds a later version" in outcome.reason
        assert "SUMMARY:Newer" in delivering.app.text(uid)

    def test_change_after_restored_backup_is_delivered_despite_reused_revision(
        self, delivering: Delivering, caldav: CalDAVServer
    ) -> None:
        uid = delivering.book()
        first = delivering.meeting.meeting
        for title in ("Lost", "With", "The disk"):
            retitle(delivering, title)
            delivering.deliver()
        restored = replace(first, revision=2, title="New", changed_at=first.changed_at + timedelta(hours=1))
        outcome = caldav.put(delivering.account, uid, render_invite(restored, uid), stored_before=True)
        assert isinstance(outcome, Stored)
        assert "SUMMARY:New" in delivering.app.text(uid)

    def test_read_object_finds_object_by_uid(self, delivering: Delivering, caldav: CalDAVServer) -> None:
        uid = delivering.book()
        found = caldav.read_object(delivering.account, uid)
        assert found is not None
        assert f"UID:{uid}".encode() in found
        assert caldav.read_object(delivering.account, "no such uid") is None


FOREIGN = (
    "CATEGORIES:Mentoring,Tuesdays",
    "COLOR:turquoise",
    "COMMENT:Bring the charts",
    "LOCATION:Room 4\\, by the window",
    "PRIORITY:3",
    "X-MOZ-LASTACK:20261001T000000Z",
    'X-ODD;X-PARAM="a:b;c":as\\nit\\;is',
)
"""What calendar apps write into events, and we never do."""
ALARMS = (
    "BEGIN:VALARM",
    "ACTION:AUDIO",
    "TRIGGER;RELATED=START:-PT1H",
    "X-WR-ALARMUID:1234",
    "END:VALARM",
)


def add_lines(delivering: Delivering, uid: str) -> None:
    """The user answers the invitation, and colours and rings every event of it in their own way."""
    text = delivering.app.text(uid)
    text = text.replace("PARTSTAT=NEEDS-ACTION", "PARTSTAT=ACCEPTED").replace("TRIGGER:-PT15M", "TRIGGER:-PT5M")
    text = text.replace("END:VEVENT", "\n".join((*FOREIGN, *ALARMS, "END:VEVENT")))
    condition = CALENDAR_TYPE | {"If-Match": delivering.app.etag(uid)}
    data = text.replace("\n", "\r\n").encode()
    assert ask(delivering.account, "PUT", object_url(delivering.account, uid), data, condition).status_code < 300


def assert_all_kept(events: list[Any]) -> None:
    for event in events:
        assert str(event["COLOR"]) == "turquoise"
        assert event["CATEGORIES"].to_ical() == b"Mentoring,Tuesdays"
        assert str(event["COMMENT"]) == "Bring the charts"
        assert str(event["LOCATION"]) == "Room 4, by the window"
        assert "X-MOZ-LASTACK" in event
        assert event["X-ODD"].params["X-PARAM"] == "a:b;c"
        assert event["ATTENDEE"].params["PARTSTAT"] == "ACCEPTED"
        alarms = {alarm["TRIGGER"].dt for alarm in event.walk("VALARM")}
        assert alarms == {timedelta(minutes=-5), timedelta(hours=-1)}


class TestTheirOwn:
    def test_users_additions_survive_every_change(self, delivering: Delivering) -> None:
        uid = delivering.book()
        programme = delivering.programme
        move_occurrence(
            programme.context, programme.id, delivering.meeting_id, tuesday(1), datetime(2026, 10, 14, 9, tzinfo=UTC)
        )
        delivering.deliver()
        add_lines(delivering, uid)
        retitle(delivering)
        assert delivering.deliver().state == "delivered"
        move_occurrence(
            programme.context, programme.id, delivering.meeting_id, tuesday(3), datetime(2026, 10, 28, 9, tzinfo=UTC)
        )
        assert delivering.deliver().state == "delivered"
        cancel_occurrence(programme.context, programme.id, delivering.meeting_id, tuesday(5))
        row = delivering.deliver()
        assert (row.state, row.reason) == ("delivered", None)
        events = delivering.app.events(uid)
        assert len(events) == 3  # the new override begins as its owner has the series
        assert_all_kept(events)
        assert {str(event["SUMMARY"]) for event in events} == {"Pairing on the parser"}
        assert delivering.app.shown() == promised(delivering)

    def test_alarm_deleted_by_user_stays_deleted(self, delivering: Delivering) -> None:
        uid = delivering.book()
        delivering.app.edit(uid, lambda events: events[0].subcomponents.clear())
        retitle(delivering)
        delivering.deliver()
        assert "VALARM" not in delivering.app.text(uid)
        assert delivering.row.reason is None

    def test_alarm_on_one_occurrence_stays(self, delivering: Delivering) -> None:
        uid = delivering.book()

        def ring(calendar: icalendar.Calendar) -> None:
            series: Any = calendar.walk("VEVENT")[0]
            one: Any = icalendar.Event.from_ical(series.to_ical())
            one.subcomponents[0]["TRIGGER"] = icalendar.vDDDTypes(timedelta(hours=-2))
            for name in ("RRULE", "DTSTART", "DTEND"):
                del one[name]
            start = series["DTSTART"].dt + timedelta(weeks=2)
            one.add("RECURRENCE-ID", start)
            one.add("DTSTART", start)
            one.add("DTEND", start + timedelta(minutes=45))
            calendar.add_component(one)

        store_by_hand(delivering, uid, ring)
        retitle(delivering)
        row = delivering.deliver()
        assert (row.state, row.reason) == ("delivered", None)
        series, one = delivering.app.events(uid)
        assert [alarm["TRIGGER"].dt for alarm in one.walk("VALARM")] == [timedelta(hours=-2)]
        assert [alarm["TRIGGER"].dt for alarm in series.walk("VALARM")] == [timedelta(minutes=-15)]
        assert str(one["SUMMARY"]) == "Pairing on the parser"
        assert delivering.app.shown() == promised(delivering)


def store_by_hand(delivering: Delivering, uid: str, change: Callable[[icalendar.Calendar], object]) -> None:
    calendar = icalendar.Calendar.from_ical(delivering.app.text(uid).encode())
    assert isinstance(calendar, icalendar.Calendar)
    change(calendar)
    condition = CALENDAR_TYPE | {"If-Match": delivering.app.etag(uid)}
    answer = ask(delivering.account, "PUT", object_url(delivering.account, uid), calendar.to_ical(), condition)
    assert answer.status_code < 300, answer.text


def an_hour_later(events: list[Any]) -> None:
    for name in ("DTSTART", "DTEND"):
        events[0][name].dt += timedelta(hours=1)
    events[0]["SEQUENCE"] = 7


def one_deleted(events: list[Any]) -> None:
    events[0].add("EXDATE", events[0]["DTSTART"].dt + timedelta(weeks=1))


def another_title(events: list[Any]) -> None:
    events[0]["SUMMARY"] = icalendar.vText("Coffee")


def nobody_there(events: list[Any]) -> None:
    del events[0]["ATTENDEE"]


def time_and_title(events: list[Any]) -> None:
    an_hour_later(events)
    another_title(events)


class TestPutRight:
    @pytest.mark.parametrize(
        ("edit", "told"),
        [
            (an_hour_later, "the time had been changed in the calendar; it was put back"),
            (one_deleted, "the time had been changed in the calendar; it was put back"),
            (nobody_there, "the list of people had been changed in the calendar; it was put back"),
            (time_and_title, "the time and the title had been changed in the calendar; they were put back"),
        ],
        ids=lambda value: value.__name__ if callable(value) else "",
    )
    def test_users_change_of_our_property_is_corrected_and_reported(
        self, edit: Edit, told: str, delivering: Delivering
    ) -> None:
        uid = delivering.book()
        delivering.app.edit(uid, edit)
        update_meeting(
            delivering.programme.context,
            delivering.programme.id,
            delivering.meeting_id,
            {"conference_url": "https://meet.example.org/x"},
        )
        row = delivering.deliver()
        assert (row.state, row.reason) == ("delivered", told)
        assert delivering.app.shown() == promised(delivering)
        (event,) = delivering.app.events(uid)
        assert str(event["SUMMARY"]) == "Mentoring: Greta & Asha"
        assert str(event["ATTENDEE"]) == "mailto:asha@example.org"
        retry(delivering)
        assert delivering.deliver().reason is None

    def test_correction_raises_sequence_above_the_apps(self, delivering: Delivering) -> None:
        uid = delivering.book()
        delivering.app.edit(uid, an_hour_later)
        retitle(delivering)
        delivering.deliver()
        assert "\nSEQUENCE:8\n" in delivering.app.text(uid)

    def test_users_change_equal_to_ours_is_not_reported(self, delivering: Delivering) -> None:
        uid = delivering.book()
        delivering.app.edit(uid, another_title)
        retitle(delivering, "Coffee")
        row = delivering.deliver()
        assert (row.state, row.reason) == ("delivered", None)


class TestDeletedByHand:
    def test_deleted_object_is_created_again_only_on_retry(self, delivering: Delivering) -> None:
        uid = delivering.book()
        delivering.app.delete(uid)
        for title in ("One", "Two"):
            retitle(delivering, title)
            row = delivering.deliver()
            assert row.state == "failed"
            assert "somebody deleted the meeting from the calendar" in (row.reason or "")
            assert delivering.app.names() == []
        retry(delivering)
        row = delivering.deliver()
        assert (row.state, row.reason, row.delivered_revision) == ("delivered", None, 3)
        assert delivering.app.shown() == promised(delivering)

    def test_deleted_object_of_cancelled_meeting_stays_deleted(self, delivering: Delivering) -> None:
        uid = delivering.book()
        delivering.app.delete(uid)
        programme = delivering.programme
        cancel_meeting(programme.context, programme.id, delivering.meeting_id)
        row = delivering.deliver()
        assert row.state == "delivered"
        assert "somebody had deleted the cancelled meeting" in (row.reason or "")
        assert delivering.app.names() == []

    def test_retry_of_delivered_object_finds_its_deletion(self, delivering: Delivering) -> None:
        uid = delivering.book()
        delivering.app.delete(uid)
        retry(delivering)
        assert delivering.deliver().state == "failed"
        retry(delivering)
        assert delivering.deliver().state == "delivered"
        assert len(delivering.app.names()) == 1

    def test_new_object_after_deletion_has_higher_sequence(self, delivering: Delivering) -> None:
        uid = delivering.book()
        delivering.app.edit(uid, an_hour_later)
        retitle(delivering)
        assert delivering.deliver().state == "delivered"
        assert "\nSEQUENCE:8\n" in delivering.app.text(uid)
        for sequence in (10, 12):
            delivering.app.delete(uid)
            for _ in range(2):  # the first one finds that it is gone
                retry(delivering)
                delivering.deliver()
            assert f"\nSEQUENCE:{sequence}\n" in delivering.app.text(uid)
        assert delivering.app.shown() == promised(delivering)
        retry(delivering)
        assert delivering.deliver().state == "delivered"
        assert "\nSEQUENCE:12\n" in delivering.app.text(uid)

    @pytest.mark.parametrize(("is_deleted", "sequence"), [(True, 10), (False, 8)])
    def test_object_in_reconnected_calendar_has_higher_sequence_if_it_was_deleted(
        self, is_deleted: bool, sequence: int, delivering: Delivering
    ) -> None:
        uid = delivering.book()
        delivering.app.edit(uid, an_hour_later)
        retitle(delivering)
        assert delivering.deliver().state == "delivered"
        programme = delivering.programme
        calendar = programme.calendar(programme.mentor)
        delete_calendar(programme.context, programme.id, programme.mentor.id, calendar.id)
        if is_deleted:
            delivering.app.delete(uid)
        delivering.connect(programme.mentor, delivering.account)
        assert delivering.deliver().state == "delivered"
        assert f"\nSEQUENCE:{sequence}\n" in delivering.app.text(uid)

    def test_retry_of_failed_delivery_keeps_sequence_of_present_object(
        self, delivering: Delivering, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        uid = delivering.book()
        retitle(delivering)
        calendars = delivering.programme.context.calendars
        with monkeypatch.context() as patch:
            patch.setattr(calendars, "put", lambda *_, **__: Rejected("no room"))
            assert delivering.deliver().state == "failed"
        retry(delivering)
        assert delivering.deliver().state == "delivered"
        assert "\nSEQUENCE:0\n" in delivering.app.text(uid)

    def test_object_renamed_by_app_is_changed_there(self, delivering: Delivering) -> None:
        uid = delivering.book()
        text = delivering.app.text(uid)
        delivering.app.delete(uid)
        other = object_url(delivering.account, "another-name")
        assert ask(delivering.account, "PUT", other, text.encode(), CALENDAR_TYPE).status_code == 201
        retitle(delivering)
        assert delivering.deliver().state == "delivered"
        assert delivering.app.names() == ["another-name.ics"]
        assert "SUMMARY:Pairing on the parser" in delivering.app.text("another-name")
        retry(delivering)
        assert delivering.deliver().state == "delivered"


class TestTrouble:
    def test_server_back_after_outage_gets_everything(self, delivering: Delivering) -> None:
        delivering.connect(delivering.programme.mentor, delivering.account)
        delivering.server.stop()
        delivering.meeting_id = delivering.programme.book_tuesdays().id
        row = delivering.deliver()
        assert (row.state, row.attempts) == ("waiting", 1)
        assert "can't be reached, or broke the connection off" in (row.reason or "")
        delivering.server.start()
        row = delivering.wait_and_deliver()
        assert (row.state, row.attempts, row.reason) == ("delivered", 2, None)
        assert delivering.app.shown() == promised(delivering)

    def test_wrong_password_fails_with_reason(self, delivering: Delivering, caldav: CalDAVServer) -> None:
        uid = delivering.book()
        wrong = replace(delivering.account, password="battery staple")
        for stored_before in (True, False):
            data = render_invite(delivering.meeting.meeting, uid)
            outcome = caldav.put(wrong, uid, data, stored_before=stored_before)
            assert isinstance(outcome, Rejected)
            assert "does not accept the login; check the username and the password" in outcome.reason

    @pytest.mark.parametrize("cut", ["no answer", "a gateway's own answer"])
    @pytest.mark.parametrize("first", [True, False], ids=["created", "changed"])
    def test_lost_reply_leads_to_no_second_write(
        self, cut: str, first: bool, delivering: Delivering, scripted: ScriptedServer, figures: Figures
    ) -> None:
        lost: dict[str, Reply | Raw] = {
            "no answer": Raw(b""),
            "a gateway's own answer": Reply(504, b"<html>late</html>"),
        }
        forward = forwarded(delivering)
        broken = [lost[cut]]
        taken: list[int] = []

        def script(asked: Asked) -> Reply | Raw:
            answer = forward(asked)
            if not is_put(asked):
                return answer
            assert isinstance(answer, Reply)
            taken.append(answer.status)
            return broken.pop() if broken else answer

        through = delivering.through(scripted.url)
        scripted.script = forward
        if first:
            through.connect(through.programme.mentor, through.account)
            scripted.script = script
            through.meeting_id = through.programme.book_tuesdays().id
        else:
            through.book()
            scripted.script = script
            retitle(through)
        assert through.deliver().state == "waiting"
        row = through.wait_and_deliver()
        assert (row.state, row.reason) == ("delivered", None)
        assert [status for status in taken if status < 300] == taken[:1]
        lost_meetings = set(promised(through)) - set(delivering.app.shown())
        objects = len(delivering.app.names())
        figures("replies lost after a PUT was stored", faults_injected=1, lost=len(lost_meetings), doubled=objects - 1)
        assert delivering.app.shown() == promised(through)
        assert objects == 1

    def test_change_during_put_is_one_more_delivery(self, delivering: Delivering, scripted: ScriptedServer) -> None:
        forward, puts = forwarded(delivering), []

        def script(asked: Asked) -> Reply | Raw:
            if is_put(asked):
                puts.append(asked.path)
                if len(puts) == 2:
                    retitle(through, "Changed meanwhile")
            return forward(asked)

        through = delivering.through(scripted.url)
        scripted.script = script
        uid = through.book()
        retitle(through, "Changed")
        row = through.deliver()
        assert (row.state, row.delivered_revision, len(puts)) == ("delivered", 3, 3)
        assert "SUMMARY:Changed meanwhile" in delivering.app.text(uid)

    def test_users_change_between_read_and_put_is_kept(self, delivering: Delivering, scripted: ScriptedServer) -> None:
        forward, edits = forwarded(delivering), [lambda events: events[0].add("COLOR", "red")]
        through = delivering.through(scripted.url)

        def script(asked: Asked) -> Reply | Raw:
            if is_put(asked) and through.meeting.meeting.revision == 2 and edits:
                delivering.app.edit(uid, edits.pop())
            return forward(asked)

        scripted.script = script
        uid = through.book()
        retitle(through)
        row = through.deliver()
        assert (row.state, row.reason) == ("waiting", "the calendar server changed the object while it was written")
        assert through.wait_and_deliver().state == "delivered"
        assert "COLOR:red" in delivering.app.text(uid)
        assert "SUMMARY:Pairing on the parser" in delivering.app.text(uid)

    @pytest.mark.parametrize("etag", ["weak", "missing"])
    def test_server_without_strong_etags_gets_objects_and_no_changes(
        self, etag: str, delivering: Delivering, scripted: ScriptedServer
    ) -> None:
        forward = forwarded(delivering)

        def script(asked: Asked) -> Reply | Raw:
            answer = forward(asked)
            assert isinstance(answer, Reply)
            headers = {name: value for name, value in answer.headers.items() if name.lower() != "etag"}
            if etag == "weak" and len(headers) < len(answer.headers):
                headers["ETag"] = 'W/"1"'
            return replace(answer, headers=headers)

        through = delivering.through(scripted.url)
        scripted.script = script
        uid = through.book()
        retitle(through)
        row = through.deliver()
        assert row.state == "failed"
        assert "gives no strong ETag, so the meeting can't be replaced safely" in (row.reason or "")
        assert "SUMMARY:Mentoring: Greta & Asha" in delivering.app.text(uid)
        delivering.app.delete(uid)
        retitle(through, "Another")
        assert "somebody deleted the meeting" in (through.deliver().reason or "")


def forwarded(delivering: Delivering) -> Forward:
    """A script that passes everything on to the server, by its own door."""
    return Forward(int(delivering.server.url.rsplit(":", 1)[1]))


def is_put(asked: Asked) -> bool:
    """Whether this writes something: the first request of a job has no login yet, and is asked for it."""
    return asked.method == "PUT" and "Authorization" in asked.headers
