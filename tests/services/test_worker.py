"""Worker: what one broken result does to the others, what idling costs, and what a reading leads to."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.calendars import RecordingCalendars, event_object
from support.programme import Programme
from support.service import wait_for

from scheduler.domain.programme.outbox import DeliveryState, Stored
from scheduler.ical.busy import busy_periods
from scheduler.services.checking import check_due_people
from scheduler.services.delivering import Deliveries
from scheduler.services.reading import Readings
from scheduler.store import Store
from scheduler.worker import PAUSE, Worker

UNSTORABLE = Stored('"1"', sequence=2**70)
"""An outcome that no database can keep."""


@contextmanager
def working(programme: Programme) -> Iterator[None]:
    """A worker at work, in a thread of its own."""
    context = programme.context
    worker = Worker(context, [(Deliveries(context), 8), (Readings(context, busy_periods), 2)])
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join()


def test_result_that_cannot_be_recorded_loses_no_other(programme: Programme, calendars: RecordingCalendars) -> None:
    programme.connect(programme.mentor)
    programme.connect(programme.mentee)
    meeting = programme.book_slot()
    both_are_sent = threading.Barrier(2)
    calendars.outcomes = [UNSTORABLE, Stored('"2"')]
    calendars.during_put = both_are_sent.wait
    with working(programme):
        wait_for(lambda: {row.state for row in programme.deliveries(meeting.id)} >= {DeliveryState.DELIVERED})
    assert sorted(row.state for row in programme.deliveries(meeting.id)) == ["delivered", "delivering"]
    assert len(calendars.puts) == 2


def test_worker_with_nothing_to_do_only_reads(programme: Programme, monkeypatch: pytest.MonkeyPatch) -> None:
    while check_due_people(programme.context):
        pass
    write, writes = Store.write, []

    @contextmanager
    def count(self: Store) -> Iterator[object]:
        writes.append(time.monotonic())
        with write(self) as tx:
            yield tx

    monkeypatch.setattr(Store, "write", count)
    with working(programme):
        wait_for(lambda: writes)
        time.sleep(4 * PAUSE)
    assert max(writes) - min(writes) < PAUSE


def test_worker_reads_a_calendar_and_marks_the_meeting_in_its_way(
    programme: Programme, calendars: RecordingCalendars
) -> None:
    programme.connect(programme.mentor)
    booked = programme.book_tuesdays()
    calendars.objects = [event_object("dentist", "DTSTART:20261013T080000Z", "DTEND:20261013T093000Z")]
    with working(programme):
        wait_for(lambda: any(b"STATUS:TENTATIVE" in put.data for put in calendars.puts))
    after = programme.meeting(booked.id).meeting
    assert [one.to_be_moved for one in after.occurrences] == [None, "another appointment", None, None, None, None]
