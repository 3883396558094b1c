"""Conditional PUT: store a calendar object without overwriting other changes (RFC 9110 §13, RFC 4791 §5.3.4).

Decides what to send and what an answer means. A stored object is read and merged before it is replaced. A reply can be
lost after the server stored the object, so that a failed precondition may be our own success: reading it tells.
"""

from __future__ import annotations

from scheduler.adapters.caldav_collection import CalendarObject, Held
from scheduler.domain.programme.outbox import Outcome, Rejected, Stored, TryAgain
from scheduler.ical.merge import Merged, with_sequence
from scheduler.ical.ownership import describe_restored
from scheduler.ical.scheduling import OwnObject
from scheduler.services.calendar_server import CalendarRefused

UID_CONFLICT = "no-uid-conflict"
"""RFC 4791 §5.3.2.1: the collection has an object with that UID under another name."""
ORGANIZERS_ONLY = frozenset({"allowed-attendee-scheduling-object-change", "attendee-allowed"})
"""RFC 6638 §3.2.4.4, and what Xandikos calls it: an attendee may not change what is the organizer's."""

ABOVE_DELETED = 2
"""How much higher the SEQUENCE of a new object is than that of a deleted one (RFC 5546 §2.1.4).

A server that schedules cancels a deleted meeting for its attendees under the next SEQUENCE, so the new object has the
one after that.
"""


def put_object(
    target: CalendarObject, data: bytes, *, stored_before: bool, deleted_sequence: int | None = None
) -> Outcome:
    """Store ``data``, one event or series, and keep what its owner added to it.

    An object that was ``stored_before`` and is gone is not created again. A new one gets a SEQUENCE above
    ``deleted_sequence``, that of an object which was deleted there. Raises CalendarRefused, CalendarUnreachable, and
    UnreadableCalendar, TooLarge, ReadingEnded and ReaderBusy for what is stored there.
    """
    ours = OwnObject.read(data)
    if ours is None:
        return Rejected("what was to be stored is not one calendar object")
    if not stored_before:
        sequence = max(ours.sequence, -1 if deleted_sequence is None else deleted_sequence + ABOVE_DELETED)
        new = data if sequence == ours.sequence else with_sequence(data, sequence)
        written = _create(target, new)
        if written is not None:
            return _stored(target, written, sequence, invites=ours.invites)
    target, held = target.read_anywhere()
    if held is not None:
        return _update(target, data, held)
    if stored_before:
        return _judge_deleted(data)
    return TryAgain("the calendar server changed the object while it was written")


def _create(target: CalendarObject, data: bytes) -> Held | None:
    """Create the object; return None if the collection has one with its UID already."""
    try:
        return target.write(data, None)
    except CalendarRefused as error:
        if UID_CONFLICT not in error.preconditions:
            raise
        return None


def _judge_deleted(data: bytes) -> Outcome:
    """Return the outcome for an object that was stored before and was deleted since."""
    if b"\r\nSTATUS:CANCELLED\r\n" in data and b"\r\nSTATUS:CONFIRMED\r\n" not in data:
        return Stored(None, "somebody had deleted the cancelled meeting from the calendar; it stays deleted")
    return Rejected("somebody deleted the meeting from the calendar; retry this delivery to create it again")


def _update(target: CalendarObject, data: bytes, held: Held) -> Outcome:
    """Merge with the stored object, and write the result if it differs."""
    merged = target.collection.reader.merge(data, held.data, target.uid)
    if merged is None:
        return Rejected("another object is stored where the meeting belongs in the calendar; it is not overwritten")
    if merged.is_newer:
        return Rejected(
            "the calendar holds a later version of the meeting than this service; it is not overwritten, "
            "and the next change of the meeting will be delivered"
        )
    if not merged.differs:
        return Stored(held.etag, sequence=merged.sequence)
    if held.etag is None:
        return Rejected("the calendar server gives no strong ETag, so the meeting can't be replaced safely")
    return _replace(target, merged, held)


def _replace(target: CalendarObject, merged: Merged, held: Held) -> Outcome:
    try:
        written = target.write(merged.data, held.etag)
    except CalendarRefused as error:
        if not ORGANIZERS_ONLY & error.preconditions:
            raise
        return _judge_invitation(merged, held)
    if written is None:
        return TryAgain("the calendar server changed the object while it was written")
    note = describe_restored(merged.restored)
    return _stored(target, written, merged.sequence, note, invites=merged.invites)


def _judge_invitation(merged: Merged, held: Held) -> Outcome:
    """Return the outcome for an invitation that the server itself keeps as the organizer's calendar has it."""
    if merged.is_same:
        note = "the calendar server shows this version as an invitation, in the organizer's words"
        return Stored(held.etag, note)
    return TryAgain("the calendar server lets nobody but the organizer change this invitation")


def _stored(target: CalendarObject, written: Held, sequence: int, note: str | None = None, *, invites: bool) -> Outcome:
    """Return the success of a write, with the ETag that the server gave or, if it gave none, has now.

    A server that invites people writes into the stored object what came of that, so the object is read again.
    """
    if written.etag is not None and not invites:
        return Stored(written.etag, note, sequence)
    held = target.read()
    shown = target.collection.reader.show(held.data, target.uid) if held else None
    if held is None or shown is None:
        return TryAgain("the calendar server took the meeting and does not show it")
    said = "; ".join(filter(None, (note, shown.failed_invitations)))
    return Stored(held.etag if shown.sequence == sequence else None, said or None, shown.sequence)
