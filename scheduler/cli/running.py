"""``scheduler serve``, ``work`` and ``migrate``: the service's processes and its database."""

from __future__ import annotations

import click

from scheduler.app import create_service
from scheduler.cli.opening import open_context, open_service, read_settings
from scheduler.services.booking import rederive_meetings
from scheduler.serving import serve as serve_app
from scheduler.serving import work as run_worker
from scheduler.web.http.metrics import start_metrics


@click.command()
@click.option("--host", help="address to listen on [SCHEDULER_HOST]")
@click.option("--port", type=click.IntRange(0, 65535), help="port to listen on; 0 takes a free one [SCHEDULER_PORT]")
def serve(host: str | None, port: int | None) -> None:
    """Serve the API and the feeds, with a worker, in one process."""
    settings, context = open_service()
    app = create_service(settings, context)
    start_metrics(context, settings.metrics_host, settings.metrics_port)
    chosen = settings.port if port is None else port
    serve_app(app, context, host or settings.host, chosen, settings.threads, is_proxied=settings.trusted_proxies > 0)


@click.command()
def work() -> None:
    """Run a separate worker: deliveries, and reading connected calendars."""
    settings, context = open_service()
    start_metrics(context, settings.metrics_host, settings.metrics_port)
    run_worker(context)


@click.command()
def migrate() -> None:
    """Bring the database to this version, and derive series again if the tz database has changed."""
    context = open_context(read_settings())
    context.store.migrate()
    click.echo(f"migrated {context.store.name}", err=True)
    for meeting_id, moved in rederive_meetings(context):
        for occurrence in moved:
            start = f"{occurrence.period.start:%Y-%m-%dT%H:%MZ}"
            click.echo(f"meeting {meeting_id}: {occurrence.start.wall:%Y-%m-%d %H:%M} is now {start}", err=True)
