"""Lists of busy periods in JSON. A request may hold thousands, and validating each row takes longer than a search.

A list whose instants are all written in the usual form is parsed by numpy. Every other list goes through pydantic row
by row, which also says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from scheduler.domain.time.periods import Period, Periods
from scheduler.domain.time.zones import FIRST_DATE, LAST_INSTANT
from scheduler.errors import FieldError, InvalidFields
from scheduler.web.fields.document import Document
from scheduler.web.fields.times import Instant, backward, parse_instant

MOST = 100_000
"""Busy periods of one attendee."""

_WALL = "2000-01-01T12:00:00"
"""A local time in the usual form."""
_WALL_IN_UTC = parse_instant(f"{_WALL}Z")
_TO_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_FIRST = int(datetime.combine(FIRST_DATE, time(), UTC).timestamp())
_LAST = int(LAST_INSTANT.timestamp()) + 86_400


class BusyPeriodDocument(Document):
    """A busy period [start, end)."""

    start: Instant
    end: Instant


BusyRows = Annotated[list[BusyPeriodDocument], Field(max_length=MOST, fail_fast=True)]
"""The rows as pydantic reads them: up to the first that is wrong, because a body has room for millions of them."""


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
            raise InvalidFields([FieldError(*error) for error in errors], len(wrong))
        return Periods.of(Period(row.start, row.end) for row in self._sent)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of the list of rows, which are first tried as usual ones."""
        rows = handler.generate_schema(BusyRows)
        return core_schema.no_info_wrap_validator_function(cls._validate, rows)

    @classmethod
    def _validate(cls, sent: Any, validate_rows: core_schema.ValidatorFunctionWrapHandler) -> BusyList:
        periods = parse_in_bulk(sent)
        return cls(validate_rows(sent) if periods is None else periods)


def parse_in_bulk(rows: Any) -> Periods | None:
    """Return rows as periods, seconds rounded outwards to minutes; None if pydantic has to look at them."""
    if not isinstance(rows, list) or not 1 < len(rows) <= MOST:
        return None
    try:
        instants = _parse_instants([row["start"] for row in rows] + [row["end"] for row in rows])
    except (KeyError, TypeError, ValueError):  # no such rows, or no such instants
        return None
    starts, ends = instants[: len(rows)], instants[len(rows) :]
    if (ends <= starts).any() or max(map(len, rows)) > 2:
        return None
    return Periods.merged(starts // 60, -(-ends // 60))


def _parse_instants(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the seconds since 1970-01-01T00:00Z of RFC 3339 texts that end alike, such as all in Z or +02:00.

    Raises TypeError or ValueError if one is no text, is written in another way, or is no supported instant.
    """
    ending = texts[0][len(_WALL) :]
    lines = "\n".join([*texts, ""]).encode("ascii")
    line = f"{_WALL}{ending}\n".encode("ascii").translate(_TO_ZEROS)
    if lines.translate(_TO_ZEROS) != line * len(texts) or lines.count(ending.encode()) != len(texts):
        raise ValueError("some instants are written in another way")
    walls = np.frombuffer(lines, dtype=f"S{len(line)}").astype(f"S{len(_WALL)}")
    seconds: npt.NDArray[np.int64] = walls.astype("datetime64[s]").astype(np.int64) - _offset(ending)
    if seconds.min() < _FIRST or seconds.max() >= _LAST:
        raise ValueError("some instants are out of range")
    return seconds


def _offset(ending: str) -> int:
    """Return the seconds of an offset like +02:00 or Z. Raises ValueError."""
    shift = _WALL_IN_UTC - parse_instant(f"{_WALL}{ending}")
    if shift.microseconds:
        raise ValueError(f"{ending!r} has a fraction of a second")
    return shift // timedelta(seconds=1)
