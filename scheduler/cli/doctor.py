"""``scheduler doctor``: whether feeds and calendars show what is stored."""

from __future__ import annotations

import time

import click

from scheduler.app import read_settings
from scheduler.cli.opening import open_context
from scheduler.services.doctor import Looked, examine

EVERY = 2.0
"""Seconds between two words on how far it is."""


@click.command()
@click.option("--programme", help="look at this one alone; its id or its name")
@click.option("--offline", is_flag=True, help="ask no calendar server")
def doctor(programme: str | None, offline: bool) -> None:
    """Compare the database, the feeds and people's calendars, and list what differs.

    Prints a line for each difference, with a remedy. Changes nothing, and may run beside the service. Exit status 1 if
    anything differs or can't be known.
    """
    context = open_context(read_settings())
    looked, findings = Looked(), 0
    for finding in examine(context, looked, programme, offline=offline, progress=_Slowly()):
        click.echo(finding)
        findings += 1
    asked = "no calendar was asked" if offline else f"{looked.events} events in {looked.calendars} calendars"
    click.echo(f"looked at {looked.meetings} meetings, {looked.feeds} feeds, {asked}: {findings} findings", err=True)
    if findings:
        raise SystemExit(1)


class _Slowly:
    """Says on stderr how far it is, now and then."""

    def __init__(self) -> None:
        self._next = time.monotonic() + EVERY

    def __call__(self, words: str) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            click.echo(f"looking at {words}", err=True)
