"""``scheduler doctor``: compares the database, the feeds and people's calendars."""

from __future__ import annotations

import time

import click

from scheduler.cli.opening import open_context

PROGRESS_SECONDS = 2.0
"""Seconds between two lines of progress."""


@click.command()
@click.option("--programme", help="id or name of the only programme to examine")
@click.option("--offline", is_flag=True, help="contact no calendar server")
def doctor(programme: str | None, offline: bool) -> None:
    """Compare the database, the feeds and people's calendars, and list what differs.

    Prints a line for each difference, with a remedy. Changes nothing, and may run beside the service. Exit status 1 if
    anything differs or can't be known.
    """
    from scheduler.services.doctor import Examined, examine

    _, context = open_context()
    examined, findings = Examined(), 0
    for finding in examine(context, examined, programme, offline=offline, progress=_Progress()):
        click.echo(finding)
        findings += 1
    asked = "no calendar" if offline else f"{examined.events} events in {examined.calendars} calendars"
    click.echo(f"examined {examined.meetings} meetings, {examined.feeds} feeds, {asked}: {findings} findings", err=True)
    if findings:
        raise SystemExit(1)


class _Progress:
    """Prints on stderr what is being examined, at most every PROGRESS_SECONDS."""

    def __init__(self) -> None:
        self._next = time.monotonic() + PROGRESS_SECONDS

    def __call__(self, words: str) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PROGRESS_SECONDS
            click.echo(f"looking at {words}", err=True)
