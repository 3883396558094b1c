"""Parses the values of options as the API parses its fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from scheduler.errors import InvalidFields
from scheduler.web.http.problems import fields_of

_T = TypeVar("_T")


def parse_option(option: str, parse: Callable[[str], _T], text: str) -> _T:
    """Return the parsed text of an option. Raises InvalidFields, which names the option."""
    try:
        return parse(text)
    except ValidationError as error:
        raise InvalidFields(fields_of(error, option)) from error
    except ValueError as error:
        raise InvalidFields.at(option, str(error)) from error
