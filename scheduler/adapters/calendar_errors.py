"""Which error an HTTP status of a calendar server becomes: refused for good, or unreachable for now (RFC 9110 §15)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from http import HTTPStatus
from http.client import responses

from scheduler.services.calendar_server import CalendarRefused, CalendarUnreachable

LONGEST_WAIT = timedelta(days=1)
"""The longest Retry-After that is respected."""

_TEMPORARY = frozenset({408, 421, 423, 425, 429})
"""Client errors that pass: timeout, misdirected request, lock, too early, too many requests."""

_OF_SERVER = frozenset({429, 502, 503, 504})
"""Statuses that any other request to the server would get too."""

_MEANING = {
    401: "does not accept the login; check the username and the password",
    403: "does not let this login do that; check that it may write to the calendar",
    404: "has nothing at this address; check the calendar's URL",
    410: "has nothing at this address any more; check the calendar's URL",
    405: "does not take calendar objects at this address; check the calendar's URL",
    409: "has a conflict with what is stored",
    412: "has a conflict with what is stored",
    413: "finds it too large",
    415: "does not take iCalendar here",
    507: "has no room left for this login",
}


def failure(
    status: int,
    phrase: str | None = None,
    preconditions: Iterable[str] = (),
    retry_after: float | None = None,
) -> CalendarRefused | CalendarUnreachable:
    """Return the error for an answer that is not a success.

    ``phrase`` is the server's reason phrase, ``preconditions`` are the elements of its DAV:error in Clark notation
    (RFC 4918 §16, for example RFC 4791's no-uid-conflict), ``retry_after`` is in seconds.
    """
    names = [name.rpartition("}")[2] for name in preconditions]
    answer = f"answered {_describe(status, phrase, names)}"
    if status in _TEMPORARY or (500 <= status < 600 and status != HTTPStatus.INSUFFICIENT_STORAGE):
        return CalendarUnreachable(answer, _wait(retry_after), of_server=status in _OF_SERVER)
    if 300 <= status < 400:
        return CalendarRefused(f"{answer}: the calendar has another address now; give that one", status)
    if status >= 400:
        meaning = _MEANING.get(status, "does not accept the request")
        return CalendarRefused(f"{meaning} (it {answer})", status, names)
    return CalendarUnreachable(f"{answer}, which is no valid answer")


def _describe(status: int, phrase: str | None, names: Iterable[str]) -> str:
    """Return status, phrase and preconditions as printable text of at most 120 characters: the server chose it."""
    named = ", ".join(names)
    text = f"{status} {phrase or responses.get(status, '')}".strip() + (f": {named}" if named else "")
    return "".join(filter(str.isprintable, text))[:120]


def _wait(seconds: float | None) -> timedelta | None:
    if seconds is None or not seconds >= 0:
        return None
    return timedelta(seconds=min(seconds, LONGEST_WAIT.total_seconds()))
