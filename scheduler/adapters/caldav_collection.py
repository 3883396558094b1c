"""A calendar collection and the objects in it, over HTTP (RFC 4791), with python-caldav doing the protocol.

The library's event objects look for the UID first, take a redirect for a success and re-serialise what
they load; so here it does login, requests and multistatus, and the decisions are ours.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import caldav
import requests
from caldav.davclient import DAVClient
from caldav.elements import cdav, dav
from caldav.lib import error as dav_error
from caldav.lib.python_utilities import WireBytes
from requests.auth import HTTPBasicAuth

from scheduler.adapters.calendar_errors import failure
from scheduler.adapters.conditional_put import Held, Written
from scheduler.adapters.guarded_http import AnswerTooLarge
from scheduler.domain.programme.people import Account
from scheduler.ical.parse import read_identity
from scheduler.services.calendar_server import CalendarRefused, CalendarUnreachable

_CALDAV = "{urn:ietf:params:xml:ns:caldav}"

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


@dataclass(frozen=True)
class Collection:
    """A calendar collection. Everything raises CalendarRefused, CalendarUnreachable and AddressRefused."""

    client: DAVClient
    url: str

    @classmethod
    def of(cls, account: Account, session: requests.Session) -> Collection:
        """The account's, asked through that session."""
        return cls(_client(session, account), _collection_url(account.url))

    def properties(self, *names: str) -> dict[str, Any]:
        """Those properties of the collection that it has (RFC 4918 §9.1)."""
        with _library():
            response = self.client.propfind(self.url, list(names), depth=0)
            _check_multistatus(response)
            if response.all_responses_not_found():
                raise failure(404)
            return next((found.properties for found in response.parse_propfind()), {})

    def features(self) -> set[str]:
        """What the server says that it can do (RFC 4918 §10.1); nothing if it doesn't say."""
        with _library():
            response: Any = self.client.request(self.url, "OPTIONS")
            said = str(response.headers.get("DAV", "")) if response.status in (200, 204) else ""
            return {feature.strip().lower() for feature in said.split(",")}

    def find(self, uid: str) -> str | None:
        """The URL of the object with that UID in the collection (RFC 4791 §7.8.6), whatever its name."""
        text = cdav.TextMatch(uid, collation="i;octet")
        events = cdav.CompFilter("VEVENT") + (cdav.PropFilter("UID") + text)
        wanted = cdav.Filter() + (cdav.CompFilter("VCALENDAR") + events)
        query = cdav.CalendarQuery() + (dav.Prop() + cdav.CalendarData()) + wanted
        with _library():
            response = self.client.report(self.url, str(query), depth=1)
            _check_multistatus(response)
            for row in response.parse_calendar_query():
                # A text matches where it is a part of another, and a server may not know how to filter.
                identity = read_identity((row.calendar_data or "").encode())
                url = urljoin(self.url, quote(row.href, safe="/:@%!$&'()*+,;=~"))
                if identity is not None and identity.uid == uid and url.startswith(self.url):
                    return url
        return None

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
class CalendarObject:
    """An address in a collection, and the UID of the object that belongs there."""

    collection: Collection
    uid: str
    url: str

    @classmethod
    def called(cls, collection: Collection, uid: str) -> CalendarObject:
        """Where we keep the object with that UID."""
        return cls(collection, uid, f"{collection.url}{quote(uid, safe='@')}.ics")

    def elsewhere(self) -> CalendarObject | None:
        """Where else in the collection an object with this UID lies: a server or a client may have named it."""
        url = self.collection.find(self.uid)
        return None if url is None or url == self.url else CalendarObject(self.collection, self.uid, url)

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
            if response.status == 412 and not any(name.startswith(_CALDAV) for name in _preconditions(response)):
                return None
            if response.status not in (200, 201, 204):
                raise _failure(response)
            return Written(_strong_etag(response))

    def _ask(self, method: str, headers: dict[str, str], data: bytes | None = None) -> Any:
        body = "" if data is None else WireBytes(data)
        return self.collection.client.request(self.url, method, body, headers)  # type: ignore[arg-type]  # bytes go too


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
    return failure(response.status, response.reason, _preconditions(response), retry_after)


def _preconditions(response: Any) -> list[str]:
    """Those that the server says have failed, in Clark notation."""
    return list(dav_error.parse_preconditions(response.raw))


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
            return CalendarUnreachable(
                "has a certificate that can't be trusted for its name, or breaks off TLS", of_server=True
            )
        case requests.Timeout():
            return CalendarUnreachable("did not answer in time", of_server=True)
        case AnswerTooLarge():
            return CalendarUnreachable(f"answered more than can be read: {error}")
        case requests.ConnectionError() | requests.exceptions.ChunkedEncodingError():
            return CalendarUnreachable("can't be reached, or broke the connection off", of_server=True)
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
