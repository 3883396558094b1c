"""``scheduler serve``, ``work`` and ``migrate``: the service's processes and its database."""

from __future__ import annotations

import click

from scheduler.app import create_service, read_settings
from scheduler.cli.opening import open_context
from scheduler.config import Settings
from scheduler.services.meetings import rederive_meetings
from scheduler.services.ports import Context
from scheduler.serving import serve as serve_app
from scheduler.serving import work as run_worker
from scheduler.web.http.metrics import start_metrics


@click.command()
@click.option("--host", help="address to listen on [SCHEDULER_HOST]")
@click.option("--port", type=click.IntRange(0, 65535), help="port to listen on; 0 takes a free one [SCHEDULER_PORT]")
@click.option("--migrate-sqlite", is_flag=True, help="first do what 'migrate' does, if the database is SQLite")
def serve(host: str | None, port: int | None, *, migrate_sqlite: bool) -> None:
    """Serve the API and the feeds, with a worker, in one process."""
    settings, context = _open(migrate_sqlite=migrate_sqlite)
    app = create_service(settings, context)
    start_metrics(context, settings.metrics_host, settings.metrics_port)
    chosen = settings.port if port is None else port
    serve_app(app, context, host or settings.host, chosen, settings.threads, is_proxied=settings.trusted_proxies > 0)


@click.command()
def work() -> None:
    """Run a separate worker, which makes deliveries and reads connected calendars."""
    settings, context = _open()
    start_metrics(context, settings.metrics_host, settings.metrics_port)
    run_worker(context)


@click.command()
def migrate() -> None:
    """Bring the database to this version.

    If the tz database has changed, the UTC times of all series are derived again, and those that moved are printed.
    """
    _migrate(open_context(read_settings()))


def _open(*, migrate_sqlite: bool = False) -> tuple[Settings, Context]:
    settings = read_settings()
    settings.require_own_secret_key()
    context = open_context(settings)
    if migrate_sqlite and context.store.is_sqlite:
        _migrate(context)
    context.store.check_schema()
    return settings, context


def _migrate(context: Context) -> None:
    context.store.migrate()
    click.echo(f"migrated {context.store.name}", err=True)
    for meeting_id, moved in rederive_meetings(context):
        for occurrence in moved:
            start = f"{occurrence.period.start:%Y-%m-%dT%H:%MZ}"
            click.echo(f"meeting {meeting_id}: {occurrence.start.wall:%Y-%m-%d %H:%M} is now {start}", err=True)
