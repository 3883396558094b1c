"""Worker: what one broken result does to the others."""

from __future__ import annotations

import threading

from support.calendars import RecordingCalendars
from support.programme import Programme
from support.service import wait_for

from scheduler.domain.programme.outbox import DeliveryState, Stored
from scheduler.services.delivering import Deliveries
from scheduler.worker import Worker

UNSTORABLE = Stored('"1"', sequence=2**70)
"""An outcome that no database can keep."""


def test_result_that_cannot_be_recorded_loses_no_other(programme: Programme, calendars: RecordingCalendars) -> None:
    programme.connect(programme.mentor)
    programme.connect(programme.mentee)
    meeting = programme.book_slot()
    both_are_sent = threading.Barrier(2)
    calendars.outcomes = [UNSTORABLE, Stored('"2"')]
    calendars.during_put = both_are_sent.wait
    worker = Worker(programme.context, [(Deliveries(programme.context), 8)])
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        wait_for(lambda: {row.state for row in programme.deliveries(meeting.id)} >= {DeliveryState.DELIVERED})
    finally:
        worker.stop()
        thread.join()
    assert sorted(row.state for row in programme.deliveries(meeting.id)) == ["delivered", "delivering"]
    assert len(calendars.puts) == 2
