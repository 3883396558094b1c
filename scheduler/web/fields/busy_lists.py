"""Lists of busy periods in JSON. A request may hold thousands, and validating each row takes longer than a search.

A list whose instants are all written alike is decoded by orjson, parsed by numpy, and replaced by a mark in what
pydantic validates. Every other list goes through pydantic row by row, which also says what is wrong with it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from itertools import islice
from operator import itemgetter
from typing import Annotated, Any, TypeVar

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import BaseModel, Field, GetCoreSchemaHandler, ValidationError, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from scheduler.domain.time.periods import Period, Periods
from scheduler.domain.time.zones import FIRST_DATE, LAST_INSTANT
from scheduler.errors import FieldError, InvalidFields
from scheduler.web.fields.document import Document
from scheduler.web.fields.times import Instant, backward

MOST = 100_000
"""Busy periods of one attendee."""

MOST_LISTS = 100
"""So many lists of a body are parsed by numpy: more than a request can use, and few enough for a hostile body."""

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.0{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_WALL_WIDTH = len("0000-00-00T00:00:00")
_FIRST = int(datetime.combine(FIRST_DATE, time(), UTC).timestamp())
_LAST = int(LAST_INSTANT.timestamp()) + 86_400

_D = TypeVar("_D", bound=BaseModel)
_Seconds = npt.NDArray[np.int64]


class BusyPeriodDocument(Document):
    """A busy period [start, end)."""

    start: Instant
    end: Instant


class BusyList:
    """The busy periods of an attendee as they were sent; in JSON a list of `BusyPeriodDocument`."""

    def __init__(self, sent: list[BusyPeriodDocument] | Periods) -> None:
        self._sent = sent

    def to_domain(self, pointer: str) -> Periods:
        """Return when the attendee is busy; ``pointer`` is the list's. Raises InvalidFields."""
        if isinstance(self._sent, Periods):
            return self._sent
        wrong = [(index, row) for index, row in enumerate(self._sent) if row.end <= row.start]
        if wrong:
            errors = [(f"{pointer}/{index}/end", backward("period", row.start, row.end)) for index, row in wrong[:20]]
            raise InvalidFields([FieldError(*error) for error in errors])
        return Periods.of(Period(row.start, row.end) for row in self._sent)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of the list of rows, before which a mark is looked for."""
        rows = handler.generate_schema(Annotated[list[BusyPeriodDocument], Field(max_length=MOST)])
        return core_schema.with_info_wrap_validator_function(cls._validate, rows)

    @classmethod
    def _validate(cls, sent: Any, rows: core_schema.ValidatorFunctionWrapHandler, info: ValidationInfo) -> BusyList:
        if isinstance(sent, str) and isinstance(info.context, dict) and sent in info.context:
            return cls(info.context.pop(sent))
        return cls(rows(sent))


def read_document(document: type[_D], body: bytes) -> _D:
    """Return a body in JSON as that document, with its busy lists parsed by numpy. Raises ValidationError."""
    rest, marked = take_busy_lists(body)
    if marked:
        try:
            read = document.model_validate_json(rest, context=marked)
        except ValidationError:
            pass  # the errors have to be those of the body as it was sent
        else:
            if not marked:  # each mark was found where a busy list may be
                return read
    return document.model_validate_json(body)


def take_busy_lists(body: bytes) -> tuple[bytes, dict[str, Periods]]:
    """Return the body with a mark in place of each busy list that numpy could parse, and the periods by their mark."""
    marked: dict[str, Periods] = {}
    if b'"busy"' in body:
        try:
            decoded = orjson.loads(body)
        except orjson.JSONDecodeError:
            return body, marked
        with_lists = (row for row in _objects(decoded) if isinstance(row.get("busy"), list))
        for row in islice(with_lists, MOST_LISTS):
            periods = _parse_periods(row["busy"])
            if periods is not None:
                row["busy"] = secrets.token_hex(16)  # a text that no client can have sent
                marked[row["busy"]] = periods
    try:
        return (orjson.dumps(decoded), marked) if marked else (body, marked)
    except orjson.JSONEncodeError:  # nested more deeply than orjson writes
        return body, {}


def _objects(decoded: Any) -> Iterator[dict[str, Any]]:
    """The object that is sent, and the objects in its lists, like attendees."""
    if isinstance(decoded, dict):
        yield decoded
        lists = [value for value in decoded.values() if isinstance(value, list)]
        yield from (row for rows in lists for row in rows if isinstance(row, dict))


def _parse_periods(rows: list[Any]) -> Periods | None:
    """The periods of several rows, seconds rounded outwards to minutes; None if pydantic has to look at them."""
    if not 1 < len(rows) <= MOST:
        return None
    try:
        starts, ends = zip(*map(itemgetter("start", "end"), rows), strict=True)
        first, last = _parse_instants(starts), _parse_instants(ends)
    except (KeyError, TypeError, ValueError):  # no such rows, or no such instants
        return None
    if first is None or last is None or (last <= first).any() or max(map(len, rows)) > 2:
        return None
    return Periods.merged(first // 60, -(-last // 60))


def _parse_instants(texts: Sequence[str]) -> _Seconds | None:
    """Seconds since 1970-01-01T00:00Z of RFC 3339 texts that differ only in digits; None if some differ otherwise.

    Raises TypeError and ValueError for what is no text and no instant.
    """
    like = _INSTANT.fullmatch(texts[0])
    if like is None or set(map(len, texts)) != {len(texts[0])}:
        return None
    letters = np.frombuffer("".join(texts).encode("ascii"), dtype=np.uint8).reshape(len(texts), -1)
    fixed = np.array([not letter.isdigit() for letter in texts[0]])
    fixed[like.end(1) : like.start(2)] = True  # zeros of a second
    if (letters[:, fixed] != letters[0, fixed]).any() or (letters[:, ~fixed] - ord("0") > 9).any():
        return None
    walls = np.ascontiguousarray(letters[:, :_WALL_WIDTH]).view(f"S{_WALL_WIDTH}").ravel().astype("datetime64[s]")
    seconds: _Seconds = walls.astype(np.int64)
    if like[2] != "Z":
        tens, ones, ten_minutes, minutes = (letters[:, [-5, -4, -2, -1]].astype(np.int64) - ord("0")).T
        if (10 * tens + ones > 23).any() or (ten_minutes > 5).any():
            return None
        offsets = 3600 * (10 * tens + ones) + 60 * (10 * ten_minutes + minutes)
        seconds -= offsets if like[2][0] == "+" else -offsets
    return seconds if seconds.min() >= _FIRST and seconds.max() < _LAST else None
