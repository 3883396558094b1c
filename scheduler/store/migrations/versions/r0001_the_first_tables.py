"""The first tables: programmes, people and what they connect, mentorships, meetings, deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NEWEST_LAST = (
    "programmes",
    "api_keys",
    "people",
    "blackouts",
    "calendars",
    "feeds",
    "mentorships",
    "meetings",
    "occurrences",
    "guests",
    "deliveries",
)


def upgrade() -> None:
    """Makes every table, each after those it refers to."""
    _programmes()
    _people()
    _blackouts()
    _calendars()
    _feeds()
    _mentorships()
    _meetings()
    _occurrences()
    _deliveries()


def downgrade() -> None:
    """Drops every table, each before those it refers to."""
    for table in reversed(_NEWEST_LAST):
        op.drop_table(table)


def _programmes() -> None:
    op.create_table("programmes", *_identified("programmes"), _text("name"), _instant("created_at"))
    op.create_table(
        "api_keys",
        *_identified("api_keys"),
        *_reference("api_keys", "programme_id", "programmes.id"),
        sa.Column("prefix", sa.String(32), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        _instant("created_at"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )


def _people() -> None:
    op.create_table(
        "people",
        *_identified("people"),
        *_reference("people", "programme_id", "programmes.id"),
        _text("name"),
        _text("email", nullable=True),
        _text("email_key", nullable=True),
        _zone(),
        _text("working_hours"),
        _number("buffer_before"),
        _number("buffer_after"),
        _instant("created_at"),
        _instant("changed_at"),
        _number("calendar_revision"),
        _instant("calendar_changed_at"),
        _instant("erased_at", nullable=True),
    )
    _index("people", "programme_id", "email_key")


def _blackouts() -> None:
    op.create_table(
        "blackouts",
        *_identified("blackouts"),
        *_reference("blackouts", "programme_id", "programmes.id"),
        *_reference("blackouts", "person_id", "people.id"),
        _choice("kind"),
        _text("title"),
        _flag("firm"),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        _instant("start_at", nullable=True),
        _instant("end_at", nullable=True),
        _text("rrule", nullable=True),
        _zone(nullable=True),
    )
    _index("blackouts", "person_id")


def _calendars() -> None:
    op.create_table(
        "calendars",
        *_identified("calendars"),
        *_reference("calendars", "programme_id", "programmes.id"),
        *_reference("calendars", "person_id", "people.id"),
        _text("url"),
        _text("username"),
        _text("password_token"),
        _flag("publish"),
        sa.Column("busy", sa.LargeBinary(), nullable=False),
        _instant("read_at", nullable=True),
        _text("failure", nullable=True),
        _instant("read_due_at"),
        _instant("created_at"),
    )
    _index("calendars", "person_id")
    _index("calendars", "read_due_at")


def _feeds() -> None:
    op.create_table(
        "feeds",
        *_identified("feeds"),
        *_reference("feeds", "programme_id", "programmes.id"),
        *_reference("feeds", "person_id", "people.id"),
        _choice("show"),
        sa.Column("digest", sa.String(64), nullable=False),
        _instant("created_at"),
        _instant("revoked_at", nullable=True),
        _text("rendered_key", nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        _text("etag", nullable=True),
        _instant("last_modified", nullable=True),
        sa.UniqueConstraint("digest", name="uq_feeds_digest"),
    )
    _index("feeds", "person_id")


def _mentorships() -> None:
    op.create_table(
        "mentorships",
        *_identified("mentorships"),
        *_reference("mentorships", "programme_id", "programmes.id"),
        *_reference("mentorships", "mentor_id", "people.id"),
        *_reference("mentorships", "mentee_id", "people.id"),
        _text("goals"),
        _text("expectations"),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        _choice("status"),
        _instant("created_at"),
    )
    for column in ("programme_id", "mentor_id", "mentee_id"):
        _index("mentorships", column)


def _meetings() -> None:
    op.create_table(
        "meetings",
        *_identified("meetings"),
        *_reference("meetings", "programme_id", "programmes.id"),
        *_reference("meetings", "mentorship_id", "mentorships.id"),
        *_reference("meetings", "mentor_id", "people.id"),
        *_reference("meetings", "mentee_id", "people.id"),
        _text("uid"),
        _text("title", nullable=True),
        _text("conference_url", nullable=True),
        sa.Column("dtstart", sa.String(32), nullable=False),
        _number("dtstart_fold"),
        _zone(),
        _text("rrule", nullable=True),
        _number("duration"),
        _choice("status"),
        _number("sequence"),
        _number("revision"),
        _instant("created_at"),
        _instant("changed_at"),
        sa.Column("tz_database", sa.String(16), nullable=False),
        sa.UniqueConstraint("uid", name="uq_meetings_uid"),
    )
    for column in ("mentorship_id", "mentor_id", "mentee_id"):
        _index("meetings", column)


def _occurrences() -> None:
    op.create_table(
        "occurrences",
        *_reference("occurrences", "meeting_id", "meetings.id"),
        sa.Column("recurrence_id", sa.String(32), nullable=False),
        _number("recurrence_id_fold"),
        _instant("start_at"),
        _instant("end_at"),
        _choice("status"),
        sa.Column("moved_to", sa.String(32), nullable=True),
        _number("moved_to_fold"),
        _flag("detached"),
        sa.PrimaryKeyConstraint("meeting_id", "recurrence_id", name="pk_occurrences"),
    )
    op.create_table(
        "guests",
        *_reference("guests", "meeting_id", "meetings.id"),
        _number("position"),
        _text("name"),
        _text("email", nullable=True),
        _text("email_key", nullable=True),
        _zone(),
        sa.PrimaryKeyConstraint("meeting_id", "position", name="pk_guests"),
    )
    _index("guests", "email_key")


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        *_identified("deliveries"),
        *_reference("deliveries", "programme_id", "programmes.id"),
        *_reference("deliveries", "meeting_id", "meetings.id"),
        *_reference("deliveries", "calendar_id", "calendars.id"),
        _text("uid"),
        _choice("state"),
        _number("wanted_revision"),
        sa.Column("delivered_revision", sa.Integer(), nullable=True),
        _text("etag", nullable=True),
        _number("attempts"),
        _instant("since"),
        _instant("due_at", nullable=True),
        sa.Column("lease", sa.String(36), nullable=True),
        _text("reason", nullable=True),
        _instant("delivered_at", nullable=True),
        sa.UniqueConstraint("calendar_id", "uid", name="uq_deliveries_calendar_id_uid"),
    )
    _index("deliveries", "meeting_id")
    _index("deliveries", "due_at")


def _identified(table: str) -> tuple[sa.Column[str], sa.PrimaryKeyConstraint]:
    return sa.Column("id", sa.String(36), nullable=False), sa.PrimaryKeyConstraint("id", name=f"pk_{table}")


def _reference(table: str, name: str, target: str) -> tuple[sa.Column[str], sa.ForeignKeyConstraint]:
    constraint = sa.ForeignKeyConstraint([name], [target], name=f"fk_{table}_{name}")
    return sa.Column(name, sa.String(36), nullable=False), constraint


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _zone(*, nullable: bool = False) -> sa.Column[str]:
    return sa.Column("time_zone", sa.String(64), nullable=nullable)


def _choice(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(16), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, autoincrement=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)
