"""A database as the first release left it: revision 0001 of the schema with one of everything in it.

Rows are written to the tables as that revision made them, so that they stay what they were, whatever the code becomes.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

PROGRAMME, KEY = "programme", "key"
MENTOR, MENTEE, GONE = "greta", "asha", "gone"
EXAM, DENTIST = "exam", "dentist"
CALENDAR, FEED, REVOKED_FEED = "calendar", "feed", "revoked-feed"
MENTORSHIP, SERIES, SINGLE = "mentorship", "series", "single"
DELIVERED, DUE, LEASED = "delivered", "due", "leased"
NOON = datetime(2026, 10, 1, 12, 0, 0, 123456, tzinfo=UTC)
KEY_DIGEST, FEED_DIGEST = "a" * 64, "b" * 64
BUSY = b"".join(minute.to_bytes(8, "little") for minute in (29_000_000, 29_000_090, 29_000_030, 29_000_120))
"""Two half hours: the starts, then the ends, in minutes."""


def fill(connection: sa.Connection) -> None:
    """Writes one of everything into an empty database of revision 0001."""
    tables = sa.MetaData()
    tables.reflect(connection)
    for name, rows in _ROWS.items():
        table = tables.tables[name]
        empty = dict.fromkeys(table.c.keys())
        connection.execute(table.insert(), [empty | row for row in rows])


def dump(connection: sa.Connection) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of ours, as it is."""
    tables = sa.MetaData()
    tables.reflect(connection)
    return {
        name: [dict(row) for row in connection.execute(table.select().order_by(*table.primary_key.columns)).mappings()]
        for name, table in tables.tables.items()
        if name != "alembic_version"
    }


def _person(identifier: str, name: str, email: str | None, zone: str, **more: Any) -> dict[str, Any]:
    return {
        "id": identifier,
        "programme_id": PROGRAMME,
        "name": name,
        "email": email,
        "email_key": email and email.casefold(),
        "time_zone": zone,
        "working_hours": '[{"days":["MO","TU"],"start":540,"end":1020}]',
        "buffer_before": 5,
        "buffer_after": 10,
        "created_at": NOON,
        "changed_at": NOON,
        "calendar_revision": 7,
        "calendar_changed_at": NOON,
    } | more


def _meeting(identifier: str, uid: str, **more: Any) -> dict[str, Any]:
    return {
        "id": identifier,
        "programme_id": PROGRAMME,
        "mentorship_id": MENTORSHIP,
        "mentor_id": MENTOR,
        "mentee_id": MENTEE,
        "uid": uid,
        "dtstart": "2026-10-20T10:00:00",
        "dtstart_fold": 0,
        "time_zone": "Europe/Berlin",
        "duration": 45,
        "status": "confirmed",
        "sequence": 1,
        "revision": 3,
        "created_at": NOON,
        "changed_at": NOON,
        "tz_database": "2026f",
    } | more


def _occurrence(meeting: str, recurrence_id: str, start: str, status: str = "scheduled", **more: Any) -> dict[str, Any]:
    begins = datetime.fromisoformat(start)
    return {
        "meeting_id": meeting,
        "recurrence_id": recurrence_id,
        "recurrence_id_fold": 0,
        "start_at": begins,
        "end_at": begins.replace(minute=45),
        "status": status,
        "moved_to_fold": 0,
        "detached": False,
    } | more


def _delivery(identifier: str, meeting: str, uid: str, state: str, **more: Any) -> dict[str, Any]:
    return {
        "id": identifier,
        "programme_id": PROGRAMME,
        "meeting_id": meeting,
        "calendar_id": CALENDAR,
        "uid": uid,
        "state": state,
        "wanted_revision": 3,
        "attempts": 1,
        "since": NOON,
    } | more


