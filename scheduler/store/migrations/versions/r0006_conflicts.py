"""Conflicts of booked occurrences, what series were planned with, and the log of changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Have everybody's booked occurrences looked at: a blackout may have been declared over them before."""
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "conflicts",
        sa.Column(
            "meeting_id", sa.String(36), sa.ForeignKey("meetings.id", name="fk_conflicts_meeting_id"), nullable=False
        ),
        sa.Column("recurrence_id", sa.String(32), nullable=False),
        sa.Column("recurrence_id_fold", sa.Integer(), nullable=False),
        sa.Column(
            "programme_id",
            sa.String(36),
            sa.ForeignKey("programmes.id", name="fk_conflicts_programme_id"),
            nullable=False,
        ),
        sa.Column("start_at", instant, nullable=False),
        sa.Column("end_at", instant, nullable=False),
        sa.Column("obstacles", sa.Text(), nullable=False),
        sa.Column("resolution", sa.String(16), nullable=False),
        sa.Column("changed_at", instant, nullable=False),
        sa.Column("moved_start_at", instant, nullable=True),
        sa.Column("moved_end_at", instant, nullable=True),
        sa.Column("former", instant, nullable=True),
        sa.Column("returns", sa.Boolean(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("meeting_id", "recurrence_id", name="pk_conflicts"),
    )
    op.create_index("ix_conflicts_programme_id", "conflicts", ["programme_id"])
    op.create_table(
        "changes",
        sa.Column("position", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column(
            "programme_id",
            sa.String(36),
            sa.ForeignKey("programmes.id", name="fk_changes_programme_id"),
            nullable=False,
        ),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=True),
        sa.Column("mentorship_id", sa.String(36), nullable=True),
        sa.Column("meeting_id", sa.String(36), nullable=True),
        sa.Column("recurrence_id", sa.String(32), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_changes"),
    )
    op.create_index("ix_changes_meeting_id", "changes", ["meeting_id"])
    op.create_index("ix_changes_programme_id_position", "changes", ["programme_id", "position"])
    op.add_column("occurrences", sa.Column("to_be_moved", sa.Text(), nullable=True))
    op.add_column("meetings", sa.Column("terms", sa.Text(), nullable=False, server_default="null"))
    op.add_column("mentorships", sa.Column("when_blocked", sa.String(16), nullable=False, server_default="ask"))
    op.add_column("people", sa.Column("check_due_at", instant, nullable=True))
    op.create_index("ix_people_check_due_at", "people", ["check_due_at"])
    op.execute("UPDATE people SET check_due_at = created_at WHERE erased_at IS NULL")


def downgrade() -> None:
    """Forgets conflicts and the log. Occurrences stay where they are."""
    op.drop_index("ix_people_check_due_at", "people")
    for table, column in (
        ("people", "check_due_at"),
        ("mentorships", "when_blocked"),
        ("meetings", "terms"),
        ("occurrences", "to_be_moved"),
    ):
        op.drop_column(table, column)
    op.drop_table("changes")
    op.drop_table("conflicts")
