"""What it means when a calendar server does not do as asked: refused for good, or not now (RFC 9110 §15)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from http import HTTPStatus

from scheduler.services.calendar_server import CalendarRefused, CalendarUnreachable

LONGEST_WAIT = timedelta(days=1)
"""A server's Retry-After beyond this is read as this."""

_PASSING = frozenset({408, 421, 423, 425, 429})
"""Client errors that go away by themselves: a timeout, a wrong connection, a lock, too early, too many."""

_OF_SERVER = frozenset({429, 502, 503, 504})
"""Answers that say nothing of what was asked."""

_MEANING = {
    401: "does not accept the login; check the username and the password",
    403: "does not let this login do that; check that it may write to the calendar",
    404: "has nothing at this address; check the calendar's URL",
    410: "has nothing at this address any more; check the calendar's URL",
    405: "does not take calendar objects at this address; check the calendar's URL",
    409: "has something that stands against it",
    412: "has something that stands against it",
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
    """What an answer that isn't a success comes to.

    ``phrase`` is the server's reason phrase, ``preconditions`` are the elements of its DAV:error in Clark
    notation (RFC 4918 §16, for example RFC 4791's no-uid-conflict), ``retry_after`` is in seconds.
    """
    names = [name.rpartition("}")[2] for name in preconditions]
    answer = f"answered {_named(status, phrase, names)}"
    if status in _PASSING or (500 <= status < 600 and status != HTTPStatus.INSUFFICIENT_STORAGE):
        return CalendarUnreachable(answer, _wait(retry_after), of_server=status in _OF_SERVER)
    if 300 <= status < 400:
        return CalendarRefused(f"{answer}: the calendar has another address now; give that one", status)
    if status >= 400:
        meaning = _MEANING.get(status, "does not take what it was asked")
        return CalendarRefused(f"{meaning} (it {answer})", status, names)
    return CalendarUnreachable(f"{answer}, which is no answer to that")


def _named(status: int, phrase: str | None, names: Iterable[str]) -> str:
    """Status, phrase and the names of preconditions, in a few printable words: they are somebody else's text."""
    named = ", ".join(names)
    text = f"{status} {phrase or _standard_phrase(status)}".strip() + (f": {named}" if named else "")
    return "".join(filter(str.isprintable, text))[:120]


def _standard_phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _wait(seconds: float | None) -> timedelta | None:
    if seconds is None or not seconds >= 0:
        return None
    return timedelta(seconds=min(seconds, LONGEST_WAIT.total_seconds()))
