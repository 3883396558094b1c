"""Error messages for what pydantic refuses: the value that was sent, and what to write instead.

The value of a field that may hold a secret is not repeated; of a list or an object only the type is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from scheduler.web.fields.document import quoted

_MAY_BE_SECRET = re.compile("passw|secret|token|key|login|credential|authorization|url", re.IGNORECASE)
"""Names of fields whose values are not repeated; a URL may hold a login."""

_WHOLE = "is no whole number; write it like 15"
_NUMBER = "is no number; write it like 0.5"
_OBJECT = "is no object; write one in braces, like {...}"
_WRONG_TYPES = {
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": "is neither true nor false; write one of them, without quotes",
    "string_type": "is no text; write one in quotes",
    "list_type": "is no list; write one in brackets, like [...]",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
}
"""The message for a value of the wrong type, by the type of pydantic's error."""


def message_for(row: Mapping[str, Any]) -> str:
    """Return the message for a row of ``ValidationError.errors()``; pydantic's own if there is none here."""
    kind, context = row["type"], row.get("ctx", {})
    given = "this" if any(_MAY_BE_SECRET.search(str(part)) for part in row["loc"]) else quoted(row["input"])
    if kind in _WRONG_TYPES:
        return f"{given} {_WRONG_TYPES[kind]}"
    if "too_short" in kind or "too_long" in kind:
        return _message_for_length(row["input"], context)
    match kind:
        case "missing":
            return "this field is needed"
        case "extra_forbidden":
            return "no such field is known here; leave it out or check its spelling"
        case "value_error":
            return str(context["error"])
        case "json_invalid":
            return f"this is not JSON ({context['error']}); put it right there"
        case "greater_than_equal":
            return f"{given} is too small; {context['ge']:.12g} is the least"
        case "less_than_equal":
            return f"{given} is too large; {context['le']:.12g} is the most"
        case "enum" | "literal_error":
            return f"{given} is not known here; give {context['expected']}"
        case _:
            message = str(row["msg"])
            return message[:1].lower() + message[1:]


def _message_for_length(value: Any, context: Mapping[str, Any]) -> str:
    """The message for a text or a list that is too short or too long: it names the length alone."""
    count = f"{len(value)} characters" if isinstance(value, str) else str(len(value))
    if "max_length" in context:
        return f"{count} are too many; {context['max_length']} is the most"
    least = context["min_length"]
    return "this can't be empty" if least == 1 else f"{count} are too few; {least} is the least"
