"""Lists of busy periods in JSON. Thousands come in a request, and making an object of each takes longer than a search.

A list whose rows are all written alike is a table in the body's own bytes, so many letters to a row: it is read from
there, and a mark stands in its place in what the JSON parser gets to see. What is written otherwise, or is not right,
goes through the parser like everything else, which also says what is wrong.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Annotated, Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, GetCoreSchemaHandler, ValidationError, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from scheduler.domain.time.periods import Minutes, Period, Periods
from scheduler.domain.time.zones import FIRST_DATE, LAST_INSTANT
from scheduler.errors import FieldError, InvalidFields
from scheduler.web.fields.document import Document
from scheduler.web.fields.times import Instant, backward

MOST = 100_000
"""Busy periods of one attendee."""

MOST_LISTS = 100
"""So many lists of a body are looked at; what comes after them, and more than a request can use, is the parser's."""

_SPACES = b" \t\n\r"
"""JSON's own (RFC 8259 §2)."""


def _tokens(pattern: bytes) -> re.Pattern[bytes]:
    """A pattern of JSON in which a blank stands for any spaces and @ for an instant."""
    instant = rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.0{1,6})?(?:Z|[+-]\d\d:\d\d))"'
    return re.compile(pattern.replace(b" ", b"[%b]*" % _SPACES).replace(b"@", instant))


_NAME = b'"busy"'
_LIST = _tokens(rb'"busy" : (\[) ')
_ROW = _tokens(rb'{ "start" : @ , "end" : @ }')
_BETWEEN = _tokens(rb" , ")

_WALL = [place for place, letter in enumerate("0000-00-00T00:00:00") if letter == "0"]
"""Where the digits of an instant's wall time are."""
_WALL_WIDTH = _WALL[-1] + 1
_SIGN, _OFFSET = -6, [-5, -4, -2, -1]
"""Where the sign and the digits of an offset are, from the end."""
_ALIKE = bytes.maketrans(b"123456789-", b"000000000+")
_FIRST = int(datetime.combine(FIRST_DATE, time(), UTC).timestamp())
_LAST = int(LAST_INSTANT.timestamp()) + 86_400

_D = TypeVar("_D", bound=BaseModel)
_Letters = npt.NDArray[np.uint8]
_Seconds = npt.NDArray[np.int64]


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
        """How pydantic reads it: what a mark stands for, or else row by row."""
        by_rows = handler.generate_schema(Annotated[list[BusyDocument], Field(max_length=MOST)])
        return core_schema.with_info_wrap_validator_function(cls._read, by_rows)

    @classmethod
    def _read(cls, sent: Any, by_rows: core_schema.ValidatorFunctionWrapHandler, info: ValidationInfo) -> BusyList:
        tables = info.context
        if isinstance(tables, Tables) and isinstance(sent, str) and sent in tables.found:
            return cls(tables.take(sent))
        return cls(by_rows(sent))


@dataclass
class Tables:
    """A body without its tables of busy periods, those by the mark in place of each, and the marks that were met."""

    rest: bytes
    found: dict[str, Periods]
    taken: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, body: bytes) -> Tables:
        """The body's tables; whatever only looks like one is left where it is."""
        parts: list[bytes] = []
        found: dict[str, Periods] = {}
        done = 0
        for table, periods in _read_all(list(_Table.of(body))):
            mark = secrets.token_hex(16)  # which nobody can have written
            found[mark] = periods
            parts += [body[done : table.opening], f'"{mark}"'.encode()]
            done = table.end
        return cls(b"".join([*parts, body[done:]]), found)

    def take(self, mark: str) -> Periods:
        """What the mark stands for."""
        self.taken.add(mark)
        return self.found[mark]


def read_document(document: type[_D], body: bytes) -> _D:
    """A body in JSON as that document, its long lists of busy periods read past the parser. Raises ValidationError."""
    tables = Tables.of(body)
    if tables.found:
        try:
            read = document.model_validate_json(tables.rest, context=tables)
        except ValidationError:
            pass  # what is said of it has to be said of the body as it was sent
        else:
            if len(tables.taken) == len(tables.found):
                return read
    return document.model_validate_json(body)


