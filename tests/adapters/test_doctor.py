"""examine: what the doctor reports about a service whose calendars are on real servers."""

from __future__ import annotations

import gzip
import os
import re
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import forks
from support.calendars import event_object
from support.delivering import Delivering, Server, tuesday
from support.working import claim_next

from scheduler.domain.programme.outbox import DeliveryState, Rejected, Verdict
from scheduler.domain.programme.people import Show
from scheduler.errors import NotFound
from scheduler.services.delivering import retry_delivery
from scheduler.services.doctor import Examined, examine
from scheduler.services.feeds import read_feed
from scheduler.services.meetings import cancel_meeting, cancel_occurrence, move_occurrence
from scheduler.services.secrets import Vault, digest

TOKEN = "the-token-of-the-mentor's-feed"


BOTH = pytest.mark.parametrize("server", ["radicale", "xandikos"], indirect=True)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Server:
    """Radicale, unless a test asks for each."""
    found: Server = request.getfixturevalue(getattr(request, "param", "radicale"))
    return found


@pytest.fixture
def healthy(delivering: Delivering) -> Delivering:
    """Six Tuesdays, one moved and one cancelled, all delivered; a feed of them that was read."""
    delivering.book()
    context, programme = delivering.programme.context, delivering.programme
    moved_to = tuesday(1).astimezone() + timedelta(days=1)
    move_occurrence(context, programme.id, delivering.meeting_id, tuesday(1), moved_to)
    cancel_occurrence(context, programme.id, delivering.meeting_id, tuesday(4))
    delivering.deliver()
    with context.store.write() as tx:
        tx.feeds.add(programme.id, programme.mentor.id, Show.DETAILS, digest(TOKEN), context.clock())
    assert read_feed(context, digest(TOKEN))
    return delivering


def list_findings(delivering: Delivering, **options: Any) -> list[str]:
    return [str(finding) for finding in examine(delivering.programme.context, Examined(), **options)]


def change(database: Path, statement: str, *values: object) -> None:
    """Does to the database what nobody should."""
    with closing(sqlite3.connect(database)) as connection, connection:
        assert connection.execute(statement, values).rowcount == 1


@BOTH
def test_examine_consistent_service_finds_nothing(healthy: Delivering) -> None:
    examined = Examined()

    assert list(examine(healthy.programme.context, examined)) == []
    assert examined == Examined(meetings=1, feeds=1, calendars=1, events=len(healthy.meeting.meeting.uids))


@BOTH
def test_examine_ignores_what_the_owner_added(healthy: Delivering) -> None:
    def decorate(events: list[Any]) -> None:
        events[0].add("CATEGORIES", ["Mentoring"])
        events[0].add("COLOR", "teal")

    healthy.app.edit(healthy.row.uid, decorate)

    assert list_findings(healthy) == []


@BOTH
def test_examine_reports_orphaned_event(healthy: Delivering) -> None:
    stranger = healthy.app.text(healthy.row.uid).replace(healthy.row.uid, "booked-after-the-backup").encode()
    healthy.app.put("booked-after-the-backup", stranger)
    healthy.app.put("their-own", event_object("their-own", "DTSTART:20261008T080000Z", "DTEND:20261008T090000Z"))

    (found,) = list_findings(healthy)
    assert "its event booked-after-the-backup was written by this service" in found


@BOTH
def test_examine_reports_deleted_event(healthy: Delivering) -> None:
    row = healthy.row
    healthy.app.delete(row.uid)

    (line,) = list_findings(healthy)

    assert line.startswith(f"meeting {healthy.meeting_id}, calendar {row.calendar.id}: the event is not there any more")
    assert f"POST /v1/meetings/{healthy.meeting_id}/deliveries/{row.id}/retry" in line
    assert list_findings(healthy, offline=True) == []


def test_examine_ignores_deleted_event_of_cancelled_meeting(healthy: Delivering) -> None:
    cancel_meeting(healthy.programme.context, healthy.programme.id, healthy.meeting_id)
    healthy.deliver()
    healthy.app.delete(healthy.row.uid)

    assert list_findings(healthy) == []


def _an_hour_later(events: list[Any]) -> None:
    for name in ("DTSTART", "DTEND"):
        events[0][name].dt += timedelta(hours=1)


def _cancelled(events: list[Any]) -> None:
    events[0]["STATUS"] = "CANCELLED"


def _renamed(events: list[Any]) -> None:
    for event in events:
        event["SUMMARY"] = "Dentist"


