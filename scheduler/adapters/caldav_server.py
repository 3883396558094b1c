"""People's calendars on CalDAV servers (RFC 4791), by way of python-caldav, through the guard.

The library's event objects look for the UID first, take a redirect for a success and re-serialise what
they load; so here it does the protocol (login, requests, multistatus), and the decisions are ours.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import caldav
import requests
from caldav.davclient import DAVClient
from caldav.elements import cdav, dav
from caldav.lib import error as dav_error
from caldav.lib.python_utilities import WireBytes
from requests.auth import HTTPBasicAuth

from scheduler.adapters.calendar_errors import CalendarRefused, CalendarUnreachable, failure
from scheduler.adapters.conditional_put import Held, Written, put_object
from scheduler.adapters.guarded_http import AddressRefused, AnswerTooLarge, Guard, guarded_session
from scheduler.domain.deliveries import Outcome, Rejected, TryAgain
from scheduler.domain.people import Account

__all__ = ["CalDAVServer", "CalendarRefused", "CalendarUnreachable"]

RESOURCE_TYPE = dav.ResourceType.tag
COMPONENT_SET = cdav.SupportedCalendarComponentSet.tag

_FOREIGN = (
    requests.RequestException,
    dav_error.DAVError,
    NotImplementedError,
    SyntaxError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    LookupError,
)
"""What the library raises: its own errors, those of requests, and what it trips over when an answer is garbage."""


class CalDAVServer:
    """Calendar servers, whichever an account names. Keeps nothing between calls, so any thread may call."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def check(self, account: Account) -> None:
        """Makes sure that the account is a calendar collection for events (RFC 4791 §4.2) that its login opens.

        Raises CalendarRefused with what the server said, CalendarUnreachable, AddressRefused.
        """
        with self._collection(account) as collection:
            properties = collection.properties(RESOURCE_TYPE, COMPONENT_SET)
        kinds, components = properties.get(RESOURCE_TYPE), properties.get(COMPONENT_SET)
        if not isinstance(kinds, list) or cdav.Calendar.tag not in kinds:
            raise CalendarRefused("has no calendar at this address; give the URL of a calendar collection")
        if isinstance(components, list) and "VEVENT" not in components:
            raise CalendarRefused("keeps no events in this calendar; give one that is not for tasks or journals")

    def put(self, account: Account, uid: str, data: bytes, etag: str | None) -> Outcome:
        """Makes the object ``<collection>/<uid>.ics`` hold those very bytes, if nobody changed it since ``etag``.

        None says that we stored nothing there yet. Doing it twice is doing it once. What somebody deleted, or
        changed after this change, is left so. Never raises for what a server or a network can do.
        """
        try:
            with self._collection(account) as collection:
                return put_object(_Object(collection, uid), data, etag)
        except (CalendarRefused, AddressRefused) as error:
            return Rejected(str(error))
        except CalendarUnreachable as error:
            return TryAgain(str(error), error.retry_after)

    def read_objects(self, account: Account, start: datetime, end: datetime) -> list[bytes]:
        """The objects with events that touch [start, end) (UTC), recurring ones whole, in any order (RFC 4791 §7.8).

        Raises CalendarRefused, CalendarUnreachable, AddressRefused; never answers with a part.
        """
        with self._collection(account) as collection:
            return collection.objects(start, end)

    @contextmanager
    def _collection(self, account: Account) -> Iterator[_Collection]:
        """The account's collection for one job, whose connections are closed after it."""
        self._guard.check_url(account.url)
        with guarded_session(self._guard) as session:
            yield _Collection(_client(session, account), _collection_url(account.url))


@dataclass(frozen=True)
class _Collection:
    """A calendar collection. Everything raises CalendarRefused, CalendarUnreachable and AddressRefused."""

    client: DAVClient
    url: str

    def properties(self, *names: str) -> dict[str, Any]:
        """Those properties of the collection that it has (RFC 4918 §9.1)."""
        with _library():
            response = self.client.propfind(self.url, list(names), depth=0)
            _check_multistatus(response)
            if response.all_responses_not_found():
                raise failure(404)
            return next((found.properties for found in response.parse_propfind()), {})

    def objects(self, start: datetime, end: datetime) -> list[bytes]:
        """The calendar objects with events within [start, end), all of them or an error."""
        events = cdav.CompFilter("VEVENT") + cdav.TimeRange(start, end)
        wanted = cdav.Filter() + (cdav.CompFilter("VCALENDAR") + events)
        query = cdav.CalendarQuery() + (dav.Prop() + cdav.CalendarData()) + wanted
        with _library():
            response = self.client.report(self.url, str(query), depth=1)
            _check_multistatus(response)
            # An object that was deleted meanwhile is answered with 404.
            found = [row.calendar_data for row in response.parse_calendar_query() if row.status != 404]
            whole = [data.encode() for data in found if data]
            if len(whole) < len(found):
                raise CalendarUnreachable("kept back some of the events that it found")
            return whole


