"""Storing a calendar object without overwriting what somebody else did there (RFC 9110 §13, RFC 4791 §5.3.4).

The decisions only: what to send, and what an answer means. A reply can be lost after the server stored
the object, so that a failed precondition may be our own success: what lies there tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from scheduler.domain.deliveries import Outcome, Rejected, Stored, TryAgain
from scheduler.ical.parse import Identity, read_identity

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Held:
    """What a server holds at an address, with its strong ETag if it gives one."""

    data: bytes
    etag: str | None


@dataclass(frozen=True)
class Written:
    """The server took a PUT; ``etag`` is what it gave, if strong."""

    etag: str | None


class Resource(Protocol):
    """The one address at which an object lies. Both raise CalendarRefused and CalendarUnreachable."""

    def read(self) -> Held | None:
        """What lies there; None if nothing does."""

    def write(self, data: bytes, if_match: str | None) -> Written | None:
        """Puts the bytes there if what lies there has that ETag, or (None) if nothing does; None if not so."""


def put_object(resource: Resource, data: bytes, etag: str | None) -> Outcome:
    """Makes the resource hold ``data`` if it holds what had ``etag``, or (None) nothing, or an older version of it.

    ``data`` is one event or series. Raises what the resource raises.
    """
    ours = read_identity(data)
    if ours is None:
        return Rejected("what was to be stored is not one calendar object")
    written = resource.write(data, etag)
    if written is not None:
        return _stored(resource, ours, written)
    held = resource.read()
    if held is not None:
        return _settle(resource, ours, data, held, seen_before=etag is not None)
    if etag is not None:
        return Rejected("somebody deleted the meeting from the calendar; it is not put back")
    return TryAgain("the calendar server changed the object while it was written")


def _settle(resource: Resource, ours: Identity, data: bytes, held: Held, *, seen_before: bool) -> Outcome:
    """What to do about an object that was not expected there."""
    theirs = read_identity(held.data)
    if theirs == ours:
        return Stored(held.etag)
    if theirs is None or theirs.uid != ours.uid:
        return Rejected("something else lies where the meeting belongs in the calendar; it is not overwritten")
    if _version(theirs) > _version(ours):
        return Rejected("somebody changed the meeting in the calendar after this change; it is not overwritten")
    if held.etag is None:
        return Rejected("the calendar server gives no strong ETag, so the meeting can't be replaced safely")
    written = resource.write(data, held.etag)
    if written is None:
        return TryAgain("the calendar server changed the object while it was written")
    note = "the copy in the calendar was not the one last stored there; it was replaced" if seen_before else None
    return _stored(resource, ours, written, note)


def _stored(resource: Resource, ours: Identity, written: Written, note: str | None = None) -> Outcome:
    """A success, with the ETag that the server gave, or else the one that it has for what we meant."""
    if written.etag is not None:
        return Stored(written.etag, note)
    held = resource.read()
    theirs = read_identity(held.data) if held else None
    if held is None or theirs is None or theirs.uid != ours.uid:
        return TryAgain("the calendar server took the meeting and does not show it")
    return Stored(held.etag if theirs == ours else None, note)


def _version(identity: Identity) -> tuple[int, datetime]:
    """What orders the versions of an event: SEQUENCE, then when it was changed (RFC 5546 §2.1.5)."""
    return identity.sequence, identity.changed_at or _NEVER
