"""``scheduler calendar``: what the reader of calendars makes of a file, without a database."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path

import click

from scheduler.cli.options import parse_option
from scheduler.errors import InvalidFields


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--zone", required=True, help="its owner's time zone: of all-day events, and of times without a zone")
@click.option("--start", required=True, help="read from this instant on, such as 2026-12-01T00:00:00Z")
@click.option("--end", required=True, help="read up to this instant")
@click.option("--email", "emails", multiple=True, help="an address of its owner: invitations it declined bar nothing")
@click.option("--json", "as_json", is_flag=True, help="print the answer as JSON")
def calendar(file: str, zone: str, start: str, end: str, emails: tuple[str, ...], as_json: bool) -> None:
    """Show when the owner of the iCalendar FILE (- is stdin) is busy, and what in it can't be read."""
    from scheduler.ical.busy import describe, read_busy

    since, until = _instant("--start", start), _instant("--end", end)
    if until <= since:
        raise InvalidFields.at("--end", f"{end} is not after --start {start}; give a later end")
    found = read_busy([_data(file)], since, until, zone, emails=emails)
    if as_json:
        from scheduler.web.fields.times import format_instant

        busy = [{"start": format_instant(one.start), "end": format_instant(one.end)} for one in found.busy]
        broken = [{"uid": one.uid, "dtstart": one.dtstart, "reason": one.reason} for one in found.unreadable]
        click.echo(json.dumps({"busy": busy, "unreadable": broken}))
        return
    for period in found.busy:
        click.echo(f"busy {period.start:%Y-%m-%d %H:%M} to {period.end:%Y-%m-%d %H:%M} UTC")
    for one in found.unreadable:
        click.echo(f"can't be read: {describe([one])}", err=True)


def _instant(option: str, text: str) -> datetime:
    """Return the instant that an option gives. Raises InvalidFields."""
    from scheduler.web.fields.times import Instant

    found: datetime = parse_option(option, Instant, text)
    return found


def _data(file: str) -> bytes:
    """Return the bytes of a file, or of stdin. Raises InvalidFields."""
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise InvalidFields.at("", f"{file} can't be read: {error.strerror}") from error
