"""The tables as the code sees them; how a database comes to have them is in ``migrations``.

Instants are UTC, wall times ISO text beside their zone, lengths whole minutes. Every row that
belongs to a programme names it, so that no query needs to trust an id.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from scheduler.domain.availability.attendees import BlackoutKind
from scheduler.domain.programme.meetings import MeetingStatus, OccurrenceStatus
from scheduler.domain.programme.mentorships import MentorshipStatus
from scheduler.domain.programme.outbox import DeliveryState, Policy
from scheduler.domain.programme.people import Show
from scheduler.store.types import ChoiceOf, Identifier, Json, PeriodsBlob, Stays, UTCDateTime, WallTime

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

ID = Identifier
DIGEST = String(64)
ZONE = String(64)


def _id() -> Column[str]:
    return Column("id", ID, primary_key=True)


def _of(name: str, target: str) -> Column[str]:
    return Column(name, ID, ForeignKey(target), nullable=False)


def _programme() -> Column[str]:
    return _of("programme_id", "programmes.id")


programmes = Table(
    "programmes",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    _id(),
    _programme(),
    Column("prefix", String(32), nullable=False),
    Column("digest", DIGEST, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("scopes", Json, nullable=False, server_default='["admin"]'),
    Column("expires_at", UTCDateTime, nullable=True),
    Column("last_used_at", UTCDateTime, nullable=True),
    UniqueConstraint("digest"),
    Index(None, "programme_id"),
)

answers = Table(
    "answers",
    metadata,
    Column("programme_id", ID, ForeignKey("programmes.id"), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", DIGEST, nullable=False),
    Column("answer", Text, nullable=False),  # encrypted: it may hold a token
    Column("created_at", UTCDateTime, nullable=False),
    Index(None, "created_at"),
)

people = Table(
    "people",
    metadata,
    _id(),
    _programme(),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=True),
    Column("email_key", Text, nullable=True),  # case-folded as Python does it, which SQL's lower() is not
    Column("time_zone", ZONE, nullable=False),
    Column("working_hours", Json, nullable=False),
    Column("buffer_before", Integer, nullable=False),
    Column("buffer_after", Integer, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("changed_at", UTCDateTime, nullable=False),
    Column("calendar_revision", Integer, nullable=False),
    Column("calendar_changed_at", UTCDateTime, nullable=False),
    Column("erased_at", UTCDateTime, nullable=True),
    Column("preferred_hours", Json, nullable=False, server_default="null"),
    Column("travel", Stays, nullable=False, server_default="[]"),
    Column("at_most_per_day", Integer, nullable=True),
    Column("at_most_per_week", Integer, nullable=True),
    Column("availability_version", ID, nullable=False, server_default=""),  # another one after each change
    Index(None, "programme_id", "email_key"),
)

blackouts = Table(
    "blackouts",
    metadata,
    _id(),
    _programme(),
    _of("person_id", "people.id"),
    Column("kind", ChoiceOf(BlackoutKind), nullable=False),
    Column("title", Text, nullable=False),
    Column("firm", Boolean, nullable=False),
    Column("first_day", Date, nullable=True),
    Column("last_day", Date, nullable=True),
    Column("start_at", UTCDateTime, nullable=True),
    Column("end_at", UTCDateTime, nullable=True),
    Column("rrule", Text, nullable=True),
    Column("time_zone", ZONE, nullable=True),
    Index(None, "person_id"),
)

calendars = Table(
    "calendars",
    metadata,
    _id(),
    _programme(),
    _of("person_id", "people.id"),
    Column("url", Text, nullable=False),
    Column("username", Text, nullable=False),
    Column("password_token", Text, nullable=False),
    Column("publish", Boolean, nullable=False),
    Column("busy", PeriodsBlob, nullable=False),
    Column("read_at", UTCDateTime, nullable=True),
    Column("failure", Text, nullable=True),
    Column("read_due_at", UTCDateTime, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("auto_schedule", Boolean, nullable=False, server_default=false()),  # RFC 6638 §2
    Index(None, "person_id"),
    Index(None, "read_due_at"),
)

feeds = Table(
    "feeds",
    metadata,
    _id(),
    _programme(),
    _of("person_id", "people.id"),
    Column("show", ChoiceOf(Show), nullable=False),
    Column("digest", DIGEST, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("revoked_at", UTCDateTime, nullable=True),
    Column("rendered_key", Text, nullable=True),
    Column("body", LargeBinary, nullable=True),
    Column("etag", Text, nullable=True),
    Column("last_modified", UTCDateTime, nullable=True),
    Column("previous_digest", DIGEST, nullable=True),
    Column("previous_until", UTCDateTime, nullable=True),
    Column("gzipped_body", LargeBinary, nullable=True),
    UniqueConstraint("digest"),
    Index(None, "previous_digest", unique=True),
    Index(None, "person_id"),
)

mentorships = Table(
    "mentorships",
    metadata,
    _id(),
    _programme(),
    _of("mentor_id", "people.id"),
    _of("mentee_id", "people.id"),
    Column("goals", Json, nullable=False),
    Column("expectations", Text, nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date, nullable=False),
    Column("status", ChoiceOf(MentorshipStatus), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Index(None, "programme_id"),
    Index(None, "mentor_id"),
    Index(None, "mentee_id"),
)

meetings = Table(
    "meetings",
    metadata,
    _id(),
    _programme(),
    _of("mentorship_id", "mentorships.id"),
    _of("mentor_id", "people.id"),
    _of("mentee_id", "people.id"),
    Column("uid", Text, nullable=False),
    Column("title", Text, nullable=True),
    Column("conference_url", Text, nullable=True),
    Column("dtstart", WallTime, nullable=False),
    Column("dtstart_fold", Integer, nullable=False),
    Column("time_zone", ZONE, nullable=False),
    Column("rrule", Text, nullable=True),
    Column("duration", Integer, nullable=False),
    Column("status", ChoiceOf(MeetingStatus), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("changed_at", UTCDateTime, nullable=False),
    Column("tz_database", String(16), nullable=False),
    Column("disconnected_sequence", Integer, nullable=True),  # the highest in calendars that were disconnected
    UniqueConstraint("uid"),
    Index(None, "mentorship_id"),
    Index(None, "mentor_id"),
    Index(None, "mentee_id"),
)

occurrences = Table(
    "occurrences",
    metadata,
    Column("meeting_id", ID, ForeignKey("meetings.id"), primary_key=True),
    Column("recurrence_id", WallTime, primary_key=True),
    Column("recurrence_id_fold", Integer, nullable=False),
    Column("start_at", UTCDateTime, nullable=False),
    Column("end_at", UTCDateTime, nullable=False),
    Column("status", ChoiceOf(OccurrenceStatus), nullable=False),
    Column("moved_to", WallTime, nullable=True),
    Column("moved_to_fold", Integer, nullable=False),
    Column("detached", Boolean, nullable=False),
)

guests = Table(
    "guests",
    metadata,
    Column("meeting_id", ID, ForeignKey("meetings.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=True),
    Column("email_key", Text, nullable=True),
    Column("time_zone", ZONE, nullable=False),
    Index(None, "email_key"),
)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    _programme(),
    Column("meeting_id", ID, ForeignKey("meetings.id"), nullable=True),
    Column("target_kind", String(16), nullable=False),
    Column("target_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("position", Integer, nullable=False),  # the order under a key; 0 where there is one row under it
    Column("policy", ChoiceOf(Policy), nullable=False),
    Column("payload", Json, nullable=False),  # null: rendered when it is sent
    Column("state", ChoiceOf(DeliveryState), nullable=False),
    Column("wanted_revision", Integer, nullable=False),
    Column("delivered_revision", Integer, nullable=True),
    Column("etag", Text, nullable=True),  # kept for the first release, which needs it after a downgrade
    Column("sequence", Integer, nullable=True),
    Column("attempts", Integer, nullable=False),
    Column("since", UTCDateTime, nullable=False),
    Column("due_at", UTCDateTime, nullable=True),  # leased: when the lease ends; null: it has ended
    Column("not_after", UTCDateTime, nullable=True),
    Column("lease", ID, nullable=True),
    Column("reason", Text, nullable=True),
    Column("delivered_at", UTCDateTime, nullable=True),
    UniqueConstraint("target_kind", "target_id", "key", "position"),
    Index(None, "meeting_id"),
    Index(None, "due_at"),
)
