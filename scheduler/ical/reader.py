"""All questions about foreign iCalendar, and their answers, as messages that can cross to another process.

A short calendar can hold a rule that takes minutes to expand, and a server may answer anything where a meeting should
be. So nothing foreign is parsed where it can't be ended: `CalendarReader` sends questions, and `answer` answers them in
a child process. Both sides of each question stand here together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np

from scheduler.domain.time.clocks import Clock, Itinerary, PlannedMove
from scheduler.domain.time.periods import Periods
from scheduler.errors import SchedulerError
from scheduler.ical.bounds import check_size
from scheduler.ical.busy import busy_periods
from scheduler.ical.lines import NotOneCalendar
from scheduler.ical.merge import Merged, merge
from scheduler.ical.parse import UnreadableCalendar, read_identity
from scheduler.ical.scheduling import describe_invitation_failures
from scheduler.ical.stamps import stamped_uid

MOST_SECONDS = 45.0
"""Seconds that all reading of one attempt may take, waiting for a reader included. A call to a server may take more."""


class ReadingEnded(UnreadableCalendar):
    """A calendar whose reading was ended, because it took more time or memory than is allowed."""


class ReaderBusy(SchedulerError):
    """There was no time left to read, whatever the calendar: trying again later helps."""

    def __init__(self) -> None:
        super().__init__("the service had no time to read what the calendar holds; it is tried again")


@dataclass(frozen=True)
class Message:
    """A question's arguments, or its answer: a value that JSON can hold, and byte strings."""

    value: Any
    parts: Sequence[bytes] = ()


@dataclass(frozen=True)
class Shown:
    """What a stored object shows: its SEQUENCE, and a sentence about invitations that failed (None: none has)."""

    sequence: int
    failed_invitations: str | None


class CalendarReader(ABC):
    """Reads what foreign calendars hold. Every question raises ReadingEnded and ReaderBusy."""

    @abstractmethod
    def ask(self, question: str, message: Message, seconds: float = MOST_SECONDS) -> Message:
        """Return the answer within that time. Raises UnreadableCalendar too."""

    def close(self) -> None:  # noqa: B027  # most have nothing to end
        """End what is not in use."""

    def busy_periods(
        self,
        objects: Sequence[bytes],
        start: datetime,
        end: datetime,
        clock: Clock,
        ignore_uids: Collection[str] = (),
        emails: Collection[str] = (),
    ) -> Periods:
        """Return what `scheduler.ical.busy.busy_periods` returns. Raises UnreadableCalendar."""
        if not objects:
            return Periods.none()
        arguments = [start.isoformat(), end.isoformat(), _clock_value(clock), list(ignore_uids), list(emails)]
        starts, ends = self.ask("busy_periods", Message(arguments, objects)).value
        return Periods(np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64))

    def merge(self, ours: bytes, held: bytes, uid: str) -> Merged | None:
        """Return what `scheduler.ical.merge.merge` returns; None if ``held`` is not one object with that UID.

        Raises UnreadableCalendar, TooLarge.
        """
        answered = self.ask("merge", Message(uid, [ours, held]))
        if answered.value is None:
            return None
        facts = dict(answered.value)
        return Merged(data=answered.parts[0], restored=tuple(facts.pop("restored")), **facts)

    def show(self, data: bytes, uid: str) -> Shown | None:
        """Return what an object shows; None if it is not one object with that UID. Raises TooLarge."""
        value = self.ask("show", Message(uid, [data])).value
        return None if value is None else Shown(*value)

    def find(self, objects: Sequence[bytes], uid: str) -> int | None:
        """Return the index of the first object with that UID, or None."""
        index: int | None = self.ask("find", Message(uid, objects)).value if objects else None
        return index

    def stamped_uids(self, objects: Sequence[bytes]) -> list[str]:
        """Return the UIDs of those objects that carry our stamp and are not cancelled, sorted."""
        uids: list[str] = self.ask("stamped_uids", Message(None, objects)).value if objects else []
        return uids


def answer(question: str, message: Message) -> Message:
    """Answer a question in this process, however long it takes. Raises UnreadableCalendar."""
    try:
        return _ANSWERS[question](message)
    except NotOneCalendar as error:
        raise UnreadableCalendar(str(error)) from error
    except RecursionError as error:
        raise UnreadableCalendar("it is nested too deeply") from error


def _busy_periods(message: Message) -> Message:
    start, end, clock, ignore_uids, emails = message.value
    span = datetime.fromisoformat(start), datetime.fromisoformat(end)
    busy = busy_periods(message.parts, *span, _clock_of(clock), frozenset(ignore_uids), emails)
    return Message([busy.starts.tolist(), busy.ends.tolist()])


def _clock_value(clock: Clock) -> Any:
    """Return the clock as a value that JSON can hold."""
    if isinstance(clock, str):
        return clock
    return [clock.home, [[move.first.isoformat(), move.last.isoformat(), move.zone] for move in clock.moves]]


def _clock_of(value: Any) -> Clock:
    """Return the clock that `_clock_value` wrote."""
    if isinstance(value, str):
        return value
    home, moves = value
    days = ((date.fromisoformat(first), date.fromisoformat(last), zone) for first, last, zone in moves)
    return Itinerary(home, tuple(PlannedMove(*move) for move in days))


def _merge(message: Message) -> Message:
    ours, held = message.parts
    check_size(held)
    identity = read_identity(held)
    if identity is None or identity.uid != message.value:
        return Message(None)
    facts = dict(vars(merge(ours, held)))
    data = facts.pop("data")
    return Message(facts, [data])


def _show(message: Message) -> Message:
    (data,) = message.parts
    check_size(data)
    identity = read_identity(data)
    if identity is None or identity.uid != message.value:
        return Message(None)
    return Message([identity.sequence, describe_invitation_failures(data)])


def _find(message: Message) -> Message:
    """Parse only what mentions the UID: a server may answer with its whole calendar."""
    uid = message.value
    for index, data in enumerate(message.parts):
        unfolded = data.replace(b"\r", b"").replace(b"\n ", b"").replace(b"\n\t", b"")
        if uid.encode() in unfolded:
            identity = read_identity(data)
            if identity is not None and identity.uid == uid:
                return Message(index)
    return Message(None)


def _stamped_uids(message: Message) -> Message:
    return Message(sorted({uid for uid in map(stamped_uid, message.parts) if uid is not None}))


_ANSWERS: dict[str, Callable[[Message], Message]] = {
    "busy_periods": _busy_periods,
    "merge": _merge,
    "show": _show,
    "find": _find,
    "stamped_uids": _stamped_uids,
}
