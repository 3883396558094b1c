"""The ``scheduler`` command. Answers go to stdout, logs and errors to stderr.

A command's module is imported when the command runs: most commands need a small part of the service, and ``--help``
needs none.
"""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

import click

from scheduler import __version__
from scheduler.errors import InvalidFields, SchedulerError


class LazyCommand(NamedTuple):
    """A command that is not imported yet."""

    module: str
    """The module of this package that defines it, under the command's name."""
    summary: str
    """The first line of its help."""


COMMANDS = {
    "serve": LazyCommand("running", "Serve the API and the feeds, with a worker, in one process"),
    "work": LazyCommand("running", "Run a separate worker, which makes deliveries and reads connected calendars"),
    "migrate": LazyCommand("running", "Bring the database to this version"),
    "backup": LazyCommand("backups", "Copy the database to FILE; the service may go on running"),
    "restore": LazyCommand("backups", "Replace the database by a backup; the service may go on running"),
    "doctor": LazyCommand("doctor", "Compare the database, the feeds and people's calendars, and list what differs"),
    "programmes": LazyCommand("programmes", "Create and list programmes"),
    "keys": LazyCommand("keys", "Manage a programme's API keys"),
    "burden": LazyCommand("burden", "Print a person's burden of odd hours, and the partner's of each mentorship"),
    "secrets": LazyCommand("secrets", "Change the secret key"),
    "slots": LazyCommand("searches", "Find slots for the request in FILE"),
    "cadences": LazyCommand("searches", "Find cadences for the request in FILE"),
    "sequences": LazyCommand("searches", "Find sequences for the request in FILE"),
    "scoring": LazyCommand("description", "Print the scoring rules, and whose burden counts"),
    "openapi": LazyCommand("description", "Print the API's description (OpenAPI 3.1, YAML)"),
    "config": LazyCommand("description", "List the settings, their variables and values; secrets are not shown"),
}


class _LazyGroup(click.Group):
    """Imports a command when it runs, and prints the scheduler's own errors as lines on stderr, with status 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's interface
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's interface
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"scheduler.cli.{COMMANDS[cmd_name].module}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's interface
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SchedulerError as error:
            for line in _lines_of(error):
                click.echo(f"scheduler: {line}", err=True)
            raise SystemExit(1) from error


def _lines_of(error: SchedulerError) -> list[str]:
    if isinstance(error, InvalidFields):
        return [f"{field.pointer}: {field.detail}" if field.pointer else field.detail for field in error.errors]
    return str(error).splitlines()


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="scheduler")
def main() -> None:
    """Finds meeting slots and cadences for mentorships and publishes the invites by CalDAV and ICS feeds."""
