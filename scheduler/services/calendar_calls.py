"""A worker's call to the server of a leased calendar, with the time that it took."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from scheduler.domain.programme.people import Account
from scheduler.domain.programme.servers import Exchange
from scheduler.services.calendar_server import AddressRefused, CalendarRefused, CalendarUnreachable
from scheduler.services.ports import Context
from scheduler.services.secrets import UndecipherableSecret
from scheduler.store import Reading

_T = TypeVar("_T")

CallFailed = CalendarRefused | CalendarUnreachable | AddressRefused | UndecipherableSecret


def call_server(
    context: Context, reading: Reading, origin: str, call: Callable[[Account], _T]
) -> tuple[_T | CallFailed, Exchange]:
    """Call the server with the calendar's login; return what the call returns or why it failed, and the exchange."""
    calendar = reading.calendar
    started = context.clock()
    answer: _T | CallFailed
    try:
        answer = call(Account(calendar.url, calendar.username, context.vault.open(reading.password_token)))
    except (CalendarRefused, CalendarUnreachable, AddressRefused, UndecipherableSecret) as error:
        answer = error
    unreachable = answer if isinstance(answer, CalendarUnreachable) else None
    failed = unreachable is not None and unreachable.of_server
    return answer, Exchange(origin, started, context.clock(), failed, unreachable.retry_after if unreachable else None)
