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
    Identity,
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
from sqlalchemy.schema import SchemaItem

from scheduler.domain.availability.attendees import BlackoutKind
from scheduler.domain.programme.conflicts import Resolution
from scheduler.domain.programme.meetings import MeetingStatus, OccurrenceStatus
from scheduler.domain.programme.mentorships import MentorshipStatus, WhenBlocked
from scheduler.domain.programme.outbox import DeliveryState, Policy
from scheduler.domain.programme.people import CalendarState, Show
from scheduler.store.conflicts_before import BEFORE
from scheduler.store.plan_terms import TERMS
from scheduler.store.types import (
    HOURS,
    MOVES,
    OBSTACLES,
    SCOPES,
    ChoiceOf,
    Identifier,
    Json,
    PeriodsBlob,
    UTCDateTime,
    WallTime,
)

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


def _of_programme(name: str, *items: SchemaItem) -> Table:
    """A table of things that have an id and belong to a programme."""
    programme_id = Column("programme_id", ID, ForeignKey("programmes.id"), nullable=False)
    return Table(name, metadata, Column("id", ID, primary_key=True), programme_id, *items)


def _reference(name: str, target: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, ID, ForeignKey(target), nullable=nullable, index=True)


programmes = Table(
    "programmes",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
)

api_keys = _of_programme(
    "api_keys",
    Column("prefix", String(32), nullable=False),
    Column("digest", DIGEST, nullable=False, unique=True),
    Column("created_at", UTCDateTime, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("scopes", SCOPES, nullable=False, server_default='["admin"]'),
    Column("expires_at", UTCDateTime, nullable=True),
    Column("last_used_at", UTCDateTime, nullable=True),
    Index(None, "programme_id"),
)

answers = Table(
    "answers",
    metadata,
    Column("programme_id", ID, ForeignKey("programmes.id"), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", DIGEST, nullable=False),
    Column("answer", Text, nullable=False),  # encrypted: it may hold a token
    Column("created_at", UTCDateTime, nullable=False, index=True),
)

people = _of_programme(
    "people",
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=True),
    Column("email_key", Text, nullable=True),  # case-folded as Python does it, which SQL's lower() is not
    Column("time_zone", ZONE, nullable=False),
    Column("working_hours", HOURS, nullable=False),
    Column("buffer_before", Integer, nullable=False),
    Column("buffer_after", Integer, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("changed_at", UTCDateTime, nullable=False),
    Column("calendar_revision", Integer, nullable=False),
    Column("calendar_changed_at", UTCDateTime, nullable=False),
    Column("erased_at", UTCDateTime, nullable=True),
    Column("preferred_hours", HOURS, nullable=False, server_default="null"),
    Column("travel", MOVES, nullable=False, server_default="[]"),
    Column("at_most_per_day", Integer, nullable=True),
    Column("at_most_per_week", Integer, nullable=True),
    Column("availability_version", ID, nullable=False, server_default=""),  # another one after each change
    Column("check_due_at", UTCDateTime, nullable=True, index=True),  # since when their meetings are to be checked
    Index(None, "programme_id", "email_key"),
)

blackouts = _of_programme(
    "blackouts",
    _reference("person_id", "people.id"),
    Column("kind", ChoiceOf(BlackoutKind), nullable=False),
    Column("title", Text, nullable=False),
    Column("firm", Boolean, nullable=False),
    Column("first_day", Date, nullable=True),
    Column("last_day", Date, nullable=True),
    Column("start_at", UTCDateTime, nullable=True),
    Column("end_at", UTCDateTime, nullable=True),
    Column("rrule", Text, nullable=True),
    Column("time_zone", ZONE, nullable=True),
)

calendars = _of_programme(
    "calendars",
    _reference("person_id", "people.id"),
    Column("url", Text, nullable=False),
    Column("username", Text, nullable=False),
    Column("password_token", Text, nullable=False),
    Column("publish", Boolean, nullable=False),
    Column("busy", PeriodsBlob, nullable=False),
    Column("read_at", UTCDateTime, nullable=True),
    Column("failure", Text, nullable=True),
    Column("read_due_at", UTCDateTime, nullable=False, index=True),
    Column("created_at", UTCDateTime, nullable=False),  # once connected: when that was
    Column("auto_schedule", Boolean, nullable=False, server_default=false()),  # RFC 6638 §2
    Column("origin", Text, nullable=False, server_default="", index=True),  # of its URL
    Column("state", ChoiceOf(CalendarState), nullable=False, server_default=CalendarState.CONNECTED.value),
)

feeds = _of_programme(
    "feeds",
    _reference("person_id", "people.id"),
    Column("show", ChoiceOf(Show), nullable=False),
    Column("digest", DIGEST, nullable=False, unique=True),
    Column("created_at", UTCDateTime, nullable=False),
    Column("revoked_at", UTCDateTime, nullable=True),
    Column("rendered_key", Text, nullable=True),
    Column("body", LargeBinary, nullable=True),
    Column("etag", Text, nullable=True),
    Column("last_modified", UTCDateTime, nullable=True),
    Column("previous_digest", DIGEST, nullable=True, index=True, unique=True),
    Column("previous_until", UTCDateTime, nullable=True),
    Column("gzipped_body", LargeBinary, nullable=True),
)

mentorships = _of_programme(
    "mentorships",
    _reference("mentor_id", "people.id"),
    _reference("mentee_id", "people.id"),
    Column("goals", Json(decode=tuple), nullable=False),
    Column("expectations", Text, nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date, nullable=False),
    Column("status", ChoiceOf(MentorshipStatus), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("when_blocked", ChoiceOf(WhenBlocked), nullable=False, server_default=WhenBlocked.ASK.value),
    Index(None, "programme_id"),
)

meetings = _of_programme(
    "meetings",
    _reference("mentorship_id", "mentorships.id"),
    _reference("mentor_id", "people.id"),
    _reference("mentee_id", "people.id"),
    Column("uid", Text, nullable=False, unique=True),
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
    Column("terms", TERMS, nullable=False, server_default="null"),  # null: the default ones
    Column("replaces", ID, nullable=True),  # the series in whose place it was booked
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
    Column("to_be_moved", Text, nullable=True),
)

conflicts = Table(
    "conflicts",
    metadata,
    Column("meeting_id", ID, ForeignKey("meetings.id"), primary_key=True),
    Column("recurrence_id", WallTime, primary_key=True),
    Column("recurrence_id_fold", Integer, nullable=False),
    Column("programme_id", ID, ForeignKey("programmes.id"), nullable=False, index=True),
    Column("start_at", UTCDateTime, nullable=False),
    Column("end_at", UTCDateTime, nullable=False),
    Column("obstacles", OBSTACLES, nullable=False),
    Column("resolution", ChoiceOf(Resolution), nullable=False),
    Column("changed_at", UTCDateTime, nullable=False),
    Column("moved_start_at", UTCDateTime, nullable=True),
    Column("moved_end_at", UTCDateTime, nullable=True),
    Column("former", UTCDateTime, nullable=True),
    Column("returns", Boolean, nullable=False),
    Column("before", BEFORE, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("position", Integer, Identity(), primary_key=True),
    Column("programme_id", ID, ForeignKey("programmes.id"), nullable=False),
    Column("type", String(40), nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("person_id", ID, nullable=True),
    Column("mentorship_id", ID, nullable=True),
    Column("meeting_id", ID, nullable=True, index=True),
    Column("recurrence_id", WallTime, nullable=True),
    Column("details", Json, nullable=False),
    Index(None, "programme_id", "position"),
)

guests = Table(
    "guests",
    metadata,
    Column("meeting_id", ID, ForeignKey("meetings.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=True),
    Column("email_key", Text, nullable=True, index=True),
    Column("time_zone", ZONE, nullable=False),
)

servers = Table(
    "servers",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("answered_at", UTCDateTime, nullable=True),
    Column("slow_at", UTCDateTime, nullable=True),
    Column("failed_at", UTCDateTime, nullable=True),
    Column("failures", Integer, nullable=False),
    Column("paused_until", UTCDateTime, nullable=True),
)

outbox = _of_programme(
    "outbox",
    _reference("meeting_id", "meetings.id", nullable=True),
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
    Column("due_at", UTCDateTime, nullable=True, index=True),  # leased: when the lease ends; null: it has ended
    Column("not_after", UTCDateTime, nullable=True),
    Column("lease", ID, nullable=True),
    Column("reason", Text, nullable=True),
    Column("delivered_at", UTCDateTime, nullable=True),
    Column("origin", Text, nullable=False, server_default=""),  # of the server that the target is on
    UniqueConstraint("target_kind", "target_id", "key", "position"),
)
