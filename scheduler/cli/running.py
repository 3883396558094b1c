"""``scheduler serve`` and ``work``: the service's processes."""

from __future__ import annotations

import click

from scheduler.cli.opening import open_service


@click.command()
@click.option("--host", help="address to listen on [SCHEDULER_HOST]")
@click.option("--port", type=click.IntRange(0, 65535), help="port to listen on; 0 takes a free one [SCHEDULER_PORT]")
@click.option("--migrate-sqlite", is_flag=True, help="first do what 'migrate' does, if the database is SQLite")
def serve(host: str | None, port: int | None, *, migrate_sqlite: bool) -> None:
    """Serve the API and the feeds, with a worker, in one process."""
    from scheduler import serving
    from scheduler.app import create_service
    from scheduler.web.http.metrics import start_metrics

    settings, context = open_service(serves=True, migrates_sqlite=migrate_sqlite)
    app = create_service(settings, context)
    start_metrics(context, settings.metrics_host, settings.metrics_port)
    chosen = settings.port if port is None else port
    serving.serve(
        app,
        context,
        host or settings.host,
        chosen,
        threads=settings.threads,
        worker_threads=settings.worker_threads,
        is_proxied=settings.trusted_proxies > 0,
    )


@click.command()
def work() -> None:
    """Run a separate worker, which makes deliveries and reads connected calendars."""
    from scheduler import serving
    from scheduler.web.http.metrics import start_metrics

    settings, context = open_service()
    start_metrics(context, settings.metrics_host, settings.metrics_port)
    serving.work(context, settings.worker_threads)
