"""The ``scheduler`` command. Answers go to stdout, logs and errors to stderr.

A command's code is loaded when it is asked for: most of them need only a part of what the service needs.
"""

from __future__ import annotations

from importlib import import_module

import click

from scheduler import __version__
from scheduler.errors import FieldError, InvalidFields, SchedulerError

COMMANDS = {
    "serve": "running",
    "work": "running",
    "migrate": "running",
    "backup": "backups",
    "restore": "backups",
    "doctor": "doctor",
    "programmes": "programmes",
    "keys": "keys",
    "burden": "burden",
    "secrets": "secrets",
    "slots": "questions",
    "cadences": "questions",
    "sequences": "questions",
    "scoring": "description",
    "openapi": "description",
    "config": "description",
}
"""Each command and the module of this package that it is in, under its own name."""


class _Commands(click.Group):
    """Finds the commands, and turns the scheduler's own errors into one line on stderr and exit status 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's interface
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's interface
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"scheduler.cli.{COMMANDS[cmd_name]}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SchedulerError as error:
            lines = error.errors if isinstance(error, InvalidFields) else [FieldError("", str(error))]
            for line in lines:
                click.echo(f"scheduler: {line.pointer + ': ' if line.pointer else ''}{line.detail}", err=True)
            raise SystemExit(1) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="scheduler")
def main() -> None:
    """Finds meeting slots and cadences for mentorships and publishes the invites by CalDAV and ICS feeds."""
