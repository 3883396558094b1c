"""How commands begin: with the settings, a context that is closed when the command ends, and a migrated database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from scheduler.config.settings import Settings
    from scheduler.services.ports import Context


def open_context() -> tuple[Settings, Context]:
    """Return the settings, and a context whose connections are closed when the command ends. Raises BadSettings."""
    from scheduler.app import create_context, read_settings

    settings = read_settings()
    context = create_context(settings)
    click.get_current_context().call_on_close(context.store.close)
    return settings, context


def open_service(
    *, opens_secrets: bool = True, serves: bool = False, migrates_sqlite: bool = False
) -> tuple[Settings, Context]:
    """Return the settings, and a context whose database is at this version.

    Raises BadSettings, NotMigrated, NewerDatabase, PublicSecretKey if the command encrypts or decrypts secrets, and
    NoPublicUrl if it ``serves`` feeds.
    """
    settings, context = open_context()
    if opens_secrets:
        settings.require_own_secret_key()
    if serves:
        settings.require_public_url()
    if migrates_sqlite and context.store.is_sqlite:
        migrate_database(context)
    context.store.check_schema()
    return settings, context


def open_programme(programme: str) -> tuple[Context, str]:
    """Return a context, and the id of the programme with that id or name. Raises NotFound, SeveralFit."""
    from scheduler.services.programmes import find_programme

    _, context = open_service(opens_secrets=False)
    return context, find_programme(context, programme)


def migrate_database(context: Context) -> None:
    """Bring the database to this version, and print the occurrences that a new tz database moves."""
    from scheduler.services.meetings import rederive_meetings

    context.store.migrate()
    click.echo(f"migrated {context.store.name}", err=True)
    for meeting_id, moved in rederive_meetings(context):
        for occurrence in moved:
            start = f"{occurrence.period.start:%Y-%m-%dT%H:%MZ}"
            click.echo(f"meeting {meeting_id}: {occurrence.start.wall:%Y-%m-%d %H:%M} is now {start}", err=True)
