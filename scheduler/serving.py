"""``scheduler serve`` and ``work``: run until SIGTERM or Ctrl-C, then finish the requests and the delivery in hand."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType

import structlog
from flask import Flask
from waitress import create_server

from scheduler.errors import SchedulerError
from scheduler.services.calendar_checks import PLACES
from scheduler.services.delivering import Deliveries
from scheduler.services.ports import Context
from scheduler.services.reading import Readings
from scheduler.worker import Worker

log = structlog.get_logger(__name__)


CONNECTIONS = 4000
"""The most connections open at a time; with fewer, slow clients would keep out all others."""


class CannotListen(SchedulerError):
    """The address is in use, or does not belong to this machine."""

    def __init__(self, host: str, port: int, error: Exception) -> None:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        super().__init__(f"can't listen on {host}:{port} ({reason}); choose another with --host and --port")


class Stopped(SystemExit):
    """SIGTERM or Ctrl-C was received. Only a SystemExit leaves the server's loop."""


def serve(
    app: Flask,
    context: Context,
    host: str,
    port: int,
    *,
    threads: int,
    worker_threads: int,
    is_proxied: bool = False,
) -> None:
    """Serve the app, with an embedded worker, until SIGTERM or Ctrl-C. Raises CannotListen.

    The headers in which proxies name the client reach the app only with ``is_proxied``.
    """
    try:
        server = create_server(
            app,
            host=host,
            port=port,
            threads=threads + PLACES,  # so that those who wait for calendar servers take none from the others
            clear_untrusted_proxy_headers=not is_proxied,
            connection_limit=CONNECTIONS,
            asyncore_use_poll=True,  # select() takes no more than 1,024
        )
    except (OSError, ValueError) as error:
        raise CannotListen(host, port, error) from error
    worker = _create_worker(context, worker_threads)
    thread = threading.Thread(target=worker.run, name="worker")
    try:
        handle_signals(_raise_stopped)
        thread.start()
        bound = getattr(server, "effective_port", port)
        log.info("serving", address=f"http://{host}:{bound}", docs=f"http://{host}:{bound}/docs/")
        server.run()  # on Stopped it answers the requests that it has begun, and returns
    finally:
        worker.stop()  # first, because a second signal may interrupt what follows
        handle_signals(signal.SIG_IGN)  # it is stopping already
        log.info("stopping")
        server.close()
        if thread.is_alive():
            thread.join()
        context.reader.close()
        context.store.close()


def work(context: Context, threads: int) -> None:
    """Run one worker until SIGTERM or Ctrl-C; the work in hand is finished."""
    worker = _create_worker(context, threads)
    handle_signals(lambda _signal, _frame: worker.stop())
    worker.run()
    context.reader.close()
    context.store.close()


def _create_worker(context: Context, threads: int) -> Worker:
    """Return a worker that makes so many deliveries at a time, and reads a quarter as many calendars."""
    readings = Readings(context, context.reader.busy_periods)
    return Worker(context, [(Deliveries(context), threads), (readings, max(2, threads // 4))])


def handle_signals(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    """Handle SIGTERM and SIGINT with ``handler`` from now on."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)


def _raise_stopped(_signal: int, _frame: FrameType | None) -> None:
    raise Stopped
