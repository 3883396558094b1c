"""How commands begin: with the settings, and a context that is closed when the command ends."""

from __future__ import annotations

import click

from scheduler.app import create_context, read_settings
from scheduler.config import Settings
from scheduler.services.ports import Context


def open_context(settings: Settings) -> Context:
    """Return a context whose connections are closed when the command ends."""
    context = create_context(settings)
    click.get_current_context().call_on_close(context.store.close)
    return context


def open_service(*, opens_secrets: bool = True) -> tuple[Settings, Context]:
    """Return the settings, and a context whose database is at this version.

    Raises BadSettings, NotMigrated, NewerDatabase, and PublicSecretKey if the command encrypts or decrypts secrets.
    """
    settings = read_settings()
    if opens_secrets:
        settings.require_own_secret_key()
    context = open_context(settings)
    context.store.check_schema()
    return settings, context
