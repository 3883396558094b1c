"""The root of all errors, and the families that the other modules derive theirs from.

::

    SchedulerError                  raised on purpose: with a remedy in its message, and attributes for its handlers
    ├── InvalidValue (ValueError)   a value is not what it should be
    │   ├── UnknownZone, NonexistentTime, AmbiguousTime, OutsideCalendar, UnknownCountry
    │   ├── EmptyPeriod, BackwardDays, BackwardMove, OverlappingMoves, UnsupportedRule
    │   ├── TooManyLimits, TooMuchWork
    │   └── InvalidDatabaseUrl
    ├── InvalidFields               fields of a request do not fit together, or do not fit what is stored
    ├── NotFound                    there is nothing with that id
    ├── Refused                     the request is valid, but the present state does not allow it
    │   ├── MeetingCancelled, OccurrenceNotChangeable, OverlapsOwnOccurrence
    │   ├── PlanChanged, SlotTaken, QuotaReached, LastAdminKey, KeyTaken, AnswerLost, AlreadyConnected
    │   ├── AddressRefused, CalendarRefused, TooManySearches
    │   └── HTTPRefusal             carries a status of its own
    ├── SeveralFit, NeedsStoredPerson, FeedChanged
    ├── CalendarUnreachable, UnreadableCalendar, NotOneCalendar
    ├── UndecipherableSecret, SecretsLost
    ├── StoreUnavailable
    │   └── Deadlocked
    ├── StatementRefused, BackupFailed
    ├── SchemaMismatch
    │   ├── NotMigrated
    │   └── NewerDatabase
    ├── BadSettings, PublicSecretKey, NoPublicUrl
    └── CannotListen

This module knows nothing of HTTP, SQL or calendars. ``web.http.problems`` turns the errors into problem documents, and
``cli`` prints them as lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


class SchedulerError(Exception):
    """The scheduler refuses something, or fails at it, on purpose."""


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of a request: an RFC 6901 pointer, a sentence, and values to choose from, if any."""

    pointer: str
    detail: str
    choices: tuple[str, ...] = ()


class InvalidValue(SchedulerError, ValueError):
    """A value is not what it should be; the message says which value, and what to do.

    As a ``ValueError`` it is reported by pydantic at the field that holds the value.
    """


class InvalidFields(SchedulerError):
    """Fields of a request can't be used as they are; the message has a line for each, which says why.

    ``count`` is the number of all errors, if only the first ones are given.
    """

    def __init__(self, errors: Sequence[FieldError], count: int | None = None) -> None:
        self.errors = tuple(errors)
        self.count = len(self.errors) if count is None else count
        lines = [f"{error.pointer}: {error.detail}" if error.pointer else error.detail for error in self.errors]
        super().__init__("\n".join(lines))

    @classmethod
    def at(cls, pointer: str, detail: str) -> InvalidFields:
        """Return the error of one field."""
        return cls([FieldError(pointer, detail)])


@contextmanager
def at_field(pointer: str) -> Iterator[None]:
    """Turn an InvalidValue raised inside into InvalidFields with that pointer."""
    try:
        yield
    except InvalidValue as error:
        raise InvalidFields.at(pointer, str(error)) from error


class NotFound(SchedulerError):
    """The programme has nothing of that kind with that id; another programme's ids are not found either.

    ``pointer`` names the field of the request that held the id, if it was not in the path.
    """

    def __init__(self, kind: str, identifier: str, pointer: str | None = None) -> None:
        self.kind = kind
        self.identifier = identifier
        self.pointer = pointer
        super().__init__(f"no {kind} has the id {identifier!r}")


class Refused(SchedulerError):
    """The request is valid, but the present state does not allow it."""
