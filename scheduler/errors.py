"""The one tree of errors: each carries its data as attributes and its message as a remedy.

Knows nothing of HTTP, SQL or calendars; ``web`` turns these into problem documents in one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class SchedulerError(Exception):
    """Anything the scheduler refuses or fails at on purpose."""


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of a request: an RFC 6901 pointer, a sentence, and values to choose from, if any."""

    pointer: str
    detail: str
    choices: tuple[str, ...] = ()


class InvalidValue(SchedulerError, ValueError):
    """A value that can't be what it claims to be; the message says which value and what to do.

    It is a ``ValueError`` so that a validating library reports it at the field it came from.
    """


class InvalidFields(SchedulerError):
    """A request that is well-formed but can't be carried out as written: says which fields and why."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(f"{error.pointer}: {error.detail}" for error in self.errors))

    @classmethod
    def at(cls, pointer: str, detail: str) -> InvalidFields:
        """One field at fault."""
        return cls([FieldError(pointer, detail)])


class NotFound(SchedulerError):
    """Nothing of that kind has that id in this programme; another programme's things look the same.

    ``pointer`` names the field of the request that held the id, where it was not in the path.
    """

    def __init__(self, kind: str, identifier: str, pointer: str | None = None) -> None:
        self.kind = kind
        self.identifier = identifier
        self.pointer = pointer
        super().__init__(f"no {kind} has the id {identifier!r}")


class Refused(SchedulerError):
    """The request is understood and valid, but the present state of things does not allow it."""
