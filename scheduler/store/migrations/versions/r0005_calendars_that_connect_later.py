"""Calendars that connect later: the state of each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every calendar is connected, because no other was stored."""
    op.add_column("calendars", sa.Column("state", sa.String(16), nullable=False, server_default="connected"))


def downgrade() -> None:
    """Deletes calendars that never connected, which would make their people unknown; nothing was sent to them."""
    op.execute("DELETE FROM calendars WHERE state <> 'connected'")
    op.drop_column("calendars", "state")
