"""Options that several commands have, and the parsing of their values."""

from __future__ import annotations

from typing import Any

import click

programme_option = click.option("--programme", required=True, help="its id or its name")


def parse_option(option: str, kind: Any, text: str | None) -> Any:
    """Return the value of an option, parsed as the API parses a field of that type.

    Raises InvalidFields, which names the option.
    """
    from pydantic import TypeAdapter, ValidationError

    from scheduler.web.http.problems import invalid_fields

    try:
        return TypeAdapter(kind).validate_python(text)
    except ValidationError as error:
        raise invalid_fields(error, option) from error
