"""``scheduler slots``, ``cadences`` and ``sequences``: searches for the request in a file, without a database."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from scheduler.errors import InvalidFields

if TYPE_CHECKING:
    from scheduler.web.fields.document import Document

_D = TypeVar("_D", bound="Document")
_file_argument = click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
_json_option = click.option("--json", "as_json", is_flag=True, help="print the answer as JSON")


@click.command()
@_file_argument
@_json_option
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), help="draw the answer into this file, too")
def slots(file: str, as_json: bool, svg: Path | None) -> None:
    """Find slots for the request in FILE.

    FILE (- is stdin) holds the body of POST /v1/slots, with inline attendees. No database is needed.
    """
    from scheduler.cli.tables import print_tables, slots_tables
    from scheduler.domain.search.slots import find_slots
    from scheduler.pictures import week_svg
    from scheduler.pictures.week_view import week_view
    from scheduler.web.api.slots import SlotsRequest, slots_answer

    now = datetime.now(UTC)
    query = _read(SlotsRequest, file).to_search(now).inline_query()
    found = find_slots(query)
    if svg is not None:
        _write(svg, week_svg(week_view(query, found)))
    if as_json:
        click.echo(slots_answer(found, query.attendees, now))
    else:
        print_tables(slots_tables(found, query.attendees))


@click.command()
@_file_argument
@_json_option
def cadences(file: str, as_json: bool) -> None:
    """Find cadences for the request in FILE.

    FILE (- is stdin) holds the body of POST /v1/cadences, with inline attendees. No database is needed.
    """
    from scheduler.cli.tables import cadences_tables, print_tables
    from scheduler.services.proposing import find_cadences_or_rotations
    from scheduler.web.api.cadences import CadencesRequest, cadences_answer

    query = _read(CadencesRequest, file).to_search().inline_query()
    found = find_cadences_or_rotations(query)
    if as_json:
        click.echo(cadences_answer(found, query.attendees, datetime.now(UTC)))
    else:
        print_tables(cadences_tables(found, query.attendees))


@click.command()
@_file_argument
@_json_option
def sequences(file: str, as_json: bool) -> None:
    """Find sequences for the request in FILE.

    FILE (- is stdin) holds the body of POST /v1/sequences, with inline attendees. No database is needed.
    """
    from scheduler.cli.tables import print_tables, sequences_tables
    from scheduler.domain.search.sequences import find_sequences
    from scheduler.web.api.sequences import SequencesRequest, sequences_answer

    now = datetime.now(UTC)
    request = _read(SequencesRequest, file)
    query = request.to_search(now).inline_query()
    found = find_sequences(query)
    if as_json:
        click.echo(sequences_answer(request, found, query.attendees, now))
    else:
        print_tables(sequences_tables(found, query, [session.title for session in request.sessions]))


def _write(path: Path, text: str) -> None:
    """Write a UTF-8 text file. Raises InvalidFields."""
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise InvalidFields.at("--svg", f"{path} can't be written: {error.strerror}") from error


def _read(document: type[_D], file: str) -> _D:
    """Return the request in a file or on stdin. Raises InvalidFields."""
    from pydantic import ValidationError

    from scheduler.web.http.problems import invalid_fields

    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise InvalidFields.at("", f"{file} can't be read: {error.strerror}") from error
    try:
        return document.model_validate_json(text)
    except ValidationError as error:
        raise invalid_fields(error) from error
