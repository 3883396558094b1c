"""A fake of the CalDAV port: records its calls and gives the answers that a test sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from scheduler.domain.programme.outbox import Outcome, Stored
from scheduler.domain.programme.people import Account
from scheduler.services.calendar_server import LONGEST_CALL


def event_object(uid: str, *lines: str) -> bytes:
    """A calendar object with one event of those lines, as a server might hold it."""
    body = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//x//EN", "BEGIN:VEVENT", f"UID:{uid}"]
    body += ["DTSTAMP:20261001T000000Z", *lines, "END:VEVENT", "END:VCALENDAR", ""]
    return "\r\n".join(body).encode()


@dataclass(frozen=True)
class Put:
    """What one PUT carried."""

    account: Account
    uid: str
    data: bytes
    stored_before: bool


@dataclass
class RecordingCalendars:
    """The CalendarServer port in memory. ``during_check`` and ``during_put`` run while one is under way."""

    refusal: Exception | None = None
    auto_schedule: bool = False
    """Whether servers that are checked from now on invite attendees by themselves."""
    outcomes: list[Outcome] = field(default_factory=list)
    """What the PUTs come to in turn; with none left they are stored."""
    objects: list[bytes] = field(default_factory=list)
    during_check: Callable[[], object] = lambda: None
    during_put: Callable[[], object] = lambda: None
    checked: list[Account] = field(default_factory=list)
    puts: list[Put] = field(default_factory=list)
    reads: list[tuple[Account, datetime, datetime]] = field(default_factory=list)

    def check(self, account: Account, seconds: float = LONGEST_CALL) -> bool:
        self.checked.append(account)
        self.during_check()
        if self.refusal:
            raise self.refusal
        return self.auto_schedule

    def put(
        self,
        account: Account,
        uid: str,
        data: bytes,
        *,
        stored_before: bool,
        deleted_sequence: int | None = None,
        seconds: float = LONGEST_CALL,
    ) -> Outcome:
        self.puts.append(Put(account, uid, data, stored_before))
        self.during_put()
        return self.outcomes.pop(0) if self.outcomes else Stored(f'"{len(self.puts)}"')

    def read_object(self, account: Account, uid: str, seconds: float = LONGEST_CALL) -> bytes | None:
        if self.refusal:
            raise self.refusal
        return next((data for data in self.objects if f"\r\nUID:{uid}\r\n".encode() in data), None)

    def read_objects(
        self, account: Account, start: datetime, end: datetime, seconds: float = LONGEST_CALL
    ) -> list[bytes]:
        self.reads.append((account, start, end))
        if self.refusal:
            raise self.refusal
        return self.objects