@dataclass(frozen=True)
class _Object:
    """The address in a collection at which we keep the object with a UID."""

    collection: _Collection
    uid: str

    def read(self) -> Held | None:
        """What lies there; None if nothing does."""
        with _library():
            response = self._ask("GET", {"Accept": "text/calendar"})
            if response.status in (404, 410):
                return None
            if response.status != 200:
                raise _failure(response)
            return Held(response.raw.encode(), _strong_etag(response))

    def write(self, data: bytes, if_match: str | None) -> Written | None:
        """Puts the bytes there if what lies there has that ETag, or (None) if nothing does; None if not so."""
        condition = {"If-None-Match": "*"} if if_match is None else {"If-Match": if_match}
        with _library():
            response = self._ask("PUT", {"Content-Type": "text/calendar; charset=utf-8", **condition}, data)
            if response.status == 412:
                return None
            if response.status not in (200, 201, 204):
                raise _failure(response)
            return Written(_strong_etag(response))

    def _ask(self, method: str, headers: dict[str, str], data: bytes | None = None) -> Any:
        url = f"{self.collection.url}{quote(self.uid, safe='@')}.ics"
        body = "" if data is None else WireBytes(data)
        return self.collection.client.request(url, method, body, headers)  # type: ignore[arg-type]  # bytes go too


class _Client(DAVClient):
    """A client that says names and passwords in UTF-8, as servers read them (RFC 7617 §2.1); requests says Latin-1."""

    def build_auth_object(self, auth_types: list[str] | None = None) -> None:
        super().build_auth_object(auth_types)
        if isinstance(self.auth, HTTPBasicAuth):
            self.auth = HTTPBasicAuth((self.username or "").encode(), (self.password or "").encode())


def _client(session: requests.Session, account: Account) -> DAVClient:
    """The library's client for one job: it doesn't search the network, sleep, or ask for compressed answers.

    Servers give weak ETags for what they compress, and those protect nothing.
    """
    with _library():
        client = _Client(
            url=account.url,
            username=account.username,
            password=account.password,
            headers={"Accept-Encoding": "identity"},
            enable_rfc6764=False,
            rate_limit_handle=False,
        )
        client.session.close()
        client.session = session
        return client


def _collection_url(url: str) -> str:
    """The URL with the slash that a collection's has (RFC 4918 §5.2), and without a query or fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + "/", "", ""))


def _strong_etag(response: Any) -> str | None:
    """The ETag if it can stand in If-Match (RFC 9110 §13.1.1)."""
    etag = str(response.headers.get("ETag", "")).strip()
    return etag if len(etag) > 1 and etag.startswith('"') and etag.endswith('"') else None


def _check_multistatus(response: Any) -> None:
    """Raises unless the answer is a multistatus: an empty or foreign one would look like an empty calendar."""
    if response.status != 207:
        raise _failure(response)
    if response.tree is None or response.tree.tag != dav.MultiStatus.tag:
        raise CalendarUnreachable("gave an answer that is not WebDAV's")


def _failure(response: Any) -> CalendarRefused | CalendarUnreachable:
    retry_after = dav_error.parse_retry_after(response.headers.get("Retry-After", ""))
    preconditions = dav_error.parse_preconditions(response.raw)
    return failure(response.status, response.reason, preconditions, retry_after)


@contextmanager
def _library() -> Iterator[None]:
    """Raises what the library raises as one of ours."""
    try:
        yield
    except _FOREIGN as error:
        raise _translated(error) from error


def _translated(error: Exception) -> CalendarRefused | CalendarUnreachable:
    match error:
        case dav_error.RateLimitError():
            return failure(error.status or 429, retry_after=error.retry_after_seconds)
        case dav_error.AuthorizationError() if error.status is not None:
            return failure(error.status, error.reason, error.preconditions)
        case dav_error.AuthorizationError() | NotImplementedError():
            return CalendarRefused("asks for a kind of login other than basic, digest or bearer", 401)
        case requests.exceptions.SSLError():
            return CalendarUnreachable("has a certificate that can't be trusted for its name, or breaks off TLS")
        case requests.Timeout():
            return CalendarUnreachable("did not answer in time")
        case AnswerTooLarge():
            return CalendarUnreachable(f"answered more than can be read: {error}")
        case requests.ConnectionError() | requests.exceptions.ChunkedEncodingError():
            return CalendarUnreachable("can't be reached, or broke the connection off")
        case _:
            return CalendarUnreachable("gave an answer that can't be understood")


def _hush() -> None:
    """Keeps the library from writing events and logins to the log or, when its environment says so, to /tmp."""
    logging.getLogger("caldav").setLevel(logging.CRITICAL + 1)
    inside = str(Path(caldav.__file__).parent)
    logging.getLogger().addFilter(lambda record: not record.pathname.startswith(inside))
    dav_error.debug_dump_communication = False
    dav_error.debugmode = "PRODUCTION"


_hush()
