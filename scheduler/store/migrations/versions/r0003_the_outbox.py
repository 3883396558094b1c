"""The outbox: deliveries to calendars become rows that have a target, a key and a policy."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COPIED = (
    "id, programme_id, meeting_id, state, wanted_revision, delivered_revision, etag, attempts, since, due_at, lease, "
    "reason, delivered_at"
)


def upgrade() -> None:
    """Moves every delivery to the outbox as it is, a leased one with its lease.

    What is stored in a calendar has at least its meeting's SEQUENCE.
    """
    op.create_table(
        "outbox",
        *_columns("outbox", sa.Column("meeting_id", sa.String(36), nullable=True)),
        sa.Column("target_kind", sa.String(16), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("policy", sa.String(16), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint(
            "target_kind", "target_id", "key", "position", name="uq_outbox_target_kind_target_id_key_position"
        ),
    )
    op.execute(
        f"INSERT INTO outbox ({_COPIED}, target_kind, target_id, key, position, policy, payload, sequence) "  # noqa: S608  # constants
        f"SELECT {_COPIED}, 'caldav', calendar_id, uid, 0, 'latest', 'null', CASE WHEN delivered_revision IS NOT NULL "
        "THEN (SELECT sequence FROM meetings WHERE meetings.id = deliveries.meeting_id) END FROM deliveries"
    )
    op.drop_table("deliveries")
    op.add_column("meetings", sa.Column("disconnected_sequence", sa.Integer(), nullable=True))
    op.create_index("ix_outbox_meeting_id", "outbox", ["meeting_id"])
    op.create_index("ix_outbox_due_at", "outbox", ["due_at"])


def downgrade() -> None:
    """Moves deliveries to calendars back; everything else that is in the outbox is lost."""
    op.create_table(
        "deliveries",
        *_columns("deliveries", sa.Column("meeting_id", sa.String(36), nullable=False)),
        sa.Column("calendar_id", sa.String(36), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["calendar_id"], ["calendars.id"], name="fk_deliveries_calendar_id"),
        sa.UniqueConstraint("calendar_id", "uid", name="uq_deliveries_calendar_id_uid"),
    )
    op.execute(
        f"INSERT INTO deliveries ({_COPIED}, calendar_id, uid) "  # noqa: S608  # constants
        f"SELECT {_COPIED}, target_id, key FROM outbox WHERE target_kind = 'caldav' AND policy = 'latest'"
    )
    op.drop_table("outbox")
    op.drop_column("meetings", "disconnected_sequence")
    op.create_index("ix_deliveries_meeting_id", "deliveries", ["meeting_id"])
    op.create_index("ix_deliveries_due_at", "deliveries", ["due_at"])


def _columns(table: str, meeting_id: sa.Column[str]) -> list[sa.schema.SchemaItem]:
    """The columns that both tables have, with their constraints."""
    return [
        sa.Column("id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.Column("programme_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(["programme_id"], ["programmes.id"], name=f"fk_{table}_programme_id"),
        meeting_id,
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"], name=f"fk_{table}_meeting_id"),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("wanted_revision", sa.Integer(), nullable=False),
        sa.Column("delivered_revision", sa.Integer(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease", sa.String(36), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
    ]
