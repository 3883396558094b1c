"""Which series a meeting was booked in the place of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """No meeting has replaced another one so far."""
    op.add_column("meetings", sa.Column("replaces", sa.String(36), nullable=True))


def downgrade() -> None:
    """Forgets which series replaced which. Both stay."""
    op.drop_column("meetings", "replaces")