@BOTH
@pytest.mark.parametrize(
    ("edit", "part"),
    [
        pytest.param(_an_hour_later, "the time", id="another-time"),
        pytest.param(_cancelled, "the status", id="another-status"),
        pytest.param(_renamed, "the title", id="another-title"),
    ],
)
def test_examine_reports_changed_part_and_its_remedy_corrects_it(
    healthy: Delivering, edit: Callable[[list[Any]], None], part: str
) -> None:
    row = healthy.row
    healthy.app.edit(row.uid, edit)

    (line,) = list_findings(healthy)
    assert f"meeting {healthy.meeting_id}, calendar {row.calendar.id}: changed in the calendar: {part};" in line
    assert "Dentist" not in line

    retry_delivery(healthy.programme.context, healthy.programme.id, healthy.meeting_id, row.id)
    healthy.deliver()
    assert list_findings(healthy) == []


def test_examine_reports_failed_delivery_with_its_reason(healthy: Delivering) -> None:
    context, row = healthy.programme.context, healthy.row
    retry_delivery(context, healthy.programme.id, healthy.meeting_id, row.id)
    refused = Rejected("the calendar server has no room left for this login (it answered 507 Disk of host9 full)")
    with context.store.write() as tx:
        claim = claim_next(tx, context.clock())
        assert claim
        verdict = Verdict(DeliveryState.FAILED, reason=refused.reason)
        tx.outbox.record(claim, refused, verdict, context.clock())

    (line,) = list_findings(healthy, offline=True)

    assert "the delivery has failed (the calendar server has no room left for this login (it answered 507)" in line
    assert "host9" not in line


@pytest.mark.parametrize(("minutes", "lines"), [(9, 0), (11, 1)])
def test_examine_reports_delivery_overdue_for_ten_minutes(healthy: Delivering, minutes: int, lines: int) -> None:
    retry_delivery(healthy.programme.context, healthy.programme.id, healthy.meeting_id, healthy.row.id)
    healthy.clock.advance(minutes=minutes)

    found = list_findings(healthy, offline=True)

    assert len(found) == lines
    assert all("has been due since 2026-" in line and "see that a worker runs" in line for line in found)


def test_examine_reports_delivery_of_dead_worker(healthy: Delivering) -> None:
    context = healthy.programme.context
    retry_delivery(context, healthy.programme.id, healthy.meeting_id, healthy.row.id)
    with context.store.write() as tx:
        assert claim_next(tx, context.clock())
    healthy.clock.advance(minutes=13)

    (line,) = list_findings(healthy, offline=True)

    assert "leased by a worker that is gone since" in line


def test_examine_reports_server_that_does_not_answer(healthy: Delivering) -> None:
    healthy.server.stop()

    (line,) = list_findings(healthy)

    assert line.startswith(f"calendar {healthy.row.calendar.id}: it can't be read, so what it holds is unknown")
    assert "127.0.0.1" not in line


def test_examine_reports_password_that_no_key_decrypts(healthy: Delivering) -> None:
    context = replace(healthy.programme.context, vault=Vault("another secret key that is long enough to be one"))

    (line,) = map(str, examine(context, Examined()))

    assert line.startswith(f"calendar {healthy.row.calendar.id}: its password can't be decrypted")


def test_examine_reports_calendar_without_delivery(healthy: Delivering, database: Path) -> None:
    change(database, "DELETE FROM outbox WHERE key = ?", healthy.row.uid)

    (line,) = list_findings(healthy, offline=True)

    assert "no delivery to this calendar exists" in line


def test_examine_reports_delivery_of_earlier_version(healthy: Delivering, database: Path) -> None:
    change(database, "UPDATE meetings SET revision = revision + 1")

    assert any(
        "it counts as delivered, but an earlier version was" in line for line in list_findings(healthy, offline=True)
    )


@pytest.mark.parametrize(
    ("tampering", "words"),
    [
        pytest.param("body = CAST(replace(body, 'Tuesday', 'Monday') || 'x' AS BLOB)", "stored bytes", id="bytes"),
        pytest.param("etag = '\"0123\"'", "ETag", id="etag"),
        pytest.param("gzipped_body = x'00'", "gzipped", id="no-gzip"),
    ],
)
def test_examine_reports_feed_with_wrong_bytes_or_etag(
    healthy: Delivering, database: Path, tampering: str, words: str
) -> None:
    change(database, f"UPDATE feeds SET {tampering}")

    (line,) = list_findings(healthy, offline=True)
    assert line.startswith("feed ")
    assert words in line

    remedy = re.search(r"UPDATE feeds .*?'[\w-]{36}'", line)
    assert remedy
    change(database, remedy[0])
    read_feed(healthy.programme.context, digest(TOKEN))
    assert list_findings(healthy, offline=True) == []


