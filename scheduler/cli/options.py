"""Reading what options are given, as the API reads its fields; what is wrong is said of the option."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from scheduler.errors import InvalidFields
from scheduler.web.http.problems import fields_of

_T = TypeVar("_T")


def read_option(option: str, reader: Callable[[str], _T], given: str) -> _T:
    """What the reader makes of the given text. Raises InvalidFields, which names the option."""
    try:
        return reader(given)
    except ValidationError as error:
        raise InvalidFields(fields_of(error, option)) from error
    except ValueError as error:
        raise InvalidFields.at(option, str(error)) from error
