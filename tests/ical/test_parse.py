from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scheduler.domain.programme.meetings import Meeting
from scheduler.ical.parse import Identity, read_identity
from scheduler.ical.render import render_invite

CORPUS = Path(__file__).parents[1] / "data" / "ics"


def corpus(name: str) -> bytes:
    return (CORPUS / f"{name}.ics").read_bytes()


@pytest.mark.parametrize("data", [b"", b"\n", b"nothing of the kind", b"\xff\xfe\x00", b"/etc/hostname"])
def test_text_that_is_not_icalendar_has_no_identity(data: bytes) -> None:
    assert read_identity(data) is None


def test_identity_of_a_rendered_invite_is_read_back(make_meeting: Callable[..., Meeting]) -> None:
    meeting = make_meeting(sequence=3, outcomes={1: timedelta(days=1)})
    assert read_identity(render_invite(meeting, meeting.uid)) == Identity(meeting.uid, 3, meeting.changed_at)


def test_identity_defaults_to_dtstamp_and_sequence_0() -> None:
    assert read_identity(corpus("timed-event")) == Identity("a@example.org", 0, datetime(2026, 9, 1, tzinfo=UTC))


@pytest.mark.parametrize("name", ["no-events", "overlapping-events", "cut-off"])
def test_object_of_several_events_has_no_identity(name: str) -> None:
    assert read_identity(corpus(name)) is None