_ROWS: dict[str, list[dict[str, Any]]] = {
    "programmes": [{"id": PROGRAMME, "name": "Women in Science", "created_at": NOON}],
    "api_keys": [
        {"id": KEY, "programme_id": PROGRAMME, "prefix": "sk_abc", "digest": KEY_DIGEST, "created_at": NOON},
    ],
    "people": [
        _person(MENTOR, "Greta", "Greta@example.org", "Europe/Berlin"),
        _person(MENTEE, "Asha 🎓", "asha@example.org", "Asia/Kolkata", working_hours="null"),
        _person(GONE, "deleted person", None, "UTC", erased_at=NOON),
    ],
    "blackouts": [
        {
            "id": EXAM,
            "programme_id": PROGRAMME,
            "person_id": MENTEE,
            "kind": "exam",
            "title": "Finals",
            "firm": True,
            "first_day": date(2026, 10, 26),
            "last_day": date(2026, 10, 30),
            "rrule": "FREQ=YEARLY",
            "time_zone": "Asia/Kolkata",
        },
        {
            "id": DENTIST,
            "programme_id": PROGRAMME,
            "person_id": MENTEE,
            "kind": "other",
            "title": "Dentist",
            "firm": False,
            "start_at": datetime(2026, 11, 2, 9, tzinfo=UTC),
            "end_at": datetime(2026, 11, 2, 11, tzinfo=UTC),
        },
    ],
    "calendars": [
        {
            "id": CALENDAR,
            "programme_id": PROGRAMME,
            "person_id": MENTOR,
            "url": "https://dav.example.org/greta/",
            "username": "greta",
            "password_token": "gAAAA-sealed",
            "publish": True,
            "busy": BUSY,
            "read_at": NOON,
            "failure": "the server answered 503",
            "read_due_at": NOON,
            "created_at": NOON,
        }
    ],
    "feeds": [
        {
            "id": FEED,
            "programme_id": PROGRAMME,
            "person_id": MENTOR,
            "show": "details",
            "digest": FEED_DIGEST,
            "created_at": NOON,
            "rendered_key": "7",
            "body": b"BEGIN:VCALENDAR\r\n",
            "etag": '"7"',
            "last_modified": NOON,
        },
        {
            "id": REVOKED_FEED,
            "programme_id": PROGRAMME,
            "person_id": MENTOR,
            "show": "free_busy",
            "digest": "c" * 64,
            "created_at": NOON,
            "revoked_at": NOON,
        },
    ],
    "mentorships": [
        {
            "id": MENTORSHIP,
            "programme_id": PROGRAMME,
            "mentor_id": MENTOR,
            "mentee_id": MENTEE,
            "goals": '["First paper","A talk"]',
            "expectations": "meet often",
            "starts_on": date(2026, 10, 5),
            "ends_on": date(2026, 11, 13),
            "status": "active",
            "created_at": NOON,
        }
    ],
    "meetings": [
        _meeting(SERIES, "series@scheduler", rrule="FREQ=WEEKLY;INTERVAL=1;BYDAY=TU;UNTIL=20261103T090000Z"),
        _meeting(SINGLE, "single@scheduler", title="A talk", dtstart="2026-10-22T10:00:00", status="cancelled"),
    ],
    "occurrences": [
        _occurrence(SERIES, "2026-10-20T10:00:00", "2026-10-20T08:00:00+00:00"),
        _occurrence(
            SERIES,
            "2026-10-27T10:00:00",
            "2026-10-28T09:00:00+00:00",
            "moved",
            moved_to="2026-10-28T10:00:00",
            detached=True,
        ),
        _occurrence(SERIES, "2026-11-03T10:00:00", "2026-11-03T09:00:00+00:00", "skipped"),
        _occurrence(SINGLE, "2026-10-22T10:00:00", "2026-10-22T08:00:00+00:00", "cancelled"),
    ],
    "guests": [
        {
            "meeting_id": SERIES,
            "position": 0,
            "name": "Gil",
            "email": "gil@example.org",
            "email_key": "gil@example.org",
            "time_zone": "UTC",
        }
    ],
    "deliveries": [
        _delivery(DELIVERED, SINGLE, "single@scheduler", "delivered", delivered_revision=3, etag='"3"'),
        _delivery(DUE, SERIES, "series@scheduler", "waiting", due_at=NOON, delivered_revision=2, etag='"2"'),
        _delivery(LEASED, SERIES, "moved@scheduler", "delivering", due_at=NOON.replace(minute=1), lease="a lease"),
    ],
}
