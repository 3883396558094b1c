"""The ``scheduler`` command. Answers go to stdout, logs and errors to stderr."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click
from pydantic import SecretStr, TypeAdapter, ValidationError

from scheduler import __version__
from scheduler.app import create_app, create_context, routed_app
from scheduler.config import Settings, load_settings
from scheduler.domain.cadences import find_cadences
from scheduler.domain.slots import find_slots
from scheduler.errors import FieldError, InvalidFields, SchedulerError
from scheduler.logs import configure_logs
from scheduler.services.booking import rederive_meetings
from scheduler.services.ports import Context
from scheduler.services.programmes import create_programme
from scheduler.services.proposing import inline_attendees, with_attendees
from scheduler.serving import serve as serve_app
from scheduler.serving import work as run_worker
from scheduler.store import database_name
from scheduler.tables import cadences_table, print_answer, slots_table
from scheduler.web.api.attendees import specs_of
from scheduler.web.api.cadences import CadencesAnswer, CadencesRequest
from scheduler.web.api.fields import Document, Name
from scheduler.web.api.openapi import openapi_yaml
from scheduler.web.api.slots import SlotsAnswer, SlotsRequest
from scheduler.web.problems import fields_of

_D = TypeVar("_D", bound=Document)


class _Command(click.Group):
    """Turns the scheduler's own errors into one line on stderr and exit status 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SchedulerError as error:
            lines = error.errors if isinstance(error, InvalidFields) else [FieldError("", str(error))]
            for line in lines:
                click.echo(f"scheduler: {line.pointer + ': ' if line.pointer else ''}{line.detail}", err=True)
            raise SystemExit(1) from error


@click.group(cls=_Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="scheduler")
def main() -> None:
    """Finds meeting slots and cadences for mentorships and publishes the invites by CalDAV and ICS feeds."""


@main.command()
@click.option("--host", help="address to listen on [SCHEDULER_HOST]")
@click.option("--port", type=click.IntRange(0, 65535), help="port to listen on; 0 takes a free one [SCHEDULER_PORT]")
def serve(host: str | None, port: int | None) -> None:
    """Serve the API and the feeds, with a worker, in one process."""
    settings, context = _start()
    app = create_app(context, settings.public_url)
    chosen = settings.port if port is None else port
    serve_app(app, context, host or settings.host, chosen, settings.threads)


@main.command()
def work() -> None:
    """Run a separate worker: deliveries, and reading connected calendars."""
    _, context = _start()
    run_worker(context)


@main.command()
def migrate() -> None:
    """Bring the database to this version, and derive series again if the tz database has changed."""
    context = _open(_settings())
    context.store.migrate()
    click.echo(f"migrated {context.store.name}", err=True)
    for meeting_id, moved in rederive_meetings(context):
        for occurrence in moved:
            start = f"{occurrence.period.start:%Y-%m-%dT%H:%MZ}"
            click.echo(f"meeting {meeting_id}: {occurrence.start.wall:%Y-%m-%d %H:%M} is now {start}", err=True)


@main.group()
def programmes() -> None:
    """Manage programmes."""


@programmes.command("create")
@click.argument("name")
def create(name: str) -> None:
    """Create a programme; prints its API key, once, as the last line."""
    _, context = _start()
    try:
        key = create_programme(context, TypeAdapter(Name).validate_python(name))
    except ValidationError as error:
        raise InvalidFields(fields_of(error, "NAME")) from error
    click.echo("the key of the new programme; it may do everything and is not shown again:", err=True)
    click.echo(key)


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="print the answer as JSON")
def slots(file: str, as_json: bool) -> None:
    """Find slots: FILE (or -) holds a request of POST /v1/slots with inline attendees."""
    asked = _read(SlotsRequest, file)
    now = datetime.now(UTC)
    attendees = inline_attendees(specs_of(asked.attendees))
    found = find_slots(replace(asked.to_query(now), attendees=attendees))
    document = SlotsAnswer.of(found, attendees, now)
    print_answer(document.model_dump_json() if as_json else slots_table(found, attendees))


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="print the answer as JSON")
def cadences(file: str, as_json: bool) -> None:
    """Find cadences: FILE (or -) holds a request of POST /v1/cadences with inline attendees."""
    asked = _read(CadencesRequest, file)
    attendees = inline_attendees(specs_of(asked.attendees))
    found = find_cadences(with_attendees(asked.to_query(), attendees))
    document = CadencesAnswer.of(found, attendees, datetime.now(UTC))
    print_answer(document.model_dump_json() if as_json else cadences_table(found, attendees))


@main.command()
def openapi() -> None:
    """Print the API's description (OpenAPI 3.1, YAML)."""
    click.echo(openapi_yaml(routed_app()), nl=False)


@main.command()
def config() -> None:
    """List the settings, the variables they come from, and their values; secrets are not shown."""
    settings = _settings()
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        if isinstance(value, SecretStr):
            shown = "(set)" if name in settings.model_fields_set else "(the development key)"
        if name == "database_url":
            shown = database_name(settings.database_url)
        click.echo(f"SCHEDULER_{name.upper()}={shown}\n    {field.description}")


def _settings() -> Settings:
    settings = load_settings()
    configure_logs(settings.log_format)
    return settings


def _open(settings: Settings) -> Context:
    """A context whose connections are closed when the command ends."""
    context = create_context(settings)
    click.get_current_context().call_on_close(context.store.close)
    return context


def _start() -> tuple[Settings, Context]:
    """Settings and a context whose database is at this version."""
    settings = _settings()
    context = _open(settings)
    if not context.store.migrated():
        raise NotMigrated
    return settings, context


class NotMigrated(SchedulerError):
    """The database is older than the code."""

    def __init__(self) -> None:
        super().__init__("the database is not at this version; run 'scheduler migrate' first")


def _read(document: type[_D], file: str) -> _D:
    """The request in a file or on stdin. Raises InvalidFields."""
    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise InvalidFields.at("", f"{file} can't be read: {error.strerror}") from error
    try:
        return document.model_validate_json(text)
    except ValidationError as error:
        raise InvalidFields(fields_of(error)) from error
