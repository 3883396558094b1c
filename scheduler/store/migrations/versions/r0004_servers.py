"""Servers: what workers know of each, and the origin of the server that a calendar or a row of the outbox needs."""

from __future__ import annotations

from urllib.parse import urlsplit

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Derives each calendar's origin from its URL, and each delivery's from its calendar."""
    op.create_table(
        "servers",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("slow_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("origin", name="pk_servers"),
    )
    for table in ("calendars", "outbox"):
        op.add_column(table, sa.Column("origin", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_calendars_origin", "calendars", ["origin"])
    connection = op.get_bind()
    calendars = sa.table("calendars", sa.column("id"), sa.column("url"), sa.column("origin"))
    for calendar_id, url in connection.execute(sa.select(calendars.c.id, calendars.c.url)).all():
        connection.execute(calendars.update().where(calendars.c.id == calendar_id).values(origin=_origin_of(url)))
    op.execute(
        "UPDATE outbox SET origin = (SELECT calendars.origin FROM calendars WHERE calendars.id = outbox.target_id) "
        "WHERE target_kind = 'caldav' AND target_id IN (SELECT id FROM calendars)"
    )


def downgrade() -> None:
    """Forgets what is known of servers."""
    op.drop_index("ix_calendars_origin", "calendars")
    for table in ("outbox", "calendars"):
        op.drop_column(table, "origin")
    op.drop_table("servers")


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
