"""``scheduler migrate``, ``backup``, ``restore``, ``doctor`` and ``secrets``: the upkeep of a database."""

from __future__ import annotations

import time
from pathlib import Path

import click

from scheduler.cli.opening import migrate_database, open_context, open_service
from scheduler.errors import SchedulerError

PROGRESS_SECONDS = 2.0
"""Seconds between two lines of progress."""


@click.command()
def migrate() -> None:
    """Bring the database to this version.

    If the tz database has changed, the UTC times of all series are derived again, and those that moved are printed.
    """
    _, context = open_context()
    migrate_database(context)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="overwrite FILE if it is there")
def backup(file: Path, force: bool) -> None:
    """Copy the database to FILE; the service may go on running.

    The calendar passwords in it are encrypted under the secret key: keep that elsewhere.
    """
    _, context = open_service()
    context.store.backup(file, overwrite=force)
    click.echo(f"backed up {context.store.name} to {file} ({file.stat().st_size:,} bytes)", err=True)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Replace the database by a backup; the service may go on running."""
    _, context = open_context()
    context.store.restore(file)
    again = "keys, feeds and people that were revoked, rotated or deleted since then are back: check them"
    click.echo(f"restored {context.store.name} from {file}; {again}, and run 'scheduler doctor'", err=True)


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


class SecretsLost(SchedulerError):
    """Some stored secrets were encrypted under a key that is not among the settings."""

    def __init__(self, lost: int) -> None:
        super().__init__(
            f"{lost} can't be decrypted under any key given: add theirs to SCHEDULER_OLD_SECRET_KEYS and run this "
            "again, or connect those calendars again"
        )


@click.group()
def secrets() -> None:
    """Change the secret key."""


@secrets.command("rotate")
def rotate() -> None:
    """Encrypt all stored secrets again under SCHEDULER_SECRET_KEY; SCHEDULER_OLD_SECRET_KEYS holds the earlier keys.

    Restart the service and its workers with both first. Afterwards the old keys can be removed.
    """
    from scheduler.services.resealing import reseal_all

    _, context = open_service()
    lost = 0
    for found in reseal_all(context):
        click.echo(f"{found.kind}: {found.renewed} encrypted anew, {found.present} were so already")
        lost += found.lost
    if lost:
        raise SecretsLost(lost)
