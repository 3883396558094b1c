"""Keys with scopes and an end, feeds whose old token lives on for a while, who invites, and answers to repeats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds what is new; a key that there already is may do everything, as it could before."""
    op.add_column("api_keys", sa.Column("name", sa.Text(), nullable=False, server_default=""))
    op.add_column("api_keys", sa.Column("scopes", sa.Text(), nullable=False, server_default='["admin"]'))
    op.add_column("api_keys", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("api_keys", sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_api_keys_programme_id", "api_keys", ["programme_id"])
    op.add_column("feeds", sa.Column("previous_digest", sa.String(64), nullable=True))
    op.add_column("feeds", sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("feeds", sa.Column("gzipped_body", sa.LargeBinary(), nullable=True))
    op.create_index("ix_feeds_previous_digest", "feeds", ["previous_digest"], unique=True)
    op.add_column("calendars", sa.Column("auto_schedule", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("people", sa.Column("preferred_hours", sa.Text(), nullable=False, server_default="null"))
    op.add_column("people", sa.Column("travel", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("people", sa.Column("at_most_per_day", sa.Integer(), nullable=True))
    op.add_column("people", sa.Column("at_most_per_week", sa.Integer(), nullable=True))
    op.add_column("people", sa.Column("availability_version", sa.String(36), nullable=False, server_default=""))
    random = {"sqlite": "hex(randomblob(16))", "postgresql": "md5(random()::text)"}[op.get_bind().dialect.name]
    op.execute(f"UPDATE people SET availability_version = {random}")  # noqa: S608  # one of the two above
    op.create_table(
        "answers",
        sa.Column("programme_id", sa.String(36), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("programme_id", "key", name="pk_answers"),
        sa.ForeignKeyConstraint(["programme_id"], ["programmes.id"], name="fk_answers_programme_id"),
    )
    op.create_index("ix_answers_created_at", "answers", ["created_at"])


def downgrade() -> None:
    """Takes it all away; keys that were limited or had ended go with it, for they could do everything again."""
    op.execute("DELETE FROM api_keys WHERE scopes <> '[\"admin\"]' OR expires_at IS NOT NULL")
    op.drop_table("answers")
    for column in ("availability_version", "at_most_per_week", "at_most_per_day", "travel", "preferred_hours"):
        op.drop_column("people", column)
    op.drop_column("calendars", "auto_schedule")
    op.drop_index("ix_feeds_previous_digest", "feeds")
    op.drop_column("feeds", "gzipped_body")
    op.drop_column("feeds", "previous_until")
    op.drop_column("feeds", "previous_digest")
    op.drop_index("ix_api_keys_programme_id", "api_keys")
    for column in ("last_used_at", "expires_at", "scopes", "name"):
        op.drop_column("api_keys", column)
