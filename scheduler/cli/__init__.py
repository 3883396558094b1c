"""The ``scheduler`` command. Answers go to stdout, logs and errors to stderr.

The commands import what they need when they run: most need a small part of the service, and ``--help`` needs none.
"""

from __future__ import annotations

import click

from scheduler import __version__
from scheduler.cli.burden import burden
from scheduler.cli.calendar import calendar
from scheduler.cli.description import config, openapi, scoring
from scheduler.cli.maintenance import backup, doctor, migrate, restore, secrets
from scheduler.cli.programmes import keys, programmes
from scheduler.cli.running import serve, work
from scheduler.cli.searches import cadences, sequences, slots
from scheduler.errors import SchedulerError


class _Commands(click.Group):
    """Lists the commands in the order given, and prints the scheduler's own errors as lines, with status 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's interface
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's interface
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.get_short_help_str(limit=1000)) for name, one in self.commands.items()])

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SchedulerError as error:
            for line in str(error).splitlines():
                click.echo(f"scheduler: {line}", err=True)
            raise SystemExit(1) from error


@click.group(
    cls=_Commands,
    commands=[
        *(serve, work, migrate, backup, restore, doctor),
        *(programmes, keys, burden, secrets),
        *(slots, cadences, sequences, calendar, scoring, openapi, config),
    ],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="scheduler")
def main() -> None:
    """Finds meeting slots and cadences for mentorships and publishes the invites by CalDAV and ICS feeds."""
