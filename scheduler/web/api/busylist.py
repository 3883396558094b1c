"""Lists of busy periods in JSON. Thousands come in one request, so that the usual way to write them is read in bulk.

What is not written like that, or is not right, is read row by row, which is also what says what is wrong.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from scheduler.domain.periods import Period, Periods
from scheduler.domain.zones import FIRST_DATE, LAST_INSTANT
from scheduler.errors import FieldError, InvalidFields
from scheduler.web.api.fields import Document, Instant, backward

MOST = 100_000
"""Busy periods of one attendee."""

Seconds = npt.NDArray[np.int64]
"""Seconds since 1970-01-01T00:00Z."""

_PATTERN = np.frombuffer(b"0000-00-00T00:00:00Z", dtype=np.uint8)
_SPREAD = np.where(np.equal(_PATTERN, ord("0")), np.uint8(9), np.uint8(0))
"""By how much each letter may lie above that of the pattern."""
_WIDTH = _PATTERN.size
_FIRST = int(datetime.combine(FIRST_DATE, time(), UTC).timestamp())
_LAST = int(LAST_INSTANT.timestamp()) + 86_400


class BusyDocument(Document):
    """A busy period [start, end)."""

    start: Instant
    end: Instant


class BusyList:
    """The busy periods of an attendee as they were sent; in JSON a list of `BusyDocument`."""

    def __init__(self, sent: list[BusyDocument] | Periods) -> None:
        self._sent = sent

    def to_domain(self, pointer: str) -> Periods:
        """When the attendee is busy; ``pointer`` is where the list stands. Raises InvalidFields."""
        if isinstance(self._sent, Periods):
            return self._sent
        wrong = [(place, row) for place, row in enumerate(self._sent) if row.end <= row.start]
        if wrong:
            raise InvalidFields(
                [
                    FieldError(f"{pointer}/{place}/end", backward("period", row.start, row.end))
                    for place, row in wrong[:20]
                ]
            )
        return Periods.of(Period(row.start, row.end) for row in self._sent)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """How pydantic reads it: in bulk if that can be done, or else row by row."""
        by_rows = handler.generate_schema(Annotated[list[BusyDocument], Field(max_length=MOST)])
        return core_schema.no_info_wrap_validator_function(cls._read, by_rows)

    @classmethod
    def _read(cls, sent: Any, by_rows: core_schema.ValidatorFunctionWrapHandler) -> BusyList:
        in_bulk = read_in_bulk(sent)
        return cls(by_rows(sent) if in_bulk is None else in_bulk)


def read_in_bulk(sent: Any) -> Periods | None:
    """The periods, if every instant is written like 2026-10-20T14:00:00Z and all is right; None if it may not be."""
    if not isinstance(sent, list) or not 0 < len(sent) <= MOST:
        return None
    try:
        if set(map(len, sent)) != {2}:
            return None
        starts, ends = (_seconds([row[name] for row in sent]) for name in ("start", "end"))
    except (TypeError, KeyError):  # a row that is no object, or other members
        return None
    if starts is None or ends is None or (ends <= starts).any():
        return None
    return Periods.merged(starts // 60, -(-ends // 60))


def _seconds(texts: list[Any]) -> Seconds | None:
    """The instants, if all are texts in the usual form and name a date that is supported."""
    if set(map(len, texts)) != {_WIDTH}:
        return None
    try:
        # Each is to end in its Z, which the pattern holds: numpy knows no offsets.
        letters = np.frombuffer("".join(texts).encode("ascii"), dtype=np.uint8).reshape(-1, _WIDTH)
        # Whatever is below "0" wraps around to a large number.
        if ((letters - _PATTERN) > _SPREAD).any():
            return None
        walls = np.ascontiguousarray(letters[:, :-1]).view(f"S{_WIDTH - 1}").ravel()
        seconds: Seconds = walls.astype("datetime64[s]").astype(np.int64)
    except ValueError:  # not ASCII, or no date and time that exists
        return None
    return seconds if seconds.min() >= _FIRST and seconds.max() < _LAST else None
