"""Alembic's environment and the migrations, run by ``scheduler.store.schema``."""
