"""The port to people's CalDAV servers: the calls a server has to answer, and the errors they raise.

    SchedulerError
    ├── Refused
    │   ├── CalendarRefused      the server said no; somebody has to change something
    │   └── AddressRefused       the URL leads to where the operator does not allow connections
    └── CalendarUnreachable      no usable answer; trying again later may help

Adapters raise these and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol

from scheduler.domain.programme.outbox import Outcome
from scheduler.domain.programme.people import Account
from scheduler.errors import Refused, SchedulerError

LONGEST_CALL = 60.0
"""Seconds that a call may take, with all its requests; less than a lease."""


class CalendarRefused(Refused):
    """The server refused the request and will refuse it again until somebody changes something.

    ``status`` is its HTTP status, if there was one; ``preconditions`` are the names of the failed preconditions that
    it listed (RFC 4918 §16).
    """

    def __init__(self, reason: str, status: int | None = None, preconditions: Iterable[str] = ()) -> None:
        self.status = status
        self.preconditions = frozenset(preconditions)
        super().__init__(f"the calendar server {reason}")


class CalendarUnreachable(SchedulerError):
    """The server gave no usable answer, and may give one later.

    ``retry_after`` is the server's. ``of_server``: any other request to that server would have failed alike.
    """

    def __init__(self, reason: str, retry_after: timedelta | None = None, *, of_server: bool = False) -> None:
        self.retry_after = retry_after
        self.of_server = of_server
        super().__init__(f"the calendar server {reason}")


class AddressRefused(Refused):
    """The URL's host is not on the public internet, or can't be checked, and the operator has not allowed it.

    Neither an ``OSError`` nor an error of an HTTP library: code that retries on those must not retry this.
    """

    def __init__(self, host: str, reason: str = "is not on the public internet") -> None:
        super().__init__(
            f"the host {host!r} {reason}: give a public http or https address without a login in it, "
            "or have the operator add its network to SCHEDULER_ALLOWED_NETWORKS"
        )


class CalendarServer(Protocol):
    """People's CalDAV servers (RFC 4791). None of the calls logs names, times or logins.

    Each takes at most ``seconds``.
    """

    def check(self, account: Account, seconds: float = LONGEST_CALL) -> bool:
        """Check that the account is a calendar collection that its login opens.

        Returns whether the server sends invitations by itself (calendar-auto-schedule, RFC 6638 §2).

        Raises:
            CalendarRefused, CalendarUnreachable, AddressRefused.

        """

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
        """Store ``data`` as the calendar object with that UID, and keep what its owner added to it.

        Idempotent: an object that already says the same counts as stored and is not written. An object that was
        ``stored_before`` and is gone is not created again, and a later version is not replaced. A new object gets a
        higher SEQUENCE than ``deleted_sequence``, that of an object which was deleted there. Never raises for a
        failure of a server or a network; the outcome reports it.
        """

    def read_object(self, account: Account, uid: str, seconds: float = LONGEST_CALL) -> bytes | None:
        """Return the calendar object with that UID as it is stored; None if there is none.

        Raises:
            CalendarRefused, CalendarUnreachable, AddressRefused.

        """

    def read_objects(
        self, account: Account, start: datetime, end: datetime, seconds: float = LONGEST_CALL
    ) -> list[bytes]:
        """Return all calendar objects with events that touch [start, end), in any order.

        Raises:
            CalendarRefused, CalendarUnreachable, AddressRefused; a partial answer is never returned.

        """
