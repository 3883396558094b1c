"""Column types for values that databases don't have: instants, wall times, periods, JSON. Each checks its values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
import orjson
from sqlalchemy import DateTime, Dialect, LargeBinary, String, Text
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.types import TypeDecorator

from scheduler.domain.availability.attendees import BlackoutKind, WorkingHours
from scheduler.domain.availability.obstacles import Cause, Obstacle
from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.time.clocks import PlannedMove
from scheduler.domain.time.periods import Periods

Choice = TypeVar("Choice", bound=StrEnum)


class NotAnInstant(DontWrapMixin, TypeError):
    """A datetime without an offset in a column of instants."""

    def __init__(self, value: datetime) -> None:
        self.value = value
        super().__init__(f"an instant needs a UTC offset: {value!r}")


class NotAWallTime(DontWrapMixin, TypeError):
    """A datetime with an offset in a column of wall times, whose zone is in a column of its own."""

    def __init__(self, value: datetime) -> None:
        self.value = value
        super().__init__(f"a wall time carries no offset: {value!r}")


class Identifier(TypeDecorator[str]):
    """An id as text. An id with a NUL, which PostgreSQL refuses in text, is bound as the empty id, which no row has."""

    impl = String(36)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # its interface
        """The id, or an empty one."""
        return "" if value is not None and "\0" in value else value


class UTCDateTime(TypeDecorator[datetime]):
    """An instant to the microsecond, with any offset when it is bound and in UTC when it is loaded.

    SQLite stores it as fixed-width text in UTC, which sorts by time. Raises NotAnInstant, a TypeError, for a naive
    datetime.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # its interface
        """The instant in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise NotAnInstant(value)
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # its interface
        """The instant in UTC; SQLite returns it naive."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class WallTime(TypeDecorator[datetime]):
    """A naive wall time as ISO text. Raises NotAWallTime, a TypeError, for one with an offset."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # its interface
        """ISO 8601 text, which sorts by wall time."""
        if value is None:
            return None
        if value.tzinfo is not None:
            raise NotAWallTime(value)
        return value.replace(fold=0).isoformat()

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # its interface
        """The wall time of the text."""
        return None if value is None else datetime.fromisoformat(value)


def _unchanged(value: Any) -> Any:
    return value


class Json(TypeDecorator[Any]):
    """A value as JSON text; None is stored as null in JSON, never as NULL.

    ``encode`` makes the value one that orjson serializes, and ``decode`` undoes it; neither is asked for None.
    """

    impl = Text
    cache_ok = True

    def __init__(self, *, encode: Callable[[Any], Any] = _unchanged, decode: Callable[[Any], Any] = _unchanged) -> None:
        super().__init__()
        self.encode = encode
        self.decode = decode

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002  # its interface
        """The value as JSON text."""
        return orjson.dumps(None if value is None else self.encode(value)).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002  # its interface
        """The value of the text."""
        loaded = orjson.loads(value or "null")
        return None if loaded is None else self.decode(loaded)


class PeriodsBlob(TypeDecorator[Periods]):
    """A set of periods as bytes: the starts, then the ends, as little-endian int64 minutes."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Periods | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002  # its interface
        """The bytes of both arrays."""
        return None if value is None else np.concatenate([value.starts, value.ends]).astype("<i8").tobytes()

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Periods | None:  # noqa: ARG002  # its interface
        """The two arrays, read-only."""
        if value is None:
            return None
        starts, ends = np.frombuffer(value, dtype="<i8").astype(np.int64, copy=False).reshape(2, -1)
        return Periods(starts, ends)


class ChoiceOf(TypeDecorator[Choice]):
    """A member of a StrEnum, stored as its value."""

    impl = String(16)
    cache_ok = True

    def __init__(self, choices: type[Choice]) -> None:
        super().__init__()
        self.choices = choices

    def process_bind_param(self, value: Choice | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # its interface
        """The member's value. Raises ValueError for a value that is not a member's."""
        return None if value is None else self.choices(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> Choice | None:  # noqa: ARG002  # its interface
        """The member of that value."""
        return None if value is None else self.choices(value)


def _hours(loaded: list[dict[str, Any]]) -> tuple[WorkingHours, ...]:
    return tuple(WorkingHours(tuple(entry["days"]), entry["start"], entry["end"]) for entry in loaded)


def _move(first: str, last: str, zone: str) -> PlannedMove:
    return PlannedMove(date.fromisoformat(first), date.fromisoformat(last), zone)


def _obstacle(person: str, cause: str, blackout: str | None, kind: str | None) -> Obstacle:
    return Obstacle(person, Cause(cause), blackout, None if kind is None else BlackoutKind(kind))


SCOPES = Json(encode=sorted, decode=lambda loaded: frozenset(map(Scope, loaded)))
"""The scopes of an API key."""
HOURS = Json(decode=_hours)
"""A tuple of WorkingHours: for each an object of its fields."""
MOVES = Json(encode=lambda moves: list(map(astuple, moves)), decode=lambda rows: tuple(_move(*row) for row in rows))
"""A tuple of PlannedMoves: for each a list of its first day, its last one, and the zone."""
OBSTACLES = Json(
    encode=lambda obstacles: list(map(astuple, obstacles)),
    decode=lambda rows: tuple(_obstacle(*row) for row in rows),
)
"""A tuple of Obstacles: for each a list of the person, the cause, and the blackout with its kind."""