@dataclass(frozen=True)
class _Table:
    """What may be rows of busy periods: ``count`` of them, each followed by what stands between two.

    ``instants`` are the columns of the two in each row. ``opening`` is where the list's first bracket is, and ``end``
    is behind its last.
    """

    rows: bytes
    count: int
    instants: tuple[slice, slice]
    opening: int
    end: int

    @classmethod
    def of(cls, body: bytes) -> Iterator[_Table]:
        """Those of a body, in order."""
        at = 0
        for _ in range(MOST_LISTS):
            at = body.find(_NAME, at)
            if at < 0:
                return
            opening = _LIST.match(body, at)
            first = opening and _ROW.match(body, opening.end())
            between = first and _BETWEEN.match(body, first.end())
            if not opening or not first or not between or body[at - 1 : at] == b"\\":
                at += 1
                continue
            # Nothing is looked through twice, however many lists somebody opens without closing them.
            closing = body.find(b"]", between.end())
            at = closing + 1 if closing >= 0 else len(body)
            begin, gap = first.start(), between[0]
            count = (at - 1 - begin + len(gap)) // (between.end() - begin)
            last = begin + count * (between.end() - begin) - len(gap)
            if 1 < count <= MOST and body[last:at].strip(_SPACES) == b"]":
                one, other = (slice(first.start(place) - begin, first.end(place) - begin) for place in (1, 2))
                yield cls(body[begin:last] + gap, count, (one, other), opening.start(1), at)

    @property
    def layout(self) -> bytes:
        """The same of all tables whose rows are written alike."""
        return self.rows[: len(self.rows) // self.count].translate(_ALIKE)


def _read_all(tables: list[_Table]) -> Iterator[tuple[_Table, Periods]]:
    """The periods of those that are right, in order. Those that are written alike are read as one: it is quicker."""
    alike: dict[bytes, list[_Table]] = {}
    for table in tables:
        alike.setdefault(table.layout, []).append(table)
    found = {table.opening: periods for several in alike.values() for table, periods in _read(several)}
    for table in tables:
        if table.opening in found:
            yield table, found[table.opening]


def _read(tables: list[_Table]) -> Iterator[tuple[_Table, Periods]]:
    """The same of tables that are written alike."""
    columns = _columns(b"".join(table.rows for table in tables), sum(table.count for table in tables), tables[0])
    if columns is not None:
        ends = np.cumsum([table.count for table in tables])[:-1]
        for table, starts, stops in zip(tables, *(np.split(column, ends) for column in columns), strict=True):
            yield table, Periods.merged(starts, stops)
    elif len(tables) > 1:
        for table in tables:
            yield from _read([table])


def _columns(letters: bytes, count: int, like: _Table) -> tuple[Minutes, Minutes] | None:
    """The starts and ends of that many rows, seconds rounded outwards to whole minutes.

    None if a row is not like the first one but for what its two instants say, or says what can't be.
    """
    rows = np.frombuffer(letters, dtype=np.uint8).reshape(count, -1)
    if not _is_regular(rows, like.instants):
        return None
    starts, ends = (_seconds(rows[:, instant]) for instant in like.instants)
    if starts is None or ends is None or (ends <= starts).any():
        return None
    return starts // 60, -(-ends // 60)


def _is_regular(rows: _Letters, instants: Sequence[slice]) -> bool:
    """Whether all rows are like the first but for the digits of the instants and the signs of their offsets."""
    pattern = rows[0].copy()
    spread = np.zeros_like(pattern)
    for instant in instants:
        least, more = pattern[instant], spread[instant]
        digits = [*_WALL, *_OFFSET] if _has_offset(least) else _WALL
        least[digits], more[digits] = ord("0"), 9
        if _has_offset(least):
            least[_SIGN], more[_SIGN] = ord("+"), ord("-") - ord("+")
    # Whatever is below the pattern wraps around to a large number.
    return not ((rows - pattern) > spread).any()


def _seconds(instants: _Letters) -> _Seconds | None:
    """Seconds since 1970-01-01T00:00Z of the instants, a row each; None if one can't be, or is not supported."""
    try:
        walls = np.ascontiguousarray(instants[:, :_WALL_WIDTH]).view(f"S{_WALL_WIDTH}").ravel().astype("datetime64[s]")
    except ValueError:  # no date and time that exists
        return None
    seconds: _Seconds = walls.astype(np.int64)
    if _has_offset(instants[0]):
        offsets = instants[:, _OFFSET].astype(np.int64) - ord("0")
        hours, minutes = 10 * offsets[:, 0] + offsets[:, 1], 10 * offsets[:, 2] + offsets[:, 3]
        sign = ord(",") - instants[:, _SIGN].astype(np.int64)  # it lies between + and -
        if not sign.all() or hours.max() > 23 or minutes.max() > 59:
            return None
        seconds -= sign * (hours * 60 + minutes) * 60
    return seconds if seconds.min() >= _FIRST and seconds.max() < _LAST else None


def _has_offset(instant: _Letters) -> bool:
    return bool(instant[-1] != ord("Z"))
