"""A meeting's deliveries over HTTP, and making one again."""

from __future__ import annotations

import pytest
from support.api import Api, Pair, problem_of
from support.calendars import RecordingCalendars
from support.working import deliver_next

from scheduler.domain.programme.outbox import Rejected, Stored
from scheduler.services.ports import Context


@pytest.fixture
def path(api: Api, pair: Pair) -> str:
    """The deliveries of a meeting that is owed to the mentor's calendar."""
    api.connect(pair.mentor)
    return f"/meetings/{api.book_slot(pair)['id']}/deliveries"


def test_delivery_shows_what_was_corrected(
    api: Api, path: str, context: Context, calendars: RecordingCalendars
) -> None:
    calendars.outcomes = [Stored('"1"', "the time had been changed in the calendar; it was put back")]
    deliver_next(context)
    (row,) = api.get(path)["items"]
    assert (row["state"], row["reason"]) == (
        "delivered",
        "the time had been changed in the calendar; it was put back",
    )


def test_failed_delivery_shows_reason_and_can_be_retried(
    api: Api, path: str, context: Context, calendars: RecordingCalendars
) -> None:
    calendars.outcomes = [Rejected("somebody deleted the meeting from the calendar")]
    deliver_next(context)
    (row,) = api.get(path)["items"]
    assert (row["state"], row["reason"]) == ("failed", "somebody deleted the meeting from the calendar")
    response = api.send("POST", f"{path}/{row['id']}/retry")
    assert response.status_code == 202
    assert (response.json or {})["state"] == "waiting"
    assert api.send("POST", f"{path}/{row['id']}/retry").status_code == 202
    deliver_next(context)
    (row,) = api.get(path)["items"]
    assert (row["state"], row["attempts"]) == ("delivered", 1)


def test_delivery_of_another_meeting_or_programme_is_404(api: Api, other_api: Api, path: str) -> None:
    (row,) = api.get(path)["items"]
    problem_of(api.send("POST", f"{path}/unknown/retry"), 404)
    problem_of(api.send("POST", f"/meetings/unknown/deliveries/{row['id']}/retry"), 404)
    problem_of(other_api.send("POST", f"{path}/{row['id']}/retry"), 404)
