"""``scheduler slots``, ``cadences`` and ``sequences``: searches for the request in a file, without a database."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click
from pydantic import ValidationError

from scheduler.cli.tables import cadences_table, print_answer, sequences_table, slots_table
from scheduler.domain.search.sequences import find_sequences
from scheduler.domain.search.slots import find_slots
from scheduler.errors import InvalidFields
from scheduler.pictures import week_svg
from scheduler.pictures.week_view import week_view
from scheduler.services.proposing import find_cadences_or_rotations
from scheduler.web.api.cadences import CadencesAnswer, CadencesRequest
from scheduler.web.api.sequences import SequencesRequest, sequences_answer
from scheduler.web.api.slots import SlotsRequest, slots_answer
from scheduler.web.fields.busy_lists import read_document
from scheduler.web.fields.document import Document
from scheduler.web.http.problems import fields_of

_D = TypeVar("_D", bound=Document)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="print the answer as JSON")
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), help="draw the answer into this file, too")
def slots(file: str, as_json: bool, svg: Path | None) -> None:
    """Find slots for the request in FILE.

    FILE (- is stdin) holds the body of POST /v1/slots, with inline attendees. No database is needed.
    """
    request = _read(SlotsRequest, file)
    now = datetime.now(UTC)
    query = request.to_search(now).inline_query()
    found = find_slots(query)
    if svg is not None:
        _write(svg, week_svg(week_view(query, found)))
    print_answer(slots_answer(found, query.attendees, now) if as_json else slots_table(found, query.attendees))


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="print the answer as JSON")
def cadences(file: str, as_json: bool) -> None:
    """Find cadences for the request in FILE.

    FILE (- is stdin) holds the body of POST /v1/cadences, with inline attendees. No database is needed.
    """
    request = _read(CadencesRequest, file)
    query = request.to_search().inline_query()
    found = find_cadences_or_rotations(query)
    document = CadencesAnswer.from_domain(found, query.attendees, datetime.now(UTC))
    print_answer(document.model_dump_json() if as_json else cadences_table(found, query.attendees))


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="print the answer as JSON")
def sequences(file: str, as_json: bool) -> None:
    """Find sequences for the request in FILE.

    FILE (- is stdin) holds the body of POST /v1/sequences, with inline attendees. No database is needed.
    """
    request = _read(SequencesRequest, file)
    now = datetime.now(UTC)
    query = request.to_search(now).inline_query()
    found = find_sequences(query)
    titles = [session.title for session in request.sessions]
    if as_json:
        print_answer(sequences_answer(request, found, query.attendees, now))
    else:
        print_answer(sequences_table(found, query, titles))


def _write(path: Path, text: str) -> None:
    """Write a UTF-8 text file. Raises InvalidFields."""
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise InvalidFields.at("--svg", f"{path} can't be written: {error.strerror}") from error


def _read(document: type[_D], file: str) -> _D:
    """Return the request in a file or on stdin. Raises InvalidFields."""
    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise InvalidFields.at("", f"{file} can't be read: {error.strerror}") from error
    try:
        return read_document(document, text)
    except ValidationError as error:
        raise InvalidFields(fields_of(error)) from error
