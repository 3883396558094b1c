"""``scheduler secrets``: changes the secret key of a running service."""

from __future__ import annotations

import click

from scheduler.cli.opening import open_service
from scheduler.errors import SchedulerError


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
