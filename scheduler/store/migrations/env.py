"""Runs the migrations on the connection that ``scheduler.store.schema`` hands over.

They get no metadata: a migration must mean the same whatever the tables have become since.
"""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
