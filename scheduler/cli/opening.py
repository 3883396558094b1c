"""What commands begin with: the settings, and a context around the database that closes when the command ends."""

from __future__ import annotations

import click

from scheduler.app import create_context
from scheduler.config import Settings, load_settings
from scheduler.errors import SchedulerError
from scheduler.logs import configure_logs
from scheduler.services.ports import Context


class NotMigrated(SchedulerError):
    """The database is older than the code."""

    def __init__(self) -> None:
        super().__init__("the database is not at this version; run 'scheduler migrate' first")


def read_settings() -> Settings:
    """The settings; logs go where they say from now on. Raises BadSettings."""
    settings = load_settings()
    configure_logs(settings.log_format)
    return settings


def open_context(settings: Settings) -> Context:
    """A context whose connections are closed when the command ends."""
    context = create_context(settings)
    click.get_current_context().call_on_close(context.store.close)
    return context


def open_service(*, opens_secrets: bool = True) -> tuple[Settings, Context]:
    """Settings, and a context whose database is at this version.

    Raises BadSettings, NotMigrated, and PublicSecretKey unless told that nothing encrypted is opened or made.
    """
    settings = read_settings()
    if opens_secrets:
        settings.require_own_secret_key()
    context = open_context(settings)
    if not context.store.is_migrated():
        raise NotMigrated
    return settings, context