def test_examine_reports_wrong_gzipped_bytes(healthy: Delivering, database: Path) -> None:
    change(database, "UPDATE feeds SET gzipped_body = ?", gzip.compress(b"another calendar"))

    (line,) = list_findings(healthy, offline=True)

    assert "its gzipped bytes are not those of its bytes" in line


def test_examine_reports_stored_time_that_is_not_derived(healthy: Delivering, database: Path) -> None:
    change(
        database,
        "UPDATE occurrences SET start_at = datetime(start_at, '-1 hour') WHERE recurrence_id LIKE '2026-11-03%'",
    )

    found = list_findings(healthy, offline=True)

    assert any("the stored UTC times of 2026-11-03T10:00 (Europe/Berlin) are not theirs" in line for line in found)


def test_examine_reports_stored_time_that_is_invalid(healthy: Delivering, database: Path) -> None:
    change(database, "UPDATE occurrences SET start_at = end_at WHERE recurrence_id LIKE '2026-11-03%'")

    (line,) = list_findings(healthy, offline=True)

    assert line.startswith("mentorship ")
    assert "can't be read (the period ends at 2026-11-03" in line


def test_examine_reports_missing_occurrence(healthy: Delivering, database: Path) -> None:
    change(database, "DELETE FROM occurrences WHERE recurrence_id LIKE '2026-11-03%'")

    assert any("its occurrences are not those of its rule" in line for line in list_findings(healthy, offline=True))


def test_examine_reports_series_of_another_tz_release(healthy: Delivering, database: Path) -> None:
    change(database, "UPDATE meetings SET tz_database = '2025a'")

    (line,) = list_findings(healthy, offline=True)

    assert line == f"meeting {healthy.meeting_id}: derived under tz release 2025a; run 'scheduler migrate'"


def test_examine_reports_dangling_reference(healthy: Delivering, database: Path) -> None:
    change(database, "INSERT INTO guests VALUES ('nobody-s', 0, 'Gil', NULL, NULL, 'UTC')")

    (line,) = list_findings(healthy, offline=True)

    assert re.match(r"database: row \d+ of guests refers to a row of meetings that is not there", line)


def test_examine_reports_damaged_file(healthy: Delivering, database: Path) -> None:
    healthy.programme.context.store.close()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'ix_people_programme_id_email_key'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)

    found = [line for line in list_findings(healthy, offline=True) if line.startswith("database: ")]

    assert found
    assert all("restore a backup" in line for line in found)


def test_examine_one_programme_leaves_out_others(healthy: Delivering) -> None:
    healthy.app.delete(healthy.row.uid)

    assert len(list_findings(healthy, given="Women in Science")) == 1
    with pytest.raises(NotFound):
        list_findings(healthy, given="Another one")


def test_examine_ignores_changes_made_meanwhile(healthy: Delivering) -> None:
    context, programme = healthy.programme.context, healthy.programme
    changing = _ChangesMeanwhile(context.calendars, lambda: cancel_meeting(context, programme.id, healthy.meeting_id))
    healthy.app.edit(healthy.row.uid, _an_hour_later)

    assert list(examine(replace(context, calendars=changing), Examined())) == []


class _ChangesMeanwhile:
    """A calendar server during whose answer the meeting is changed."""

    def __init__(self, calendars: Any, meanwhile: Callable[[], object]) -> None:
        self._calendars = calendars
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calendars, name)

    def read_object(self, *asked: Any) -> bytes | None:
        held: bytes | None = self._calendars.read_object(*asked)
        self._meanwhile()
        return held


def run(database: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "SCHEDULER_DATABASE_URL": f"sqlite:///{database}",
        "SCHEDULER_SECRET_KEY": "a secret key for tests, long enough to be one",
        "SCHEDULER_ALLOWED_NETWORKS": "127.0.0.0/8",
    }
    return forks.run(("doctor", *arguments), environment, database.parent)


def test_doctor_command_ends_with_status_0_or_1(healthy: Delivering, database: Path) -> None:
    well = run(database)
    healthy.app.edit(healthy.row.uid, _renamed)
    ill = run(database, "--programme", "Women in Science")

    assert (well.returncode, well.stdout) == (0, "")
    assert "examined 1 meetings, 1 feeds" in well.stderr
    assert ill.returncode == 1
    assert ill.stdout.count("\n") == 1
    assert healthy.meeting_id in ill.stdout
    for secret in ("Dentist", "Greta", "hunter2", TOKEN):
        assert secret not in ill.stdout + ill.stderr


def test_doctor_command_reports_unmigrated_database(tmp_path: Path) -> None:
    result = run(tmp_path / "new.db")

    assert result.returncode == 1
    assert result.stdout == f"database: there is no database at {tmp_path / 'new.db'}; run 'scheduler migrate' first\n"
