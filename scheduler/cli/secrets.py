"""``scheduler secrets``: changing the secret key of a running service."""

from __future__ import annotations

import click

from scheduler.cli.opening import open_service
from scheduler.errors import SchedulerError
from scheduler.services.resealing import reseal_all


class SecretsLost(SchedulerError):
    """Some of what is stored was encrypted under a key that was not given."""

    def __init__(self, lost: int) -> None:
        super().__init__(
            f"{lost} can't be decrypted under any key given: add theirs to SCHEDULER_OLD_SECRET_KEYS and do it again, "
            "or connect those calendars anew"
        )


@click.group()
def secrets() -> None:
    """Change the secret key."""


@secrets.command("rotate")
def rotate() -> None:
    """Encrypt everything anew under SCHEDULER_SECRET_KEY; the earlier keys are in SCHEDULER_OLD_SECRET_KEYS.

    Restart the service and its workers with both first. Afterwards the old keys can be dropped.
    """
    _, context = open_service()
    lost = 0
    for found in reseal_all(context):
        click.echo(f"{found.kind}: {found.renewed} encrypted anew, {found.present} were so already")
        lost += found.lost
    if lost:
        raise SecretsLost(lost)
